"""The load step: a model that is ready to answer, and what it says of itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.errors import LibraBenchError
from benchmarks.records.json_record import plain
from benchmarks.schema import Question
from benchmarks.suites import Suite
from model_adapters.adapter import Adapter, ModelSpec, RenderedPrompt
from model_adapters.baselines.replay import OracleAdapter
from model_adapters.models import load_adapter
from model_adapters.registry import adapter_class


def load_model(spec: ModelSpec, suite: Suite) -> Adapter:
    """The adapter, ready; `oracle` is a replay of the references."""
    if issubclass(adapter_class(spec.adapter), OracleAdapter):
        return OracleAdapter.of(suite.samples, suite.name)
    return load_adapter(spec)


def report_of(adapter: Adapter) -> dict[str, Any]:
    """What an adapter says of itself, as JSON values."""
    return dict(plain(adapter.describe()))


def first_prompt(adapter: Adapter, questions: Sequence[Question]) -> RenderedPrompt | None:
    """The first question as the model reads it; None where it cannot be asked, as its answer will say."""
    try:
        return adapter.render(questions[0]) if questions else None
    except LibraBenchError:
        return None
