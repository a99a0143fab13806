"""What is left of an unexpected error: one sentence, and a file with the traceback that may be passed on."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from benchmarks.files import user_cache
from benchmarks.packages import installed_version
from benchmarks.wording import first_line

PACKAGES = ("libra-bench", "torch", "transformers", "numpy", "pandas", "pydantic", "typer")
MAX_MESSAGE = 200
"""Characters of the error's own message that the sentence shows."""


def in_one_sentence(error: BaseException, arguments: list[str]) -> str:
    """Write the crash file; returns what happened and where the file is."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {_short(frames[-1].filename)}, line {frames[-1].lineno}" if frames else ""
    what = f"unexpected {type(error).__name__} ({first_line(error)[:MAX_MESSAGE]}){place}"
    file = _write("\n".join(_report(error, arguments)) + "\n")
    if file is None:
        return f"{what}; run it again with --debug, and please report the traceback"
    return f"{what}; please report it with {file} (the traceback, without any text of reports)"


def _report(error: BaseException, arguments: list[str]) -> Iterator[str]:
    """Versions, the command's flags, and every exception of the chain, the first one first; no message and no value."""
    yield ", ".join(f"{name} {installed_version(name) or 'absent'}" for name in PACKAGES)
    yield f"Python {platform.python_version()} on {platform.platform()}"
    yield "command: " + " ".join(_without_values(arguments))
    for one in reversed(list(_chain(error))):
        yield ""
        for frame in traceback.extract_tb(one.__traceback__):
            yield f'  File "{_short(frame.filename)}", line {frame.lineno}, in {frame.name}'
            yield f"    {frame.line}"
        yield f"{type(one).__module__}.{type(one).__qualname__}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _without_values(arguments: list[str]) -> Iterator[str]:
    """The commands and the names of flags; their values may be paths and texts."""
    for index, argument in enumerate(arguments):
        if argument.startswith("--"):
            yield argument.partition("=")[0]
        elif index == 0:
            yield argument


def _short(file: str) -> str:
    """A source file below the folder that Python found its package in."""
    for folder in sorted(filter(None, sys.path), key=len, reverse=True):
        if file.startswith(folder + os.sep):
            return file[len(folder) + 1 :]
    return Path(file).name


def _write(text: str) -> Path | None:
    """Write the file where only its owner can read it, in the cache folder, else the temporary one."""
    name = f"libra-bench-{time.strftime('%Y-%m-%dT%H-%M-%S')}-{os.getpid()}.txt"
    for folder in (user_cache() / "crashes", Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as stream:
                stream.write(text)
        except OSError:
            continue
        return folder / name
    return None
