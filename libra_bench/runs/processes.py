"""Several processes on one run: `torchrun` or `accelerate launch` start them, this hands the studies out.

Each process takes the next few studies when it is free, so that a slow one does not hold the rest, and appends to
an answers file of its own. The first process (rank 0) owns the folder: it reads what is there, and merges at the end.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any, Protocol

from benchmarks.errors import RunConflictError
from libra_bench.metrics.extractors.sharing import help_to_extract, shared_extraction

WAIT = timedelta(days=7)
"""How long a process waits for another; the launcher ends all of them when one dies."""

NEXT_STUDY = "next study"


class Processes(Protocol):
    """The processes of a run, as one of them sees them."""

    rank: int
    world_size: int

    def for_run(self, name: str) -> Processes:
        """The same processes for one of several runs, with counters and names of its own."""
        ...

    def assert_equal(self, what: str, value: str) -> None:
        """Make sure that every process has the same value.

        Raises:
            RunConflictError: this one has another than rank 0.
        """
        ...

    def broadcast(self, name: str, value: Any = None) -> Any:
        """Rank 0 hands a JSON value to all; the others receive it."""
        ...

    def slices(self, total: int, *, largest: int, smallest: int) -> Iterator[slice]:
        """Take slices of `total` items until none is left; every item goes to one process."""
        ...

    def count(self) -> int:
        """One more study is answered; returns how many are by now, in all processes."""
        ...

    def gather(self, name: str, value: Any) -> list[Any]:
        """Hand a JSON value to rank 0, which waits for everyone's: all of them there, by rank; nothing elsewhere."""
        ...

    def sharing_extraction(self) -> AbstractContextManager[None]:
        """For rank 0, around its scoring: others that call `help_to_extract` compute parts of what it extracts."""
        ...

    def help_to_extract(self) -> None:
        """For the others: compute such parts until rank 0 has left `sharing_extraction`."""
        ...


class SingleProcess:
    """The only process."""

    rank, world_size = 0, 1

    def __init__(self) -> None:
        self._answered = 0

    def for_run(self, name: str) -> Processes:
        """A new count."""
        return SingleProcess()

    def assert_equal(self, what: str, value: str) -> None:
        """Nothing to compare with."""

    def broadcast(self, name: str, value: Any = None) -> Any:
        """The value."""
        return value

    def slices(self, total: int, *, largest: int, smallest: int) -> Iterator[slice]:
        """Everything at once."""
        yield slice(0, total)

    def count(self) -> int:
        """One more."""
        self._answered += 1
        return self._answered

    def gather(self, name: str, value: Any) -> list[Any]:
        """The value."""
        return [value]

    def sharing_extraction(self) -> AbstractContextManager[None]:
        """Nobody to share with."""
        return nullcontext()

    def help_to_extract(self) -> None:
        """Nobody to help."""


class ProcessGroup:
    """One of several processes, which talk through the launcher's key-value store."""

    def __init__(self, store: Any, rank: int, world_size: int) -> None:
        self._store, self.rank, self.world_size = store, rank, world_size

    def for_run(self, name: str) -> Processes:
        """The part of the store under this name."""
        from torch.distributed import PrefixStore

        return ProcessGroup(PrefixStore(name, self._store), self.rank, self.world_size)

    def assert_equal(self, what: str, value: str) -> None:
        """Compare with rank 0."""
        first = self.broadcast(what, value)
        if first != value:
            raise RunConflictError(
                f"process {self.rank} has another {what} ({value}) than process 0 ({first})",
                hint="give every host the same suite, checkpoint and settings",
            )

    def broadcast(self, name: str, value: Any = None) -> Any:
        """Through the store."""
        if self.rank == 0:
            self._store.set(name, json.dumps(value))
            return value
        self._store.wait([name], WAIT)
        return json.loads(self._store.get(name))

    def slices(self, total: int, *, largest: int, smallest: int) -> Iterator[slice]:
        """From a shared counter: a quarter of this process's share of the rest, so a slow one does not hold the others.

        Another process may take its piece between our look and our take; the counter still gives every item once.
        """
        while (left := total - self._store.add(NEXT_STUDY, 0)) > 0:
            size = max(smallest, min(largest, left // (4 * self.world_size)))
            start = self._store.add(NEXT_STUDY, size) - size
            if start < total:
                yield slice(start, min(start + size, total))

    def count(self) -> int:
        """On another shared counter."""
        return int(self._store.add("answered", 1))

    def gather(self, name: str, value: Any) -> list[Any]:
        """Through the store; only rank 0 waits, and it must, for the store may live in its process."""
        self._store.set(f"{name} {self.rank}", json.dumps(value))
        if self.rank > 0:
            return []
        keys = [f"{name} {rank}" for rank in range(self.world_size)]
        self._store.wait(keys, WAIT)
        return [json.loads(self._store.get(key)) for key in keys]

    def sharing_extraction(self) -> AbstractContextManager[None]:
        """Through the store."""
        return shared_extraction(self._extractions, self.world_size)

    def help_to_extract(self) -> None:
        """Through the store; on this process's own accelerator."""
        import torch

        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")) % torch.cuda.device_count())
        help_to_extract(self._extractions)

    @property
    def _extractions(self) -> Any:
        from torch.distributed import PrefixStore

        return PrefixStore("extractions", self._store)


def from_env() -> Processes:
    """The processes that the launcher's environment variables speak of; a single process without any."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return SingleProcess()
    from torch.distributed import PrefixStore, rendezvous

    store, rank, world_size = next(iter(rendezvous("env://", timeout=WAIT)))
    return ProcessGroup(PrefixStore("libra-bench", store), rank, world_size)


def local_device(asked: str | None) -> str | None:
    """The device of this process: as asked for; where there are several processes, each has an accelerator of its own.

    Args:
        asked: what the user said; None lets the adapter choose. "cuda" means any.
    """
    if asked not in (None, "cuda") or "LOCAL_RANK" not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return asked
    import torch

    return f"cuda:{int(os.environ['LOCAL_RANK']) % torch.cuda.device_count()}" if torch.cuda.is_available() else asked
