"""Sequences that may be longer than memory is wide: many records lie in a file and are read when they are asked for."""

from __future__ import annotations

import os
import pickle
import tempfile
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any, TypeVar, overload

from benchmarks.errors import StorageError

K = TypeVar("K")
T = TypeVar("T")
S = TypeVar("S")

MANY = 20_000
"""Fewer records stay in memory."""
_TOGETHER = 64
"""Items of a sequence that are asked for at a time."""
_AT_ONCE = 1 << 20
"""Bytes written or read at a time."""


def stored(records: Iterable[T]) -> Sequence[T]:
    """Records as a sequence: a list, or from `MANY` on in a temporary file that has no name and goes with the sequence.

    What is read is equal to what was stored, and new each time.

    Raises:
        StorageError: the file cannot be written. Whatever making the records raises.
    """
    waiting = iter(records)
    first = [*islice(waiting, MANY)]
    return first if len(first) < MANY else _Stored(chain(first, waiting))


@contextmanager
def storing() -> Iterator[None]:
    """Say of a temporary file why it cannot be written.

    Raises:
        StorageError: it cannot.
    """
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot write a temporary file ({error.strerror or error})",
            where=tempfile.gettempdir(),
            hint="free some space, or name a folder with more: TMPDIR=FOLDER",
        ) from error


class StoredRows:
    """Rows of one width, appended to a temporary file that goes with this object; the first megabyte stays in memory.

    Args:
        width: the bytes of a row.
    """

    def __init__(self, width: int) -> None:
        self._width, self._rows = width, 0
        self._file = tempfile.SpooledTemporaryFile(_AT_ONCE)  # noqa: SIM115  # closed, and so removed, with this object

    def __len__(self) -> int:
        return self._rows

    def append(self, rows: bytes) -> int:
        """Append rows; returns the number of the first.

        Raises:
            StorageError: they cannot be written.
        """
        first = self._rows
        with storing():
            self._file.seek(0, os.SEEK_END)
            self._file.write(rows)
        self._rows += len(rows) // self._width
        return first

    def read(self, start: int, stop: int) -> bytes:
        """Rows start to stop - 1."""
        self._file.seek(start * self._width)
        return self._file.read((stop - start) * self._width)


class _Stored(Sequence[T]):
    """Records in a temporary file, each pickled by itself."""

    def __init__(self, records: Iterable[T]) -> None:
        self._ends = array("Q", [0])
        self._last: tuple[range, list[T]] = range(0), []
        """The slice that was asked for last: several views ask for the same one."""
        with storing():
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  # closed, and so removed, with this object
            with os.fdopen(os.dup(self._file.fileno()), "wb", buffering=_AT_ONCE) as stream:
                for record in records:
                    self._ends.append(self._ends[-1] + stream.write(pickle.dumps(record, pickle.HIGHEST_PROTOCOL)))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        places = range(len(self))[index]
        if isinstance(places, int):
            return next(self._read(places, places + 1))
        if places.step != 1:
            return [self[place] for place in places]
        last, records = self._last
        if places != last:
            records = [*self._read(places.start, places.stop)]
            self._last = places, records
        return [*records]

    def __iter__(self) -> Iterator[T]:
        return self._read(0, len(self))

    def _read(self, start: int, stop: int) -> Iterator[T]:
        """Records start to stop - 1; any number of threads may read."""
        while start < stop:
            begin = self._ends[start]
            last = min(stop, max(start + 1, bisect_right(self._ends, begin + _AT_ONCE, start) - 1))
            data = os.pread(self._file.fileno(), self._ends[last] - begin, begin)
            for place in range(start, last):
                yield pickle.loads(data[self._ends[place] - begin : self._ends[place + 1] - begin])  # noqa: S301  # ours
            start = last


class View(Sequence[S]):
    """What a function makes of the items of sequences of one length, side by side, when it is asked for.

    Args:
        function: an item of each sequence -> what is shown of them.
        sequences: one or more, of N items.
    """

    def __init__(self, function: Callable[..., S], *sequences: Sequence[Any]) -> None:
        self._function, self._sequences = function, sequences

    def __len__(self) -> int:
        return len(self._sequences[0])

    @overload
    def __getitem__(self, index: int) -> S: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[S]: ...
    def __getitem__(self, index: int | slice) -> S | Sequence[S]:
        found = [items[index] for items in self._sequences]
        return self._function(*found) if isinstance(index, int) else [*map(self._function, *found)]

    def __iter__(self) -> Iterator[S]:
        return map(self._function, *self._sequences)


class Picked(Sequence[T]):
    """Some items of a sequence, in any order.

    Args:
        items: the sequence.
        places: N indices into it.
    """

    def __init__(self, items: Sequence[T], places: Sequence[int]) -> None:
        self._items, self._places = items, places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        found = self._places[index]
        return self._items[found] if isinstance(found, int) else [*Picked(self._items, found)]

    def __iter__(self) -> Iterator[T]:
        """Items that follow each other are asked for together."""
        start = stop = 0
        for place in self._places:
            if place != stop or stop - start == _TOGETHER:
                yield from self._items[start:stop]
                start = place
            stop = place + 1
        yield from self._items[start:stop]


class ById(Mapping[K, T]):
    """Items of a sequence by their ids.

    Args:
        items: the sequence.
        places: id -> index into it.
    """

    def __init__(self, items: Sequence[T], places: Mapping[K, int]) -> None:
        self._items, self._places = items, places

    def __getitem__(self, key: K) -> T:
        return self._items[self._places[key]]

    def __iter__(self) -> Iterator[K]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class Repeated(Sequence[T]):
    """One value, N times."""

    def __init__(self, value: T, n: int) -> None:
        self._value, self._n = value, n

    def __len__(self) -> int:
        return self._n

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        places = range(self._n)[index]
        return self._value if isinstance(places, int) else [self._value] * len(places)
