"""What the texts of an arm say, compared with what the baseline's texts say of the same studies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.schema import QuestionId, Sample
from libra_bench.experiments.edit_kinds import OPPOSITE
from libra_bench.metrics.progression import TemporalLabel, is_reversed, temporal_label
from libra_bench.metrics.statements.reader import report_statements


@dataclass(frozen=True, slots=True)
class Share:
    """A share of n things, 0 to 1."""

    n: int
    share: float | None


def statements_kept(pairs: Sequence[tuple[str, str]]) -> Share:
    """Share of the statements of the first texts that recur with the same finding, presence and side."""
    said = kept = 0
    for before, after in pairs:
        ours, theirs = (
            Counter((one.finding, one.presence, one.side) for one in report_statements(text))
            for text in (before, after)
        )
        said += ours.total()
        kept += (ours & theirs).total()
    return _share(said, kept)


def changes_reversed(pairs: Sequence[tuple[str, str]]) -> Share:
    """Of the first texts' statements that something is new, resolved, larger or smaller: those with the opposite."""
    told = flipped = 0
    for before, after in pairs:
        now = {(one.finding, one.side, one.change) for one in report_statements(after)}
        for one in report_statements(before):
            if one.change in OPPOSITE:
                told += 1
                flipped += (one.finding, one.side, OPPOSITE[one.change]) in now
    return _share(told, flipped)


def labels_reversed(
    samples: Sequence[Sample], before: Mapping[QuestionId, str], after: Mapping[QuestionId, str]
) -> Share | None:
    """Of the labelled findings that the first texts call new, worse, improved or resolved: those that turn around.

    Args:
        samples: studies; those without labels of progression do not count.
        before: the texts about the images in their order.
        after: the texts about the images in reverse order.

    Returns:
        None where no study has such labels.
    """
    labelled = [(sample.question_id, label) for sample in samples for label in _labels(sample)]
    if not labelled:
        return None
    found = [is_reversed(before[question], after[question], label) for question, label in labelled]
    return _share(sum(one is not None for one in found), sum(one is True for one in found))


def _labels(sample: Sample) -> list[TemporalLabel]:
    return [label for text in sample.labels or () if (label := temporal_label(text)) is not None]


def comparing(texts: Sequence[str]) -> Share:
    """Share of the texts that compare with an earlier study."""
    comparing = sum(any(one.change is not None for one in report_statements(text)) for text in texts)
    return _share(len(texts), comparing)


def _share(n: int, counted: int) -> Share:
    return Share(n, counted / n if n else None)
