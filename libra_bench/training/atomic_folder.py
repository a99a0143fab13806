"""A folder that is replaced whole or not at all, whenever the process dies or the disk is full."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.errors import StorageError
from benchmarks.wording import first_line


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A folder to write into that takes the place of `folder` when all is written; else nothing changes.

    Raises:
        StorageError: the disk is full, or the folder cannot be written.
    """
    from safetensors import SafetensorError

    fresh, old = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
    try:
        if old.exists() and not folder.exists():  # killed between the two renamings
            old.rename(folder)
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        yield fresh
        flush(fresh)
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
            folder.rename(old)
        fresh.rename(folder)
    except (OSError, SafetensorError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not is_write_error(error):
            raise
        if not folder.exists() and old.exists():
            old.rename(folder)
        raise StorageError(
            f"cannot save ({first_line(error)})", where=folder, hint="free some space; the same command continues"
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def flush(folder: Path) -> None:
    """Make sure that the files are on the disk before they get their name."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())


def is_write_error(error: RuntimeError) -> bool:
    """Whether torch's own writer failed: it raises RuntimeError for a full disk."""
    return any(words in str(error) for words in ("PytorchStreamWriter", "No space left", "unexpected pos"))
