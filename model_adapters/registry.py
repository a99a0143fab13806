"""Which adapters there are. A name leads to "module:Class"; only the chosen one is imported."""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points

from benchmarks.errors import ModelError, UnknownNameError
from model_adapters.adapter import Adapter

ADAPTERS = {
    "libra": "model_adapters.libra.adapter:LibraAdapter",
    "hf_vlm": "model_adapters.hf.adapter:HFVisionLanguageAdapter",
    "vllm": "model_adapters.vllm.adapter:VLLMAdapter",
    "openai": "model_adapters.openai.adapter:OpenAIAdapter",
    "echo": "model_adapters.baselines.echo:EchoAdapter",
    "constant": "model_adapters.baselines.floors:ConstantAdapter",
    "normal": "model_adapters.baselines.floors:NormalAdapter",
    "random-report": "model_adapters.baselines.floors:RandomReportAdapter",
    "retrieval": "model_adapters.baselines.floors:RetrievalAdapter",
    "copy-prior-report": "model_adapters.baselines.floors:CopyPriorReportAdapter",
    "function": "model_adapters.function:FunctionAdapter",
    "replay": "model_adapters.baselines.replay:ReplayAdapter",
}
"""One line an adapter."""

ENTRY_POINT_GROUP = "libra_bench.adapters"


def adapter_targets() -> dict[str, str]:
    """Name -> "module:Class" of every adapter: ours, then those of installed packages (ours win a name)."""
    installed = {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)}
    return {**installed, **ADAPTERS}


def adapter_class(name: str) -> type[Adapter]:
    """Import one adapter.

    Raises:
        UnknownNameError: no adapter has this name.
        ModelError: it is there, but cannot be imported; says what is missing.
    """
    targets = adapter_targets()
    if name not in targets:
        raise UnknownNameError("adapter", name, targets)
    module, _, attribute = targets[name].partition(":")
    try:
        loaded: type[Adapter] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ModelError(
            f"adapter {name!r} cannot be imported ({error})", where=targets[name], hint="install what it needs"
        ) from error
    return loaded
