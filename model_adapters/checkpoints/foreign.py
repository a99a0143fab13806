"""Where a checkpoint's files are handed to a library: whatever it raises is one line that names the checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.errors import LibraBenchError, ModelError
from benchmarks.wording import error_in_words, first_line

COMPLETE = "check that the checkpoint is complete"
TRIAL = "The heart is normal."
"""What a tokenizer is tried with as soon as it is loaded: some settings do harm only then."""


@contextmanager
def handed_over(folder: object, what: str, hint: str = COMPLETE) -> Iterator[None]:
    """Say of a checkpoint what a library could not do with it.

    transformers, tokenizers, safetensors and jinja raise anything for a damaged file: errors of their own, plain
    `Exception`, and what their code, or ours, happens to end in.

    Args:
        folder: the checkpoint, for errors.
        what: what could not be done, such as "the model cannot be built".
        hint: what to do about it.

    Raises:
        ModelError: in place of anything that is no error of ours.
    """
    try:
        yield
    except LibraBenchError:
        raise
    except Exception as error:
        reason = first_line(error) if isinstance(error, OSError) else error_in_words(error)
        raise ModelError(f"{what} ({reason})", where=folder, hint=hint) from error
