"""Where words go: results to stdout (a table, or JSON with `--json`), everything else to stderr."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
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


def text(value: Any, words: str, *, as_json: bool) -> None:
    """Print a command's result that is text: `value` as JSON, or the words, whole and unwrapped where redirected."""
    from rich.text import Text

    if as_json or sys.stdout.isatty():
        result(value, Text(words), as_json=as_json)
    else:
        sys.stdout.write(words + "\n")


def console() -> Console:
    """The console for progress and messages (stderr)."""
    from rich.console import Console

    return Console(stderr=True)


def message(text: str) -> None:
    """Say something to the user, on stderr, as it is (no markup)."""
    with suppress(OSError):  # its reader is gone, or its disk is full
        print(text, file=sys.stderr, flush=True)


def error(text: str) -> None:
    """One line that says what, where and the hint."""
    message(f"error: {' '.join(text.split())}")


def _is_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")
