"""Errors in a report, counted as radiologists count them: six categories, and a score like GREEN's.

    score = 100 x matched / (matched + cost of the weighted errors)

Both reports are read by rules (`report_statements`) and their findings matched (`report_alignment.py`). Counted are the
categories of ReXVal and GREEN: a false finding, a missing finding, a wrong location (side), a wrong severity, a
comparison that is not in the reference, and a missing comparison that tells a change ("unchanged" tells none).

Weights, in units of the finding's own (`clinical_significance.py`):

- a finding that is missing or false: 1; a matched finding: 1 of "matched". Only uncertain: half of either.
- an error in an attribute of a matched finding: 0.5 (CRIMSON's significant attribute error) for the wrong side or
  mild for severe; 0.25 for one side of two, or neighbouring degrees; of two sizes 0.5 times the share by which they
  differ; comparisons 0.25, and 0.1 where only "unchanged" is false. All errors of one matched finding: at most 1.
- a relative for the finding: half matched, half an error (a pneumonia for an atelectasis), or three quarters to one
  where it only describes it (an opacity for a pneumonia). Certain for uncertain: three quarters to one.

Where the reference has a finding, what both deny doesn't count; the normal rest is matched as far as the findings are
(`REST`), and who matches none, as a normal report does, scores below 10, the more the lighter the errors. Where it has
none, "nothing is wrong" is the finding, of weight `NORMAL`: a false finding costs what it weighs, and a prediction that
denies less than the reference loses up to 22 points. Neither report states anything: 100; only one does: 0.

Errors that weigh w together cost w (1 + w / 0.5): radiologists' ratings fall with the number of significant errors, not
with their share of what is right, so one actionable error costs double and three cost four times each (`serious`).

Own definition, no reference implementation. The corpus score is the mean over samples; precision and recall are those
of all samples' findings (a relative is part of a match). Of several references, the one with the best score counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from libra_bench.metrics.clinical_significance import Significance, name_of_weights, read_significance
from libra_bench.metrics.error_counts import CATEGORIES, ErrorCounts, count_errors, marks
from libra_bench.metrics.metric import (
    Floats,
    Key,
    MetricResult,
    Missing,
    References,
    Sees,
    Span,
    Statistics,
    corpus_values,
    ratio,
    signature_of,
)
from libra_bench.metrics.report_alignment import Alignment, align, report_of
from libra_bench.metrics.spans import Spans
from libra_bench.metrics.statements.lexicon import LEXICON_VERSION

SCORE = "Report-errors-score"


@dataclass(frozen=True)
class ReportErrors:
    """Six kinds of errors per 100 reports, and a score that weighs them."""

    weights: str = "clinical"
    """"clinical", "equal", or a JSON file {finding: class or weight} that changes some of the clinical weights."""

    id: ClassVar[str] = "report_errors"
    summary: ClassVar[str] = "false, missing and wrong findings, sides, severities and comparisons, by rules"
    sees: ClassVar[Sees] = "statements"
    needs: ClassVar[str] = "nothing"
    independent: ClassVar[bool] = True
    reward_key: ClassVar[str] = SCORE

    @property
    def keys(self) -> Sequence[Key]:
        """The score, six counts per 100 reports, precision and recall of findings."""
        counts = (Key(f"Report-errors-{name}", False, (0.0, math.inf)) for name in CATEGORIES)
        return (Key(SCORE), *counts, Key("Report-errors-precision"), Key("Report-errors-recall"))

    @property
    def signature(self) -> str:
        """The weights' and the reader's versions are in it."""
        return signature_of(
            self,
            impl="libra-bench",
            weights=name_of_weights(self.weights),
            cost="rising",
            refs="best",
            agg="mean",
            lexicon=LEXICON_VERSION,
        )

    @cached_property
    def significance(self) -> Significance:
        """What each finding weighs."""
        return read_significance(self.weights)

    def missing(self) -> Missing | None:
        """Runs everywhere; a file of weights is read here.

        Raises:
            InputError: the file of weights cannot be used.
        """
        _ = self.significance
        return None

    def reduce(self, sums_R10: Floats, n_R: Floats) -> Floats:
        """(score, six counts, matched, predicted, expected) -> mean, per 100 reports, precision, recall."""
        means_R7 = 100.0 * sums_R10[:, :7] / n_R[:, None]
        return np.column_stack([means_R7, 100.0 * ratio(sums_R10[:, 7:8], sums_R10[:, 8:10])])

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """Score N predictions against the reference that each agrees with best."""
        best = [self._best(said, texts) for said, texts in zip(predictions, references, strict=True)]
        rows_N10 = [
            (found.score, *found.counts, found.matched, found.predicted, found.expected) for _, _, found in best
        ]
        statistics = Statistics(np.array(rows_N10, dtype=float).reshape(len(best), 10), self.reduce)
        per_sample_N7 = statistics.per_sample_NS[:, :7] * [100.0, *[1.0] * 6]
        return MetricResult(
            values=corpus_values(self.keys, statistics),
            statistics=statistics,
            samples={key.name: per_sample_N7[:, k].tolist() for k, key in enumerate(self.keys[:7])},
            spans=Spans(_spans(best)),
        )

    def _best(self, prediction: str, references: Sequence[str]) -> tuple[int, Alignment, ErrorCounts]:
        """The reference with the best score, the first of equals: (its index, how it aligns, the errors)."""
        aligned = [align(report_of(prediction), report_of(text)) for text in references or ("",)]
        counted = [count_errors(one, self.significance) for one in aligned]
        index = max(range(len(counted)), key=lambda i: counted[i].score)
        return index, aligned[index], counted[index]


def _spans(best: Sequence[tuple[int, Alignment, ErrorCounts]]) -> Iterator[Span]:
    for sample, (index, aligned, _) in enumerate(best):
        names = {"prediction": "prediction", "reference": f"reference {index + 1}" if index else "reference"}
        for side, said, label in marks(aligned):
            yield Span(sample, names[side], said.start, said.end, label)
