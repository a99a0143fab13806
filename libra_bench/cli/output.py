"""Where words go: results to stdout (a table, or JSON with `--json`), everything else to stderr.

Nothing that is printed here is markup: a bracket is a bracket, and style comes from `Text`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

from libra_bench.cli.listing import Facts, Listing, wrapped

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress


def result(value: Any, view: RenderableType | Listing | Facts, *, as_json: bool) -> None:
    """Print a command's result: `value` as JSON, or `view` for people.

    A list is one line per item on a terminal, and tab-separated elsewhere.
    """
    if as_json:
        json.dump(value, sys.stdout, ensure_ascii=not _is_unicode(sys.stdout), indent=2)
        sys.stdout.write("\n")
        return
    from rich.text import Text

    console = _console()
    if isinstance(view, Text) and view.no_wrap:
        sys.stdout.write(f"{view.plain}\n")
    elif not isinstance(view, Listing | Facts):
        console.print(view)
    elif console.is_terminal:
        console.print(view.on_screen(console.width), soft_wrap=True)
    else:
        sys.stdout.write(view.as_table())


def width() -> int:
    """Characters per line of stdout."""
    return _console().width


def text(value: Any, words: str, *, as_json: bool) -> None:
    """Print a command's result that is text: `value` as JSON, or the words, whole and unwrapped where redirected."""
    from rich.text import Text

    if as_json or sys.stdout.isatty():
        result(value, Text(words), as_json=as_json)
    else:
        sys.stdout.write(words + "\n")


def console() -> Console:
    """The console for progress and messages (stderr)."""
    return _console(stderr=True)


class ProgressBar:
    """A progress bar with the time left on stderr, where that is a terminal; called with (done, all).

    It is there from the first call to the last one, or to the end of the block that it is used in.

    Args:
        what: what is done, before the bar.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._bar: Progress | None = None

    def __call__(self, done: int, total: int) -> None:
        """Show that so many are done."""
        if self._bar is None:
            self._bar = _progress(self._what, total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done, total=total)
        if done >= total:
            self.stop()

    def stop(self) -> None:
        """Take it away."""
        if self._bar is not None:
            self._bar.stop()

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()


@contextmanager
def scoring_bar() -> Iterator[Callable[[float], None]]:
    """One progress bar over all metrics with the time left, on a stderr that is a terminal.

    It is tqdm's, as those of the models that read texts are: theirs come below it. What it yields is called with the
    share that is done (0 to 1): 0 when scoring begins, since what came before says nothing of the time left.
    """
    from tqdm import tqdm

    told = "{desc} {bar:40} {percentage:3.0f} % {elapsed} left {remaining}"
    with tqdm(
        desc="scoring", total=1.0, bar_format=told, smoothing=0, disable=None, leave=False, file=sys.stderr
    ) as bar:

        def show(share: float) -> None:
            if share == 0:
                bar.reset()
            if share >= 1:
                bar.set_description_str("intervals", refresh=False)
            bar.update(share - bar.n)

        yield show


def _progress(what: str, total: int) -> Progress:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    told = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    on = console()
    bar = Progress(
        *told, TextColumn("left"), TimeRemainingColumn(), console=on, transient=True, disable=not on.is_terminal
    )
    bar.add_task(what, total=total)
    return bar


def message(text: str) -> None:
    """Say something to the user, on stderr; a terminal's lines are broken between words."""
    if sys.stderr.isatty():
        columns = console().width
        text = "\n".join(part for line in text.splitlines() for part in wrapped(line, columns))
    with suppress(OSError):  # its reader is gone, or its disk is full
        print(text, file=sys.stderr, flush=True)


def error(text: str) -> None:
    """One line that says what, where and the hint."""
    message(f"error: {' '.join(text.split())}")


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)


def _is_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "").startswith("utf")
