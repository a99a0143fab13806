"""The report of the prior study, as it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Self

from benchmarks.errors import GenerationError
from benchmarks.schema import Answer, Question
from model_adapters.adapter import Adapter, Decoding, ModelSpec, failed_answer
from model_adapters.baselines.constant import answer_with

PRIOR_REPORT = "prior_report"
"""The suite's field that is repeated."""


class CopyPriorReportAdapter(Adapter):
    """Repeats the report of the prior study, which the suite has in the field `prior_report`.

    A study without a prior image and without that field gets an empty answer.
    """

    summary = "repeats the prior study's report (the suite's field prior_report)"
    needs_weights = False
    is_baseline = True
    follows_decoding = False

    @classmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Nothing to load."""
        return cls()

    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield the prior report of each question."""
        for question in questions:
            report = question.metadata.get(PRIOR_REPORT)
            if report is None and len(set(question.images)) > 1:
                reason = f"this study has a prior image, but no {PRIOR_REPORT!r}"
                hint = f"add the prior study's report to the suite's lines as {PRIOR_REPORT!r}"
                yield failed_answer(question, GenerationError(reason, hint=hint))
            else:
                yield answer_with(question, str(report or ""))
