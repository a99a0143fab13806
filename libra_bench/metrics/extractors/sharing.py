"""Several processes extract together: the one that scores hands out parts of the texts, the others compute them.

They talk through the launcher's key-value store. Every process takes the next part when it is free. The leader never
waits for long: a part that does not come back (its process was killed, or failed) the leader computes itself.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, Protocol, TypeAlias

Compute: TypeAlias = Callable[[Sequence[str]], list[bytes]]

PIECE = 4 * 2**20
"""Bytes per value: the store refuses values of 8 MB."""
PARTS_EACH = 4
"""Parts per process, at least: a slow one does not hold the others."""
PATIENCE, MIN_WAIT_SECONDS, LOOK_SECONDS = 2.0, 5.0, 0.05
"""The leader waits twice as long as its own longest part took for one that another process has taken, or five seconds;
how often it looks."""
NEXT_JOB = timedelta(days=7)
"""How long a helper waits for something to do; the launcher ends it when another process dies."""
END = "end"


class Store(Protocol):
    """What is used of torch.distributed's stores."""

    def set(self, key: str, value: Any, /) -> None:
        """Keep a value."""

    def get(self, key: str, /) -> bytes:
        """A value; waits until it is there."""

    def add(self, key: str, amount: int, /) -> int:
        """Add to a counter, and return it."""

    def check(self, keys: list[str], /) -> bool:
        """Whether all are there."""

    def wait(self, keys: list[str], timeout: timedelta, /) -> None:
        """Wait until all are there."""

    def delete_key(self, key: str, /) -> bool:
        """Forget a value."""


class Leader:
    """The process that scores."""

    def __init__(self, store: Store, world_size: int) -> None:
        self._store, self.world_size, self._jobs = store, world_size, 0

    def part_size(self, texts: int, largest: int) -> int:
        """Texts per part, so that every process gets some."""
        return max(1, min(largest, -(-texts // (PARTS_EACH * self.world_size))))

    def compute(self, parts: Sequence[Sequence[str]], compute: Compute) -> Iterator[tuple[Sequence[str], list[bytes]]]:
        """(Part, its values) as they become known, until all are."""
        job = self._announce(parts, compute)
        if job is None:
            yield from ((part, compute(part)) for part in parts)
            return
        elsewhere, failed = set(range(len(parts))), set[int]()
        longest = 0.0
        while (number := self._store.add(f"{job} next", 1) - 1) < len(parts):
            began = time.monotonic()
            yield parts[number], compute(parts[number])
            longest = max(longest, time.monotonic() - began)
            elsewhere.remove(number)
            taken = [other for other in elsewhere if other < number]  # parts are taken in order
            for done in [other for other in taken if self._store.check([f"{job} {other}"])]:
                elsewhere.remove(done)
                if (values := self._receive(f"{job} {done}")) is None:
                    failed.add(done)
                else:
                    yield parts[done], values
        for number in sorted(elsewhere):
            values = self._wait_for(f"{job} {number}", max(MIN_WAIT_SECONDS, PATIENCE * longest))
            yield parts[number], compute(parts[number]) if values is None else values
        for number in sorted(failed):
            yield parts[number], compute(parts[number])

    def end(self) -> None:
        """There is nothing more to do."""
        self._store.set(f"job {self._jobs}", pickle.dumps(END))

    def _announce(self, parts: Sequence[Sequence[str]], compute: Compute) -> str | None:
        """The job's name; None where it cannot be sent."""
        try:
            content = pickle.dumps((compute, [list(part) for part in parts]))
        except (pickle.PicklingError, AttributeError, TypeError):  # a function inside a function
            return None
        job = f"job {self._jobs}"
        _send(self._store, f"{job} content", content)
        self._store.set(job, pickle.dumps(f"{job} content"))
        self._jobs += 1
        return job

    def _wait_for(self, key: str, seconds: float) -> list[bytes] | None:
        end = time.monotonic() + seconds
        while not self._store.check([key]):
            if time.monotonic() > end:
                return None
            time.sleep(LOOK_SECONDS)
        return self._receive(key)

    def _receive(self, key: str) -> list[bytes] | None:
        values: list[bytes] | None = pickle.loads(_receive(self._store, key, forget=True))  # noqa: S301  # our own
        return values


def help_to_extract(store: Store) -> None:
    """Compute parts for the leader until it says that there are none; the end of its store is an end, too."""
    job = 0
    while True:
        try:
            store.wait([f"job {job}"], NEXT_JOB)
            announced = pickle.loads(store.get(f"job {job}"))  # noqa: S301  # of the leader
            if announced == END:
                return
            _help_with(store, f"job {job}", announced)
        except RuntimeError:  # what a store raises whose process has ended
            return
        job += 1


def _help_with(store: Store, job: str, content: str) -> None:
    compute, parts = pickle.loads(_receive(store, content, forget=False))  # noqa: S301  # of the leader
    while (number := store.add(f"{job} next", 1) - 1) < len(parts):
        values: list[bytes] | None = None
        try:
            values = compute(parts[number])
        except Exception:  # noqa: BLE001  # whatever it is, the leader meets it when it computes this part itself
            values = None
        _send(store, f"{job} {number}", pickle.dumps(values))


def _send(store: Store, key: str, content: bytes) -> None:
    pieces = range(0, len(content), PIECE)
    for number, start in enumerate(pieces):
        store.set(f"{key} piece {number}", content[start : start + PIECE])
    store.set(key, str(len(pieces)))


def _receive(store: Store, key: str, *, forget: bool) -> bytes:
    names = [f"{key} piece {number}" for number in range(int(store.get(key)))]
    content = b"".join(store.get(name) for name in names)
    if forget:
        for name in [key, *names]:
            store.delete_key(name)
    return content


_leader: ContextVar[Leader | None] = ContextVar("leader", default=None)


@contextmanager
def shared_extraction(store: Store, world_size: int) -> Iterator[None]:
    """Inside, what this process extracts is computed by all processes; those that help are released at the exit."""
    leader = Leader(store, world_size)
    token = _leader.set(leader)
    try:
        yield
    finally:
        _leader.reset(token)
        leader.end()


@contextmanager
def leading() -> Iterator[Leader | None]:
    """The leader, if this process is one; inside, it isn't any more: what a part needs is extracted here."""
    token = _leader.set(None)
    try:
        yield token.old_value if isinstance(token.old_value, Leader) else None
    finally:
        _leader.reset(token)
