"""Work on all cores: this process and a worker process for each further core take pieces of it until none is left.

A worker is another Python that imports the program alone, never the user's own script. One that ends early, or fails,
leaves its piece to this process. Within `shared_workers` they are started once for all work: what they have read of
the references serves the reference points, too.
"""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import Any, Generic, TypeVar

from benchmarks.machine import (
    Worker,
    core_count,
    end_worker,
    pickled,
    received,
    send,
    start_worker,
    talk_to_starter,
)

P = TypeVar("P")
A = TypeVar("A")
R = TypeVar("R")

_shared: ContextVar[list[Worker] | None] = ContextVar("workers", default=None)


@dataclass(frozen=True, slots=True)
class _Task(Generic[A, R]):
    """What a worker does with all that it is sent from now on."""

    do: Callable[[A], R]


@dataclass(slots=True)
class _Work(Generic[P, A, R]):
    """Pieces that wait, and what is done with them; the fields are the arguments of `on_all_cores`."""

    do: Callable[[A], R]
    waiting: deque[P]
    sent: Callable[[P], A]
    keep: Callable[[P, R], None]
    lock: Lock = field(default_factory=Lock)
    problems: list[Exception] = field(default_factory=list)
    """What keeping a worker's results raised."""

    def here(self) -> None:
        """Do pieces in this process as long as any waits."""
        while self.waiting:
            try:
                piece = self.waiting.popleft()
            except IndexError:  # a worker took the last one
                return
            self._keep(piece, self.do(self.sent(piece)))

    def give_to(self, worker: Worker) -> None:
        """Have a worker do pieces as long as any waits; the piece that it fails on waits again."""
        try:
            task = pickled(_Task(self.do))
        except (pickle.PicklingError, AttributeError, TypeError):  # a class inside a function can't be sent
            return
        with suppress(OSError):  # at the first piece it shows that the worker has ended
            send(worker, task)
        while self.waiting:
            try:
                piece = self.waiting.popleft()
            except IndexError:
                return
            answer: list[R] = []
            try:
                send(worker, pickled(self.sent(piece)))
                answer.append(received(worker))
            except (OSError, EOFError, pickle.PickleError):
                end_worker(worker)  # whatever it says later would be taken for something else
                return
            finally:
                if not answer:
                    self.waiting.append(piece)
            try:
                self._keep(piece, answer[0])
            except Exception as error:  # noqa: BLE001  # raised where the work was asked for
                self.problems.append(error)
                return

    def _keep(self, piece: P, result: R) -> None:
        with self.lock:
            self.keep(piece, result)


def on_all_cores(
    do: Callable[[A], R], pieces: Iterable[P], sent: Callable[[P], A], keep: Callable[[P, R], None]
) -> None:
    """Do all pieces, here and in workers, in any order.

    Args:
        do: a function that another Python can import (`pickle`), or a `partial` of one.
        pieces: what there is to do.
        sent: a piece -> the argument of `do`; called when it is the piece's turn.
        keep: takes the result of a piece; never called by two threads at a time.

    Raises:
        What `do` raises in this process, which does what a worker failed on; or `keep`.
    """
    work = _Work(do, deque(pieces), sent, keep)
    with shared_workers() as workers:
        _start(workers, min(core_count(), len(work.waiting)) - 1)
        helping = [Thread(target=work.give_to, args=(worker,), daemon=True) for worker in workers]
        for thread in helping:
            thread.start()
        try:
            work.here()
        except BaseException:
            for worker in workers:  # they have pieces that nobody waits for
                worker.kill()
            raise
        finally:
            for thread in helping:
                thread.join()
    if work.problems:
        raise work.problems[0]
    work.here()  # what a worker gave back


@contextmanager
def shared_workers() -> Iterator[list[Worker]]:
    """Keep the workers that are started inside for all work inside; they are ended at the exit."""
    there = _shared.get()
    if there is not None:
        yield there
        return
    workers: list[Worker] = []
    token = _shared.set(workers)
    try:
        yield workers
    finally:
        _shared.reset(token)
        for worker in workers:
            end_worker(worker)


def _start(workers: list[Worker], n: int) -> None:
    """Have n workers at least, fewer where the system has no room for them, in the place of those that have ended."""
    workers[:] = [worker for worker in workers if worker.poll() is None]
    with suppress(OSError):
        while len(workers) < n:
            workers.append(start_worker(__name__))


def work() -> None:
    """A worker: tasks and arguments come in, results go out; ends with its input or at the first failure."""
    requests, replies = talk_to_starter()
    task: _Task[Any, Any] | None = None
    with suppress(EOFError, BrokenPipeError):
        while True:
            sent = pickle.load(requests)  # noqa: S301  # of the process that started this one
            if isinstance(sent, _Task):
                task = sent
            elif task is not None:
                replies.write(pickled(task.do(sent)))
                replies.flush()
