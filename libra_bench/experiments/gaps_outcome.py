"""Gaps between subgroups as a table and a figure."""

from __future__ import annotations

from libra_bench.experiments.gaps import Gap, Gaps
from reports.experiment import Outcome, Table


def gaps_outcome(found: Gaps) -> Outcome:
    """What `libra-bench compare --by` shows."""
    several = len(found.runs) > 1
    rows = [
        (
            _name(one, several),
            one.level,
            one.n,
            one.value,
            None if one.level == one.reference else one.gap,
            one.low,
            one.high,
        )
        for one in found.gaps
    ]
    reference = found.gaps[0].reference
    note = (
        f"gap: the level minus the one with most studies ({reference}), with its 95 % interval ({found.resamples} "
        "resamples of patients, where the suite knows them), not corrected for the number of gaps. ↓: lower is better."
    )
    columns = ("metric", found.by, "n", "value", "gap", "low", "high")
    return Outcome(
        name="gaps",
        title=f"Gaps by {found.by}",
        result=found.as_json(),
        tables=[Table("gaps", f"Gaps by {found.by}", columns, rows, note)],
        findings=[sentence for one in found.gaps if (sentence := _sentence(one, several))],
    )


def _name(one: Gap, several: bool) -> str:
    return (f"{one.run}: " if several else "") + one.key + ("" if one.higher_is_better else " ↓")


def _sentence(one: Gap, several: bool) -> str:
    """A gap whose interval excludes 0."""
    if one.gap is None or one.low is None or one.high is None or one.low <= 0 <= one.high:
        return ""
    word = "better" if (one.gap > 0) == one.higher_is_better else "worse"
    return f"{_name(one, several)}: {one.level} is {word} than {one.reference} by {abs(one.gap):.2f}."
