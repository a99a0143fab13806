"""CRIMSON: findings weighted by clinical significance, as a language model matches them.

Prompt, request and arithmetic are those of the installed package `crimson-score` 0.2.0, which is called for them; the
score is not rounded (the package rounds to 4 places). -100 to 100: 0 is what an empty list of findings is worth,
below 0 a report that says more false than true.

Two rules differ from the package's: a reply without one of its four lists is unread (the package takes `{}` for a
perfect report), and a blank prediction never scores above 0. The patient's age and indication are not sent.

Source: the package crimson-score 0.2.0 (MIT), class CRIMSONScore.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any, ClassVar

from pydantic import BaseModel, Field, field_validator

from benchmarks.errors import UnreadableReplyError
from benchmarks.files.json_text import too_deep_at
from benchmarks.packages import installed_version
from libra_bench.metrics.judges.judge_metric import JudgeMetric
from libra_bench.metrics.judges.questions import Question, prompt_hash
from libra_bench.metrics.judges.replies import MAX_COUNT, answer_in, checked, json_in
from libra_bench.metrics.judges.verdicts import Verdict
from libra_bench.metrics.metric import Key, Missing

RELEASE = "0.2.0"
COUNTS = (
    "false_findings", "missing_findings", "attribute_errors", "location_errors", "severity_errors", "descriptor_errors",
    "measurement_errors", "certainty_errors", "unspecific_errors", "overinterpretation_errors", "temporal_errors",
)  # fmt: skip
"""The package's own names, in its order; the last eight are kinds of attribute errors."""
NAMES = tuple(name.removesuffix("_errors").replace("_", "-") for name in COUNTS)


class _Finding(BaseModel):
    id: str
    clinical_significance: str = ""


class _Match(BaseModel):
    ref_id: str
    pred_id: str = ""


class _AttributeError(_Match):
    severity: str = ""
    error_types: list[str] = []


class _Errors(BaseModel):
    false_findings: list[str] = Field(max_length=MAX_COUNT)
    missing_findings: list[str] = Field(max_length=MAX_COUNT)
    attribute_errors: list[_AttributeError] = Field(max_length=MAX_COUNT)

    @field_validator("false_findings", "missing_findings", mode="before")
    @classmethod
    def _ids(cls, value: Any) -> Any:
        """A finding is given by its id; some judges repeat its text."""
        if not isinstance(value, list):
            return value
        return [item.get("id", item) if isinstance(item, dict) else item for item in value]


class _Evaluation(BaseModel):
    reference_findings: list[_Finding] = Field(max_length=MAX_COUNT)
    predicted_findings: list[_Finding] = Field(max_length=MAX_COUNT)
    matched_findings: list[_Match] = Field(max_length=MAX_COUNT)
    errors: _Errors


@dataclass(frozen=True)
class Crimson(JudgeMetric):
    """CRIMSON, and eleven counts of errors per 100 reports."""

    guidelines: bool = True
    """Whether the prompt has the package's guidelines; its own model (medgemma-4b-it-crimson) was trained without."""

    id: ClassVar[str] = "crimson"
    summary: ClassVar[str] = "CRIMSON: findings weighted by clinical significance, as a language model matches them"
    needs: ClassVar[str] = "the package crimson-score; a judge: a server (base_url, model) or a checkpoint"
    prefix: ClassVar[str] = "CRIMSON"
    score_keys: ClassVar = (Key("CRIMSON", range=(-100.0, 100.0)),)
    count_names: ClassVar = NAMES
    both_blank: ClassVar[Verdict] = Verdict((1.0,), (0.0,) * len(NAMES))

    @property
    def implementation(self) -> str:
        """The package."""
        return f"crimson-score-{installed_version('crimson-score') or 'missing'}"

    @property
    def prompt_digest(self) -> str:
        """Hash of the package's request, without the reports."""
        return self._prompt

    @cached_property
    def _prompt(self) -> str:
        request = _request("<reference>", "<prediction>", guidelines=self.guidelines)
        return prompt_hash(request["messages"], request["response_format"])

    def prompt_missing(self) -> Missing | None:
        """Whether the package is here, in the version whose arithmetic this is."""
        found = installed_version("crimson-score")
        if found == RELEASE and find_spec("CRIMSON") is not None:
            return None
        reason = f"crimson-score {found} is installed" if found else "the package crimson-score is not installed"
        return Missing(f"{reason}, which has its prompt", f"pip install crimson-score=={RELEASE}")

    def question(self, prediction: str, reference: str) -> Question[Verdict]:
        """What the package would ask."""
        request = _request(reference, prediction, guidelines=self.guidelines)
        return Question(
            tuple(request["messages"]),
            self.prompt_digest,
            (prediction, reference),
            _verdict,
            request["response_format"],
        )


class _Recorder:
    """Replaces the package's client, and keeps what it would have sent."""

    def __init__(self) -> None:
        self.chat = SimpleNamespace(completions=self)
        self.request: dict[str, Any] = {}

    def create(self, **request: Any) -> Any:
        self.request = request
        return SimpleNamespace(choices=[SimpleNamespace(message=SimpleNamespace(content=""))])


def _scorer() -> Any:
    """The package's scorer, made without a client or a model."""
    from CRIMSON.generate_score import CRIMSONScore

    scorer = CRIMSONScore.__new__(CRIMSONScore)
    scorer.api, scorer.model_name, scorer.client = "openai", "", _Recorder()
    return scorer


def _request(reference: str, prediction: str, *, guidelines: bool) -> dict[str, Any]:
    """What the package sends for a pair: its messages and response format."""
    scorer = _scorer()
    scorer._chat_completion(scorer._build_evaluation_prompt(reference, prediction, include_guidelines=guidelines))
    request: dict[str, Any] = scorer.client.request
    return request


def _verdict(reply: str) -> Verdict:
    found = checked(_content(reply), _Evaluation)
    result = _scorer()._calculate_crimson(found.model_dump())
    counts = tuple(float(result["error_counts"][name]) for name in COUNTS)
    return Verdict((_unrounded(result["metrics"]),), counts, tuple(_flaws(found)))


def _content(reply: str) -> dict[str, Any]:
    """The reply as JSON; what is not quite JSON is left to the package, which knows its model's habits."""
    try:
        return json_in(reply)
    except UnreadableReplyError:
        said = answer_in(reply)
        try:
            repaired = _scorer()._parse_json_response(said) if too_deep_at(said) is None else None
        except ValueError:
            repaired = None
        if isinstance(repaired, dict):
            return repaired
        raise


def _unrounded(parts: Mapping[str, float]) -> float:
    """The package's last step, from the parts that it does not round."""
    if parts["S"] >= 0:
        return float(parts["S"])
    surplus = parts["errors_more_than_correct"]
    return -surplus / (1 + surplus) if surplus > 0 else 0.0


def _flaws(found: _Evaluation) -> list[str]:
    """Contradictions in a reply: findings that it leaves out or does not know."""
    references = {finding.id for finding in found.reference_findings}
    predicted = {finding.id for finding in found.predicted_findings}
    matched = {match.ref_id for match in found.matched_findings}
    said = {match.pred_id for match in found.matched_findings}
    flaws = []
    if references - matched - set(found.errors.missing_findings):
        flaws.append("a finding of the reference is neither matched nor missing")
    if predicted - said - set(found.errors.false_findings):
        flaws.append("a finding of the prediction is neither matched nor false")
    if (matched | set(found.errors.missing_findings)) - references or (
        said | set(found.errors.false_findings)
    ) - predicted - {""}:
        flaws.append("an id that is in no list of findings")
    return flaws
