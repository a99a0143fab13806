"""Which adapters there are. A name leads to "module:Class"; all else is said by the class, imported when needed."""

from __future__ import annotations

import functools
import types
from importlib.metadata import EntryPoint, entry_points

from benchmarks.errors import ModelError, UnknownNameError
from benchmarks.wording import error_in_words
from model_adapters.adapter import Adapter

ADAPTERS = {
    "libra": "model_adapters.libra.adapter:LibraAdapter",
    "hf_vlm": "model_adapters.hf.adapter:HFVisionLanguageAdapter",
    "vllm": "model_adapters.vllm.adapter:VLLMAdapter",
    "side": "model_adapters.side.adapter:SideAdapter",
    "openai": "model_adapters.openai.adapter:OpenAIAdapter",
    "function": "model_adapters.function:FunctionAdapter",
    "replay": "model_adapters.baselines.replay:ReplayAdapter",
    "echo": "model_adapters.baselines.echo:EchoAdapter",
    "constant": "model_adapters.baselines.constant:ConstantAdapter",
    "normal": "model_adapters.baselines.training_reports:NormalAdapter",
    "random-report": "model_adapters.baselines.training_reports:RandomReportAdapter",
    "retrieval": "model_adapters.baselines.retrieval:RetrievalAdapter",
    "copy-prior-report": "model_adapters.baselines.prior_report:CopyPriorReportAdapter",
    "oracle": "model_adapters.baselines.replay:OracleAdapter",
}
"""One line per adapter."""

ENTRY_POINT_GROUP = "libra_bench.adapters"
CONTRACT = "model_adapters.adapter.Adapter"


def adapter_targets() -> dict[str, str]:
    """Name -> "module:Class" of every adapter: ours, then those of installed packages (ours take precedence)."""
    installed = {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)}
    return {**ADAPTERS, **{name: target for name, target in installed.items() if name not in ADAPTERS}}


def adapter_class(name: str) -> type[Adapter]:
    """Import one adapter.

    Raises:
        UnknownNameError: no adapter has this name.
        ModelError: it is there, but cannot be imported, or is no adapter; says what is missing.
    """
    targets = ADAPTERS if name in ADAPTERS else adapter_targets()  # which reads the metadata of every package
    if name not in targets:
        raise UnknownNameError("adapter", name, targets)
    target = targets[name]
    try:
        found = EntryPoint(name, target, ENTRY_POINT_GROUP).load()
    except Exception as error:
        raise ModelError(
            f"adapter {name!r} cannot be imported ({error_in_words(error)})",
            where=target,
            hint="install what it needs",
        ) from error
    return _as_adapter(found, target)


def _as_adapter(found: object, target: str) -> type[Adapter]:
    """A class as an adapter.

    Raises:
        ModelError: it is no class, or lacks what has no default.
    """
    if not isinstance(found, type):
        raise ModelError("is no class", where=target, hint=f"name a class that inherits from {CONTRACT}")
    adapter = _with_defaults(found)
    if adapter is None or adapter.__abstractmethods__:
        lacking = "" if adapter is None else f": it does not define {' and '.join(sorted(adapter.__abstractmethods__))}"
        raise ModelError(f"is no adapter{lacking}", where=target, hint=f"let it inherit from {CONTRACT}")
    return adapter


@functools.cache
def _with_defaults(found: type) -> type[Adapter] | None:
    """The class itself, or, where it does not inherit from `Adapter`, one with the defaults of what it lacks."""
    if issubclass(found, Adapter):
        return found
    try:
        return types.new_class(found.__name__, (found, Adapter))
    except TypeError:  # another metaclass
        return None
