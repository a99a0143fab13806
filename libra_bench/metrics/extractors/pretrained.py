"""Loads a transformers model whose weights must all be there; and in which precision models compute."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any, Literal, TypeAlias

from benchmarks.errors import MetricUnavailableError

Precision: TypeAlias = Literal["float32", "bfloat16"]
"""What a model's numbers are. With bfloat16 a GPU, or a CPU with AMX, is several times as fast; the third digit of an
embedding changes, and a label that is nearly a tie."""


def placed(model: Any, precision: Precision, *, to_the_last_bit: bool = False) -> Any:
    """The model in evaluation mode and in this precision, on the first GPU if there is one.

    Args:
        model: with its weights.
        precision: of its numbers.
        to_the_last_bit: keep PyTorch's own products on a CPU, which are half as fast, but those of the package.
    """
    import torch

    from model_adapters.checkpoints.onednn import use_onednn

    model = model.eval().to("cuda" if torch.cuda.is_available() else "cpu", getattr(torch, precision))
    if not to_the_last_bit:
        use_onednn(model)
    return model


def in_identity(precision: Precision) -> str:
    """What the precision adds to the identity of what is cached: nothing where it is the usual one."""
    return "" if precision == "float32" else f"|{precision}"


def load_pretrained(
    kind: str, folder: Path, precision: Precision = "float32", *, to_the_last_bit: bool = False, **options: Any
) -> Any:
    """A model in evaluation mode, on the first GPU if there is one.

    Args:
        kind: a class of transformers, such as "AutoModel".
        folder: configuration and weights.
        precision: of its numbers.
        to_the_last_bit: see `placed`.
        options: passed on to `from_pretrained`.

    Raises:
        MetricUnavailableError: its weights are not those of its architecture, or some are missing (a pooler's apart).
    """
    import transformers

    try:
        with contextlib.redirect_stderr(io.StringIO()):  # progress bars for half a second
            model, report = getattr(transformers, kind).from_pretrained(folder, output_loading_info=True, **options)
    except (OSError, RuntimeError, ValueError) as error:
        raise MetricUnavailableError(
            f"{folder}: its weights do not fit its config.json ({type(error).__name__})",
            hint="fetch it again; see docs/weights.md",
        ) from error
    absent = [name for name in report["missing_keys"] if "pooler" not in name]
    if absent:
        raise MetricUnavailableError(
            f"{folder}: its weights do not fit its config.json (no {min(absent)})",
            hint="fetch it again; see docs/weights.md",
        )
    return placed(model, precision, to_the_last_bit=to_the_last_bit)
