"""One writer at a time in a folder of results, whichever program it is."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.errors import RunConflictError, StorageError

LOCK_FILE = ".lock"


@contextmanager
def locked(folder: Path, *, wait: bool = False, otherwise: str = "give another folder") -> Iterator[None]:
    """Lock a folder for this process; the lock ends with the process, however it ends.

    Args:
        folder: is made where it is missing.
        wait: until another process lets go of it.
        otherwise: what the user can do instead of waiting.

    Raises:
        RunConflictError: another process holds it, and `wait` is not said.
        StorageError: the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = (folder / LOCK_FILE).open("a")
    except OSError as error:
        raise StorageError(f"cannot write ({error.strerror})", where=folder, hint="choose another folder") from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError as error:
            raise RunConflictError(
                "another process is writing this folder", where=folder, hint=f"wait for it, or {otherwise}"
            ) from error
        yield
