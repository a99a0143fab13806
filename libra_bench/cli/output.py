"""Where words go: results to stdout (a table, or JSON with `--json`), everything else to stderr."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


def result(value: Any, view: RenderableType, *, as_json: bool) -> None:
    """Print a command's result: `value` as JSON, or `view` for people."""
    if as_json:
        json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
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
    print(text, file=sys.stderr, flush=True)


def error(text: str) -> None:
    """One line that says what, where and the hint."""
    message(f"error: {' '.join(text.split())}")


def show_warnings_as_lines() -> None:
    """From now on a Python warning is one line on stderr, like every other message of the program."""
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
