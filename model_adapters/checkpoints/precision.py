"""Where a model's weights go and how exactly they are kept: device, floating-point type, 4 or 8 bit.

torch is imported when it is first asked: adapters read options and cards without it.
"""

from __future__ import annotations

import ctypes
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.errors import ModelError
from model_adapters.adapter import ModelSpec

if TYPE_CHECKING:
    import torch

DTYPES = ("float32", "bfloat16", "float16")


def torch_dtype(name: str) -> torch.dtype:
    """The type of this name, one of `DTYPES`."""
    import torch

    dtype: torch.dtype = getattr(torch, name)
    return dtype


def device_name(spec: ModelSpec) -> str:
    """The device as asked for, else the accelerator if there is one.

    Raises:
        ModelError: there is no such device here.
    """
    name = spec.device or ("cuda" if has_cuda() else "cpu")
    if name == "cpu":
        return name
    import torch

    try:
        kind = torch.device(name).type
    except RuntimeError as error:
        raise ModelError(f"unknown device {name!r}", where="--device", hint="use cpu, cuda or cuda:1") from error
    if kind == "cuda" and not has_cuda():
        raise ModelError("there is no CUDA device here", where=f"--device {name}", hint="use cpu, or leave it out")
    return name


def has_cuda() -> bool:
    """Whether torch has a CUDA (or ROCm) device; where there is no driver, torch is not imported to say so."""
    if "torch" not in sys.modules and sys.platform == "linux" and not _has_driver():
        return False
    import torch

    found: bool = torch.cuda.is_available()
    return found


def _has_driver() -> bool:
    """Whether the library that torch needs to find a GPU can be loaded, or the kernel has AMD's interface."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return Path("/dev/kfd").exists()
    return True


def checked_device_map(spec: ModelSpec) -> str | None:
    """The option `device_map`: None, or "auto", which spreads a model over all devices through accelerate.

    Raises:
        ModelError: another value, or a device is given, too (each of several processes gets one).
    """
    device_map: str | None = spec.options.get("device_map")
    if device_map not in (None, "auto"):
        raise ModelError(f"takes auto, not {device_map!r}", where="--device-map")
    if device_map and spec.device:
        raise ModelError(
            f"spreads the model over all devices, and the device is to be {spec.device}",
            where="--device-map",
            hint="leave --device out, and start one process only",
        )
    return device_map


def dtype_name(spec: ModelSpec) -> str:
    """The floating-point type as asked for, else bfloat16 on an accelerator and float32 on a CPU.

    Raises:
        ModelError: an unknown type.
    """
    name = spec.dtype or ("float32" if device_name(spec).startswith("cpu") else "bfloat16")
    if name not in DTYPES:
        raise ModelError(f"unknown dtype {name!r}", where="--dtype", hint=f"use one of {', '.join(DTYPES)}")
    return name


def quantization_bits(spec: ModelSpec) -> int | None:
    """The option `bits` (4, 8 or None), refused before anything slow where it cannot work.

    Raises:
        ModelError: another number, no CUDA device, or no bitsandbytes.
    """
    bits: int | None = spec.options.get("bits")
    if bits is not None:
        import torch

        check_quantization(bits, torch.device(device_name(spec)))
    return bits


def check_quantization(bits: int, device: torch.device) -> None:
    """Refuse a quantisation that cannot work here.

    Raises:
        ModelError: see `quantization_bits`.
    """
    if bits not in (4, 8):
        raise ModelError(f"cannot quantise to {bits} bit", hint="use 4 or 8")
    if device.type != "cuda":
        raise ModelError(f"{bits}-bit weights need a CUDA device, not {device.type}", hint="leave quantisation out")
    if importlib.util.find_spec("bitsandbytes") is None:
        raise ModelError(f"{bits}-bit weights need bitsandbytes", hint="pip install 'libra-bench[quantization]'")


def quantization_config(bits: int, device: torch.device, dtype: torch.dtype) -> Any:
    """bitsandbytes' settings for 4 (NF4, double quantisation) or 8 bit.

    Raises:
        ModelError: see `quantization_bits`.
    """
    check_quantization(bits, device)
    from transformers import BitsAndBytesConfig

    if bits == 8:
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_compute_dtype=dtype, bnb_4bit_use_double_quant=True, bnb_4bit_quant_type="nf4"
    )
