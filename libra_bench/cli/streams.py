"""stdout and stderr of the program: printable in every encoding, and honest about a full disk."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from benchmarks.errors import StorageError


class Results(io.TextIOWrapper):
    """Stdout: what its encoding lacks is escaped, and a full disk is an error of ours."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        super().__init__(stream.buffer, stream.encoding, "backslashreplace", line_buffering=stream.line_buffering)
        self._stream = stream  # which would close the buffer at its end

    def write(self, text: str, /) -> int:
        """Write text.

        Raises:
            StorageError: it cannot be written.
        """
        with _storage():
            return super().write(text)

    def flush(self) -> None:
        """See that what was written arrives.

        Raises:
            StorageError: it does not.
        """
        with _storage():
            super().flush()


@contextmanager
def _storage() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        what = f"the output cannot be written ({error.strerror})"
        raise StorageError(what, where="stdout", hint="free some space, or write to another place") from error


def prepare() -> None:
    """Make every text printable: what the terminal's encoding lacks is escaped, and a Python warning is one line."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the shell: `>&-`
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - for the rest of the program
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")
    if isinstance(out := sys.stdout, io.TextIOWrapper):
        sys.stdout = Results(out)
    _show_warnings_as_lines()


def end() -> None:
    """Write what is left; nothing more goes to a reader that left (`| head`) or to a full disk.

    Raises:
        StorageError: it cannot be written.
    """
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _silence_stdout()
        raise SystemExit(1) from None
    except Exception:
        _silence_stdout()
        raise


def _silence_stdout() -> None:
    """Or Python itself complains once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show_warnings_as_lines() -> None:
    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        print(f"warning: {' '.join(str(message).split())}", file=sys.stderr, flush=True)

    warnings.showwarning = show
