"""One writer at a time in a folder of results, whichever program it is."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.errors import RunConflictError, StorageError
from benchmarks.files.numbers import whole_number

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
        remove_leftovers(folder)
        yield


def remove_leftovers(folder: Path) -> None:
    """Remove what a process that was killed was writing: whoever holds the lock is the only one who writes here.

    A report may be written without the lock, by a process that is still there.
    """
    for pattern in (".*.tmp", "*/.*.tmp"):
        for path in folder.glob(pattern):
            writer = whole_number(path.name.split(".")[-2])
            if writer is not None and not _is_running(writer):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True
