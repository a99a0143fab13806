"""Where words go: results to stdout (a table, or JSON with `--json`), everything else to stderr."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


def result(value: Any, view: RenderableType, *, as_json: bool) -> None:
    """Print a command's result: `value` as JSON, or `view` for people."""
    if as_json:
        json.dump(value, sys.stdout, ensure_ascii=not _is_unicode(sys.stdout), indent=2)
        sys.stdout.write("\n")
    else:
        from rich.console import Console

        Console().print(view)


def console() -> Console:
    """The console for progress and messages (stderr)."""
    from rich.console import Console

    return Console(stderr=True)


def message(text: str) -> None:
    """Say something to the user, on stderr, as it is (no markup)."""
    with suppress(OSError):  # nobody reads it, or its disk is full
        print(text, file=sys.stderr, flush=True)


def error(text: str) -> None:
    """One line that says what, where and the hint."""
    message(f"error: {' '.join(text.split())}")


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
    from benchmarks.errors import StorageError

    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        what = f"the output cannot be written ({error.strerror})"
        raise StorageError(what, where="stdout", hint="free some space, or write to another place") from error


def prepare_streams() -> None:
    """Make every text printable: what the terminal's encoding lacks is escaped, and a Python warning is one line."""
    nowhere = Path(os.devnull).open("w")  # noqa: SIM115 - for the rest of the program
    sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere  # the shell's `>&-` closes them
    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(errors="backslashreplace")
    if isinstance(out := sys.stdout, io.TextIOWrapper):
        sys.stdout = Results(out)
    _show_warnings_as_lines()


def end_streams() -> None:
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


def _is_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")


def _show_warnings_as_lines() -> None:
    import warnings

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
