"""Accuracy on closed and on open questions, by the data set's own field (VQA-RAD and SLAKE: `answer_type`).

Closed questions: right if yes or no is parsed from the answer and equals the reference, else (a choice) by exact match.
Open questions: exact match, and token recall. Normalisation is SQuAD's. A suite of one kind has the values of that
kind; those of the other are undefined.

`scheme=llava-med`: the two numbers that LLaVA-Med reports, as its own evaluation prints them (`llava_med.py` says how
they differ).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from libra_bench.metrics import llava_med
from libra_bench.metrics.metric import (
    Floats,
    Key,
    MetricResult,
    Missing,
    References,
    Sees,
    Statistics,
    corpus_values,
    ratio,
    signature_of,
)
from libra_bench.metrics.vqa_answers import (
    constant_answer_scores,
    not_applicable,
    parse_yes_no,
    reference_yes_no,
    same_answer,
    token_overlap,
)


@dataclass(frozen=True, slots=True)
class OpenClosed:
    """Accuracy of closed and of open questions."""

    id: ClassVar[str] = "open_closed"
    summary: ClassVar[str] = "VQA: accuracy of open and closed questions, by the suite's own field"
    sees: ClassVar[Sees] = "words"
    needs: ClassVar[str] = "a field that says open or closed"

    field: str = "answer_type"
    """The suite's field; its values begin with "open" or "closed", in any case."""
    scheme: Literal["squad", "llava-med"] = "squad"

    @property
    def keys(self) -> Sequence[Key]:
        """Closed accuracy, open accuracy (not LLaVA-Med's: it needs its list of candidates), open token recall."""
        names = ("Closed-accuracy", "Open-accuracy", "Open-recall")
        return tuple(Key(name) for name in names if self.scheme == "squad" or name != "Open-accuracy")

    @property
    def signature(self) -> str:
        """The field and the matching."""
        if self.scheme == "llava-med":
            return signature_of(self, impl="llava-med-1.5")
        return signature_of(self, impl="libra-bench", norm="squad", closed="yes-no-or-exact", open="exact", version=2)

    def missing(self) -> Missing | None:
        """Runs everywhere."""
        return None

    def reduce(self, sums_R5: Floats, n_R: Floats) -> Floats:
        """(closed, right closed, open, right open, recall of open) -> closed and open accuracy, open recall."""
        closed_R, right_closed_R, open_R, right_open_R, recall_R = sums_R5.T
        values = [ratio(right_closed_R, closed_R), ratio(right_open_R, open_R), ratio(recall_R, open_R)]
        if self.scheme == "llava-med":
            del values[1]
        return 100.0 * np.stack(values, axis=1)

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """Score N predictions; samples whose field says neither are left out, and counted in the details."""
        kinds = [str(item.get(self.field, "")).strip().lower() for item in fields or [{}] * len(predictions)]
        closed = [i for i, kind in enumerate(kinds) if kind.startswith("closed")]
        open_ = [i for i, kind in enumerate(kinds) if kind.startswith("open")]
        if not closed and not open_:
            reason = (
                f"no sample has 'open' or 'closed' in its field {self.field!r}; open_closed[field=NAME] names another"
            )
            return MetricResult({}, details=not_applicable(reason))
        rows_N5 = np.zeros((len(kinds), 5))
        recall = llava_med.recall if self.scheme == "llava-med" else _squad_recall
        for i in closed:
            rows_N5[i, :2] = self._closed(predictions[i], references[i])
        for i in open_:
            best = max((recall(predictions[i], text) for text in references[i]), default=0.0)
            rows_N5[i, 2:] = 1.0, same_answer(predictions[i], references[i]), best
        statistics = Statistics(rows_N5, self.reduce)
        counted = sorted([*closed, *open_])
        return MetricResult(
            values=corpus_values(self.keys, statistics),
            statistics=statistics,
            details={
                "closed": len(closed),
                "open": len(open_),
                "neither": len(kinds) - len(counted),
                "closed_left_out": len(closed) - int(rows_N5[:, 0].sum()),
                "constant_answer": constant_answer_scores(
                    [references[i] for i in counted],
                    ["closed" if i in set(closed) else "open" for i in counted],
                    same_answer,
                ),
            },
        )

    def _closed(self, prediction: str, references: Sequence[str]) -> tuple[float, float]:
        """(counted, right) of a closed question."""
        if self.scheme == "squad":
            return 1.0, float(_closed_right(prediction, references))
        hits = [llava_med.closed_hit(prediction, text) for text in references]
        return float(any(hit is not None for hit in hits)), float(any(hits))


def _squad_recall(prediction: str, reference: str) -> float:
    return token_overlap(prediction, reference)[1]


def _closed_right(prediction: str, references: Sequence[str]) -> bool:
    true = reference_yes_no(references)
    return parse_yes_no(prediction) == true if true else same_answer(prediction, references)
