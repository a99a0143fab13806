"""Further Pythons that draw a run's plots, one on each of two cores.

They are started before the model is loaded, which takes one core: meanwhile they import what draws, and when the
scores are there they are ready. They write nothing: this process gets the plots' files, and draws whatever plot it
does not get.
"""

from __future__ import annotations

import fcntl
import gc
import pickle
import signal
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeAlias

from benchmarks.machine import (
    Worker,
    core_count,
    end_worker,
    pickled,
    received,
    send,
    start_worker,
    talk_to_starter,
    without_collecting,
)

if TYPE_CHECKING:
    from reports.figure import Draw

Drawn: TypeAlias = Callable[[str], Mapping[str, bytes] | None]
"""Name of a plot -> its files (ending -> content); None where it was not drawn."""

AT_ONCE = 2
"""Drawers: each takes 80 MB, and there is little to draw."""
MOST_STUDIES = 5_000
"""Of a run: each drawer reads all answers and scores, and drawing takes a small part of the time of more."""
TURN_SECONDS = 3.0
"""How long a drawer waits for another one to get ready."""
PATIENCE_SECONDS = 60.0
"""A drawer that is asked for nothing for so long ends, and its memory is free for the run."""


@dataclass(frozen=True, slots=True)
class _Plot:
    """What a drawer answers."""

    files: Mapping[str, bytes]
    warnings: tuple[str, ...]


def here(name: str) -> None:
    """For plots that this process draws."""


class Drawers:
    """Draws in other processes once they are started; a context, which ends them."""

    def __init__(self) -> None:
        self._ends = ExitStack()
        self._free: deque[Worker] = deque()
        self._threads: ThreadPoolExecutor | None = None
        self._begun = 0

    def __enter__(self) -> Self:
        """Nothing is started yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all."""
        self.close()

    def close(self) -> None:
        """End all; they can be started again."""
        self._ends.close()
        self._free.clear()
        self._threads = None

    def start(self) -> None:
        """Have the processes get ready, unless they are, or there is no second core, or this one is ready itself."""
        if self._free and all(drawer.poll() is None for drawer in self._free):
            return
        self.close()
        if core_count() == 1 or "matplotlib" in sys.modules:
            return
        with suppress(OSError):
            for _ in range(AT_ONCE):
                drawer = start_worker(__name__)
                self._ends.callback(end_worker, drawer)
                self._free.append(drawer)
        self._threads = self._ends.enter_context(ThreadPoolExecutor(AT_ONCE))
        for drawer in self._free:  # killed first: no thread waits for one then
            self._ends.callback(drawer.kill)

    def begin(self, folder: Path) -> Drawn:
        """Start to draw all plots of a run folder; what is returned waits for the plot that is asked for."""
        if self._threads is None:
            return here
        from reports.plots import all_drawings

        self._begun += 1
        asked: dict[str, Future[_Plot | None]] = {
            name: self._threads.submit(self._ask, folder.absolute(), name) for name in all_drawings([folder])
        }

        def drawn(name: str) -> Mapping[str, bytes] | None:
            plot = asked[name].result() if name in asked else None
            for text in plot.warnings if plot is not None else ():
                warnings.warn(text, stacklevel=2)
            return None if plot is None else plot.files

        return drawn

    def _ask(self, folder: Path, name: str) -> _Plot | None:
        """Ask a drawer; one that does not answer is not asked again."""
        try:
            drawer = self._free.popleft()
        except IndexError:
            return None
        try:
            send(drawer, pickled((self._begun, folder, name)))
            plot: _Plot = received(drawer)
        except (OSError, EOFError, pickle.PickleError):
            return None
        self._free.append(drawer)
        return plot


@contextmanager
def _alone() -> Iterator[None]:
    """While no other drawer gets ready, or a little later: the model, loaded meanwhile, has a core to itself."""
    with Path(__file__).open("rb") as own:
        end = time.monotonic() + TURN_SECONDS
        while time.monotonic() < end:
            with suppress(OSError):
                fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(0.02)
        yield


def work() -> None:
    """A drawer: names of plots come in, files go out; ends with its input, at a failure, or when nobody asks."""
    requests, replies = talk_to_starter()
    with _alone(), without_collecting():
        from reports import plots
        from reports.load import load

        plots.get_ready()
    gc.freeze()
    known: tuple[int, dict[str, Draw]] = 0, {}
    while True:  # no select: a request that came early is in the buffer, and no longer in the pipe
        signal.setitimer(signal.ITIMER_REAL, PATIENCE_SECONDS)  # else the process ends
        try:
            number, folder, name = pickle.load(requests)  # noqa: S301  # of the process that started this one
        except EOFError:
            return
        signal.setitimer(signal.ITIMER_REAL, 0)
        if known[0] != number:
            known = number, plots.all_drawings([load(folder)])
        with warnings.catch_warnings(record=True) as seen:
            files = plots.plot_files(known[1][name])
        replies.write(pickled(_Plot(files, tuple(str(warning.message) for warning in seen))))
        replies.flush()
