"""The load step: a model that is ready to answer, and what it says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.records.json_record import plain
from benchmarks.schema import Answer, Question
from benchmarks.suites import Suite
from model_adapters.adapter import Adapter, ModelSpec, RenderedPrompt
from model_adapters.baselines.replay import ReplayAdapter
from model_adapters.models import ORACLE, load_adapter


def load_model(spec: ModelSpec, suite: Suite) -> Adapter:
    """The adapter, ready; `oracle` is a replay of the references."""
    if spec.name == ORACLE:
        answers = {s.question_id: Answer(s.question_id, "", s.references[0]) for s in suite.samples if s.references}
        return ReplayAdapter(answers, f"the references of {suite.name}")
    return load_adapter(spec)


def report_of(adapter: Adapter) -> dict[str, Any]:
    """What an adapter says of itself, as JSON values; nothing where it says nothing."""
    describe = getattr(adapter, "describe", None)
    return dict(plain(describe())) if describe else {}


def first_prompt(adapter: Adapter, questions: Sequence[Question]) -> RenderedPrompt | None:
    """The first question as the model reads it; None where the adapter cannot say."""
    render = getattr(adapter, "render", None)
    return render(questions[0]) if render and questions else None
