"""What runs are called in figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from reports.load import LoadedRun


def run_names(runs: Sequence[LoadedRun]) -> list[str]:
    """Model names; where several runs share one, with the protocol; where that does not tell, the fingerprint."""
    names = [run.name for run in runs]
    for facts in ([run.protocol for run in runs], [run.fingerprint[:6] for run in runs]):
        counted = Counter(names)
        names = [
            f"{name} ({fact})" if counted[name] > 1 and fact else name for name, fact in zip(names, facts, strict=True)
        ]
    return names
