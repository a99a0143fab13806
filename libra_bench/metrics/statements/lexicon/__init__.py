"""The words that the reader knows, as tables: findings, structures, devices, signs, change, scope, sides.

A phrase is added to the table it belongs to, in the notation of `phrases.py`. Nothing else has to change but
`LEXICON_VERSION`, which is part of the signature of every metric that reads statements.
"""

from __future__ import annotations

from libra_bench.metrics.statements.lexicon.devices import DEVICES
from libra_bench.metrics.statements.lexicon.entry import Entry
from libra_bench.metrics.statements.lexicon.findings import FINDINGS
from libra_bench.metrics.statements.lexicon.structures import STRUCTURES
from libra_bench.metrics.statements.lexicon.study import WHOLE_STUDY

LEXICON_VERSION = 3

ENTRIES: tuple[Entry, ...] = (*FINDINGS, *DEVICES, *STRUCTURES, WHOLE_STUDY)
"""Everything that a statement can be about."""
