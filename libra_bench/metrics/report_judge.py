"""A language model counts the six categories of errors, with our own prompt: `report_errors`, by a judge.

    score = 100 x matched / (matched + clinically significant errors)

as GREEN's; but a pair without any abnormal finding and without an error scores 100. The six columns count all errors,
significant or not, per 100 reports, as those of `report_errors`; `-significant` counts the significant
ones of all categories. Prompt and schema are versioned: another wording is another version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import BaseModel

from benchmarks.errors import UnreadableReplyError
from libra_bench.metrics.error_counts import CATEGORIES
from libra_bench.metrics.judges.judge_metric import JudgeMetric
from libra_bench.metrics.judges.questions import Question, prompt_hash
from libra_bench.metrics.judges.replies import MAX_COUNT, checked, json_in
from libra_bench.metrics.judges.verdicts import Verdict
from libra_bench.metrics.metric import Key, Missing

PROMPT_VERSION = 1
SYSTEM = """\
You compare two radiology reports of the same chest X-ray study. The reference was written by the radiologist and is \
right. The candidate was written by someone else. You list what the candidate got right and what it got wrong. You \
reply with one JSON object and nothing else."""
TASK = """\
List two things.

1. "matched": every abnormal finding of the candidate that the reference has, too. A finding is matched if it is the \
same abnormality or device, even if its side, severity or change over time is described differently. Statements that \
something is normal or absent are not findings.

2. "errors": every error of the candidate, each with
   - "category", one of
     "false-finding": an abnormal finding of the candidate that the reference does not have;
     "missing-finding": an abnormal finding of the reference that the candidate does not have;
     "location": a matched finding with another side or another place;
     "severity": a matched finding with another severity or extent;
     "false-comparison": a change since an earlier study that the reference does not state;
     "missing-comparison": a change since an earlier study that only the reference states;
   - "finding": the finding in a few words, as the report that has it says it;
   - "significant": true if the error could change how the patient is treated, else false.

Differences in wording are no errors. Count each error once, in the first category that fits. Reply

{"matched": ["..."], "errors": [{"category": "...", "finding": "...", "significant": true}]}

with empty lists where there is nothing."""
RESPONSE_FORMAT: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {
        "name": "report_comparison",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {
                "matched": {"type": "array", "items": {"type": "string"}},
                "errors": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "category": {"type": "string", "enum": list(CATEGORIES)},
                            "finding": {"type": "string"},
                            "significant": {"type": "boolean"},
                        },
                        "required": ["category", "finding", "significant"],
                        "additionalProperties": False,
                    },
                },
            },
            "required": ["matched", "errors"],
            "additionalProperties": False,
        },
    },
}


class _Error(BaseModel):
    category: Literal[
        "false-finding", "missing-finding", "location", "severity", "false-comparison", "missing-comparison"
    ]
    finding: str
    significant: bool


class _Comparison(BaseModel):
    matched: list[str]
    errors: list[_Error]


@dataclass(frozen=True)
class ReportJudge(JudgeMetric):
    """Six kinds of errors per 100 reports, and a score, from a language model."""

    id: ClassVar[str] = "report_judge"
    summary: ClassVar[str] = "false, missing and wrong findings as a language model counts them, by our own prompt"
    needs: ClassVar[str] = "a judge: a server (base_url, model) or a checkpoint"
    prefix: ClassVar[str] = "Report-judge"
    score_keys: ClassVar = (Key("Report-judge-score"),)
    count_names: ClassVar = (*CATEGORIES, "significant")
    both_blank: ClassVar[Verdict] = Verdict((1.0,), (0.0,) * (len(CATEGORIES) + 1))

    @property
    def implementation(self) -> str:
        """The prompt's version."""
        return f"libra-bench-prompt-{PROMPT_VERSION}"

    @property
    def prompt_digest(self) -> str:
        """Hash of prompt and schema."""
        return prompt_hash(_messages("<candidate>", "<reference>"), RESPONSE_FORMAT)

    def prompt_missing(self) -> Missing | None:
        """It is part of this package."""
        return None

    def question(self, prediction: str, reference: str) -> Question[Verdict]:
        """Both reports, the task, and the schema of the reply."""
        return Question(
            _messages(prediction, reference), self.prompt_digest, (prediction, reference), _verdict, RESPONSE_FORMAT
        )


def _messages(candidate: str, reference: str) -> tuple[dict[str, str], ...]:
    reports = f"Reference report:\n<<<\n{reference}\n>>>\n\nCandidate report:\n<<<\n{candidate}\n>>>"
    return {"role": "system", "content": SYSTEM}, {"role": "user", "content": f"{reports}\n\n{TASK}"}


def _verdict(reply: str) -> Verdict:
    found = checked(json_in(reply), _Comparison)
    if len(found.matched) + len(found.errors) > MAX_COUNT:
        raise UnreadableReplyError(f"the reply lists more than {MAX_COUNT:,} findings")
    counts = [sum(error.category == category for error in found.errors) for category in CATEGORIES]
    significant = sum(error.significant for error in found.errors)
    matched = len(found.matched)
    nothing = not matched and not found.errors
    score = 1.0 if nothing else matched / (matched + significant) if matched else 0.0
    return Verdict((score,), (*map(float, counts), float(significant)))
