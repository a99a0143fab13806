"""Weights: reading them without running code, and naming the keys that do not fit.

Safetensors are read lazily, a tensor at a time, so that loading never holds a second copy of the model.
"""

from __future__ import annotations

import logging
import pickle
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from benchmarks.errors import ModelError, WeightsError
from benchmarks.wording import first_few, first_line

SLOW_LOADING_SECONDS = 3
"""Show a progress bar after this long."""


def read_weights(files: Iterable[Path]) -> dict[str, Any]:
    """Key -> tensor, or a lazy slice of one: `materialize` it. Nothing in the files is executed.

    Raises:
        ModelError: a file is truncated, is no weight file, or is a pickle that holds more than tensors.
    """
    weights: dict[str, Any] = {}
    for path in files:
        weights.update(_read_safetensors(path) if path.suffix == ".safetensors" else _read_pickle(path))
    return weights


def _read_safetensors(path: Path) -> dict[str, Any]:
    try:
        with safe_open(path, framework="pt") as stored:
            return {key: stored.get_slice(key) for key in stored.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        raise ModelError(f"not a whole safetensors file ({error})", where=path, hint="fetch the file again") from error


def _read_pickle(path: Path) -> dict[str, Any]:
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        raise ModelError(
            "holds more than tensors and is not loaded: a pickle can run code",
            where=path,
            hint="convert it to safetensors where you trust it",
        ) from error
    except (OSError, EOFError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"not a whole weight file ({first_line(error)})", where=path, hint="fetch the file again"
        ) from error
    if not isinstance(stored, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in stored.items()
    ):
        raise ModelError("is no dictionary of tensors", where=path, hint="give a file of weights")
    return stored


def materialize(weight: Any) -> Tensor:
    """The tensor behind an entry of `read_weights`."""
    tensor: Tensor = weight if isinstance(weight, Tensor) else weight[...]
    return tensor


def shape_of(weight: Any) -> tuple[int, ...]:
    """The shape of an entry of `read_weights`, without reading its values."""
    return tuple(weight.shape if isinstance(weight, Tensor) else weight.get_shape())


def load_into(module: nn.Module, weights: Mapping[str, Any], *, where: object, prefix: str = "") -> None:
    """Copy weights into a module of our own; every key must fit.

    Args:
        module: takes the weights in its own dtype and device.
        weights: keys without the prefix.
        where: the checkpoint, for the error.
        prefix: how the keys start in the checkpoint, for the error.

    Raises:
        ModelError: keys are missing, not known, or of another shape; lists them.
    """
    wanted = module.state_dict()
    raise_for_keys(
        where,
        missing=[prefix + key for key in wanted if key not in weights],
        unexpected=[prefix + key for key in weights if key not in wanted],
        mismatched=[
            (prefix + key, shape_of(weights[key]), tuple(value.shape))
            for key, value in wanted.items()
            if key in weights and shape_of(weights[key]) != tuple(value.shape)
        ],
    )
    with torch.no_grad():
        for key, value in wanted.items():
            value.copy_(materialize(weights[key]))


@contextmanager
def quiet_loading_report() -> Iterator[None]:
    """Keep back transformers' own table of keys while a model loads: `check_loading` raises what matters of it.

    Its progress bar appears only where loading takes a while.
    """
    from transformers.utils.logging import set_tqdm_hook

    def patient(factory: Any, positional: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
        return factory(*positional, **{**keywords, "delay": SLOW_LOADING_SECONDS})

    logger = logging.getLogger("transformers.modeling_utils")

    def nothing(record: logging.LogRecord) -> bool:
        return False

    logger.addFilter(nothing)  # raising the level instead would switch on other checks
    earlier = set_tqdm_hook(patient)
    try:
        yield
    finally:
        set_tqdm_hook(earlier)
        logger.removeFilter(nothing)


def check_loading(info: Mapping[str, Any], where: object) -> None:
    """Turn the loading report of transformers' `from_pretrained` into an error when anything did not fit."""
    raise_for_keys(
        where,
        missing=info["missing_keys"],
        unexpected=info["unexpected_keys"],
        mismatched=[(key, tuple(found), tuple(wanted)) for key, found, wanted in info["mismatched_keys"]],
    )
    if info["error_msgs"]:
        raise ModelError(first_line(info["error_msgs"][0]), where=where)


def raise_for_keys(
    where: object,
    *,
    missing: Iterable[str] = (),
    unexpected: Iterable[str] = (),
    mismatched: Iterable[tuple[str, tuple[int, ...], tuple[int, ...]]] = (),
) -> None:
    """Raise a WeightsError that lists the keys; return if there are none.

    Args:
        where: the checkpoint.
        missing: keys that the model needs and the checkpoint lacks.
        unexpected: keys of the checkpoint that the model has no place for.
        mismatched: (key, shape in the checkpoint, shape in the model).
    """
    lacking, foreign = sorted(missing), sorted(unexpected)
    shapes = [f"{key} is {list(found)}, not {list(wanted)}" for key, found, wanted in sorted(mismatched)]
    complaints = []
    if lacking:
        complaints.append(f"{len(lacking)} missing key{'s' * (len(lacking) > 1)}: {first_few(lacking)}")
    if foreign:
        complaints.append(f"{len(foreign)} unexpected key{'s' * (len(foreign) > 1)}: {first_few(foreign)}")
    if shapes:
        complaints.append(f"{len(shapes)} of another shape: {first_few(shapes)}")
    if complaints:
        what = "the weights do not fit: " + "; ".join(complaints)
        raise WeightsError(what, where=where, missing=lacking, unexpected=foreign, mismatched=shapes)
