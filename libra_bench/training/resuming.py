"""Whether a training can continue from a checkpoint: every file of it is there and can be read."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transformers import TrainerState

from benchmarks.errors import InputError
from benchmarks.records.json_record import Record, read_record
from benchmarks.wording import first_line

STATE_FILE = "trainer_state.json"
NEEDED = ("optimizer", "scheduler", "rng_state")
"""Beginnings of names; without these transformers continues with a fresh optimizer or other random numbers."""
DAMAGED = (OSError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, EOFError, pickle.UnpicklingError)


class TrainerStateRecord(Record):
    """What the loop takes from trainer_state.json."""

    global_step: int
    max_steps: int
    epoch: float | None
    best_global_step: int | None = None
    best_metric: float | None = None
    best_model_checkpoint: str | None = None
    train_batch_size: int | None = None
    num_train_epochs: int = 0
    num_input_tokens_seen: int = 0
    total_flos: float = 0
    logging_steps: float
    eval_steps: float
    save_steps: float
    log_history: list[dict[str, Any]]
    stateful_callbacks: dict[str, dict[str, Any] | list[dict[str, Any]]]


def hint_for(checkpoint: Path) -> str:
    """What to do about a checkpoint that cannot be used."""
    return f"remove {checkpoint.name}; the same command continues from the one before, or begins anew"


def check_checkpoint(checkpoint: Path, *, needed: Sequence[str] = NEEDED) -> None:
    """Make sure that a checkpoint's state can be read, before a model is trained from it.

    Args:
        checkpoint: `checkpoint-N`.
        needed: how the names of its files begin; DeepSpeed keeps its optimizer elsewhere.

    Raises:
        InputError: a file is missing, damaged or of another step.
    """
    state = read_record(checkpoint / STATE_FILE, TrainerStateRecord, version=1, hint=hint_for(checkpoint))
    missing = [name for name in needed if not any(checkpoint.glob(f"{name}*"))]
    if state is None or missing:
        raise InputError(f"lacks {(missing or [STATE_FILE])[0]}", where=checkpoint, hint=hint_for(checkpoint))
    if checkpoint.name != f"checkpoint-{state.global_step}":
        what = f"{STATE_FILE} is of step {state.global_step}"
        raise InputError(what, where=checkpoint, hint=hint_for(checkpoint))
    with readable(checkpoint):
        TrainerState.load_from_json(str(checkpoint / STATE_FILE))


@contextmanager
def readable(checkpoint: Path) -> Iterator[None]:
    """A file of a checkpoint that cannot be read or does not fit is the user's to know.

    Raises:
        InputError: in place of what transformers and torch raise.
    """
    try:
        yield
    except DAMAGED as error:
        raise InputError(f"is damaged ({first_line(error)})", where=checkpoint, hint=hint_for(checkpoint)) from error
