"""What runs are called in figures and in the names of their files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

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


def file_part(runs: Sequence[LoadedRun], longest: int = 60) -> str:
    """The runs' models as a part of a file name: `libra-tiny+normal`; what is too long is counted."""
    return joined_names((run.name for run in runs), longest)


def joined_names(called: Iterable[str], longest: int = 60) -> str:
    """Names as a part of a file name: `libra-tiny+normal`; what is too long is counted."""
    names = [re.sub(r"[^\w.-]+", "-", name).strip("-.") for name in dict.fromkeys(called)]
    kept = [name for place, name in enumerate(names) if place == 0 or len("+".join(names[: place + 1])) <= longest]
    more = len(names) - len(kept)
    return "+".join(kept) + (f"+{more}-more" if more else "")
