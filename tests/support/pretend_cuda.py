"""A CUDA device for machines without one: tensors that say they are on it, and refuse to be mixed with others.

A `CudaTensor` computes on the CPU, so texts can be compared with the CPU's; what differs is what a real device would
refuse: an operation on tensors of two devices (a scalar of the CPU may take part, an index and the source of a copy,
too), `numpy()` of a tensor that is not on the CPU. Element types need no pretending: the numbers are real.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._pytree import tree_flatten, tree_map

CUDA = torch.device("cuda", 0)
MOVES = {
    "to",
    "cpu",
    "cuda",
    "copy_",
    "type",
    "__getitem__",
    "__setitem__",
    "__set__",
    "_has_compatible_shallow_copy_type",
}
"""Operations that may take tensors of two devices: copies and indexing."""
FACTS = {"device": CUDA, "is_cuda": True, "is_cpu": False}
BY_DATA = {"numpy", "__array__", "data_ptr"}
"""Operations that hand out the memory itself, which only the CPU's may."""


class MixedDevices(Exception):
    """An operation that a CUDA device refuses."""


class CudaTensor(torch.Tensor):
    """A tensor that says it is on a CUDA device."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _called(func, args, kwargs or {})


class _Mode(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _called(func, args, kwargs or {})


def _called(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    if func in (torch.device, torch._C._nn._parse_to):
        return func(*args, **kwargs)
    name = (resolve_name(func) or getattr(func, "__qualname__", str(func))).removesuffix(".__get__").split(".")[-1]
    if getattr(func, "__name__", "") == "__get__" and isinstance(args[0], CudaTensor) and name in FACTS:
        return FACTS[name]
    tensors = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, torch.Tensor)]
    on_cuda = [tensor for tensor in tensors if isinstance(tensor, CudaTensor)]
    if on_cuda and name in BY_DATA:
        raise MixedDevices(f"{name}() of a tensor on {CUDA}; copy it to the CPU first")
    others = [tensor for tensor in tensors if not isinstance(tensor, CudaTensor) and tensor.dim() > 0]
    if on_cuda and others and name not in MOVES:
        raise MixedDevices(f"{name}: tensors on {CUDA} and on {others[0].device}")
    target = _target(name, args, kwargs)
    with torch._C.DisableTorchFunction():
        plain_args, plain_kwargs = tree_map(_plain, (args, kwargs))
        result = func(*plain_args, **plain_kwargs)
    goes = target == "cuda" if target else bool(on_cuda)
    if goes and isinstance(args[0] if args else None, CudaTensor) and result is plain_args[0]:
        return args[0]  # changed in place
    return tree_map(_wrapped, result) if goes and not isinstance(result, torch.Size) else result


def _target(name: str, args: Any, kwargs: dict[str, Any]) -> str | None:
    """The kind of device that is asked for."""
    if name in ("cpu", "cuda"):
        return name
    asked = [kwargs.get("device"), *(args[1:2] if name == "to" else ())]
    for value in asked:
        if isinstance(value, torch.Tensor):
            return "cuda" if isinstance(value, CudaTensor) else "cpu"
        if isinstance(value, torch.device) or (isinstance(value, str) and value.split(":")[0] in ("cpu", "cuda")):
            return torch.device(value).type
    return None


def _plain(value: Any) -> Any:
    """As it is on the CPU."""
    if isinstance(value, CudaTensor):
        return value.as_subclass(torch.Tensor)
    if isinstance(value, torch.device) and value.type == "cuda":
        return torch.device("cpu")
    if isinstance(value, str) and value.split(":")[0] == "cuda":
        return "cpu"
    return value


def _wrapped(value: Any) -> Any:
    return value.as_subclass(CudaTensor) if isinstance(value, torch.Tensor) else value


@contextmanager
def pretend_cuda(monkeypatch: pytest.MonkeyPatch, memory: int = 80 * 2**30) -> Iterator[None]:
    """A machine with one CUDA device of this many bytes, as far as our code asks."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *args, **kwargs: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device=None: "pretended")
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device=None: None)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device=None: (memory, memory))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device=None: 0)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device=None: torch.zeros(1, dtype=torch.uint8))
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device=None: None)
    monkeypatch.setattr("transformers.modeling_utils.caching_allocator_warmup", lambda *args, **kwargs: None)
    monkeypatch.setenv("HF_DEACTIVATE_ASYNC_LOAD", "1")  # other threads see no mode
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with _Mode():
            yield
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(before)
