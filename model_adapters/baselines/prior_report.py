"""The report of the prior study, as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Self

from benchmarks.errors import GenerationError
from benchmarks.schema import PRIOR_REPORT, Answer, Question
from model_adapters.adapter import Adapter, Decoding, ModelSpec, failed_answer
from model_adapters.baselines.constant import answer_with

_HEADING = re.compile(r"\b(findings|impression)\s*:\s*", re.IGNORECASE)


class CopyPriorReportAdapter(Adapter):
    """Repeats the report of the prior study, which the suite has in the field `prior_report`.

    Where that report has headings (Findings: ... Impression: ...) and the prompt asks for one of these sections, only
    that section is repeated. A study without a prior image and without that field gets an empty answer.
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
                yield answer_with(question, asked_section(str(report or ""), question.prompt))


def asked_section(report: str, prompt: str) -> str:
    """The section of a report that a prompt names first; all of it where the prompt names none or it has no heading."""
    asked = re.search(r"findings|impression", prompt, re.IGNORECASE)
    pieces = _HEADING.split(report)
    sections = {name.lower(): text.strip() for name, text in zip(pieces[1::2], pieces[2::2], strict=True)}
    return sections.get(asked.group().lower(), report) if asked else report
