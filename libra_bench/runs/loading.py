"""The load step: a model that is ready to answer, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from benchmarks.errors import LibraBenchError
from benchmarks.records.json_record import plain
from benchmarks.schema import Question
from benchmarks.suites import Suite
from model_adapters.adapter import Adapter, ModelSpec, RenderedPrompt
from model_adapters.baselines.replay import OracleAdapter
from model_adapters.models import load_adapter
from model_adapters.registry import adapter_class

Load: TypeAlias = Callable[[ModelSpec, Suite], Adapter]


def load_model(spec: ModelSpec, suite: Suite) -> Adapter:
    """The adapter, ready; `oracle` is a replay of the references."""
    if issubclass(adapter_class(spec.adapter), OracleAdapter):
        return OracleAdapter.of(suite.samples, suite.name)
    return load_adapter(spec)


class KeptModel:
    """Loads a model once and keeps it for further runs of the same one: it keeps its image features, too."""

    def __init__(self) -> None:
        self._kept: tuple[ModelSpec, Suite, Adapter] | None = None

    def __call__(self, spec: ModelSpec, suite: Suite) -> Adapter:
        """The adapter, as `load_model` gives it."""
        if self._kept is not None:
            kept, asked, adapter = self._kept
            if kept == spec and (asked is suite or not issubclass(adapter_class(spec.adapter), OracleAdapter)):
                return adapter
            del adapter
        self._kept = None  # before the next is loaded: two need not fit
        adapter = load_model(spec, suite)
        self._kept = (spec, suite, adapter)
        return adapter


def report_of(adapter: Adapter) -> dict[str, Any]:
    """What an adapter says of itself, as JSON values."""
    return dict(plain(adapter.describe()))


def first_prompt(adapter: Adapter, questions: Sequence[Question]) -> RenderedPrompt | None:
    """The first question as the model reads it; None where it cannot be asked, as its answer will say."""
    try:
        return adapter.render(questions[0]) if questions else None
    except LibraBenchError:
        return None
