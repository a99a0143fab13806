"""statistics.npz: each metric's statistics per sample, so that runs can be compared without new scoring.

Holds the question ids, the cluster of each sample, a digest of each sample's references (two runs are only compared on
the same studies), and for each metric its name as the user wrote it, its signature and its matrix.
"""

from __future__ import annotations

import functools
import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError, model_validator

from benchmarks.errors import InputError
from benchmarks.files import atomic_write
from benchmarks.files.json_text import parse_json
from benchmarks.records.json_record import Record, check_version, first_fault
from benchmarks.records.run import read_run
from benchmarks.schema import QuestionId

STATISTICS_FILE = "statistics.npz"
STATISTICS_VERSION = 1
_HEADER = "header.npy"
Matrix: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StoredMetric:
    """One metric of a stored run."""

    signature: str
    keys: tuple[str, ...]
    per_sample_NS: Matrix


@dataclass(frozen=True, slots=True)
class StoredStatistics:
    """What statistics.npz holds. All sequences are in the order of the suite."""

    ids: tuple[QuestionId, ...]
    clusters: tuple[str | None, ...] | None
    """`subject_id` of each sample; None where the suite has none."""
    digests: tuple[str, ...]
    """Of each sample's references."""
    metrics: Mapping[str, StoredMetric]
    """Name as the user wrote it -> its statistics."""


class _Described(Record):
    name: str
    signature: str
    keys: tuple[str, ...]


class _Header(Record):
    """Everything but the matrices, as JSON."""

    schema_version: int = STATISTICS_VERSION
    ids: tuple[QuestionId, ...]
    clusters: tuple[str | None, ...] | None
    digests: tuple[str, ...]
    metrics: tuple[_Described, ...]

    @model_validator(mode="after")
    def _check_lengths(self) -> Self:
        """One value per sample everywhere, and one name per metric."""
        parts = (self.digests, self.ids if self.clusters is None else self.clusters)
        if any(len(part) != len(self.ids) for part in parts):
            raise ValueError("parts of different lengths")
        if len({metric.name for metric in self.metrics}) != len(self.metrics):
            raise ValueError("two metrics of one name")
        return self


def write_statistics(folder: Path, statistics: StoredStatistics) -> None:
    """Write statistics.npz atomically.

    Raises:
        StorageError: the file cannot be written.
    """
    header = _Header(
        ids=statistics.ids,
        clusters=statistics.clusters,
        digests=statistics.digests,
        metrics=tuple(
            _Described(name=name, signature=metric.signature, keys=metric.keys)
            for name, metric in statistics.metrics.items()
        ),
    )
    matrices: dict[str, Any] = {
        f"matrix_{place}": metric.per_sample_NS for place, metric in enumerate(statistics.metrics.values())
    }
    with atomic_write(folder / STATISTICS_FILE, "wb") as stream:
        np.savez_compressed(stream, header=np.array(json.dumps(header.as_json())), **matrices)


@dataclass(frozen=True, slots=True)
class StatisticsFile:
    """A statistics.npz whose matrices are read one by one, when they are asked for."""

    folder: Path
    ids: tuple[QuestionId, ...]
    """This and what follows: as of `StoredStatistics`."""
    clusters: tuple[str | None, ...] | None
    digests: tuple[str, ...]
    described: Mapping[str, tuple[str, tuple[str, ...]]]
    """Name of a metric as the user wrote it -> (signature, keys)."""

    def read(self, name: str) -> StoredMetric:
        """One metric.

        Raises:
            InputError: the file cannot be read, or has changed meanwhile.
        """
        return self._read([name])[name]

    def read_all(self) -> dict[str, StoredMetric]:
        """Every metric.

        Raises:
            InputError: as of `read`.
        """
        return self._read(self.described)

    def _read(self, names: Iterable[str]) -> dict[str, StoredMetric]:
        places = {name: place for place, name in enumerate(self.described)}
        path = self.folder / STATISTICS_FILE
        with _reading(self.folder), zipfile.ZipFile(path) as archive:
            found = {
                name: StoredMetric(*self.described[name], _array(archive.read(f"matrix_{places[name]}.npy")))
                for name in names
            }
            for name, metric in found.items():
                _check_matrix(name, metric.per_sample_NS, len(self.ids))
        return found


def open_statistics(folder: Path) -> StatisticsFile:
    """Read a run folder's statistics.npz without its matrices. Runs over the same studies share what is the same.

    Raises:
        InputError: it is not there, is not such a file, or is from a newer version; or the folder is no run's.
    """
    path = folder / STATISTICS_FILE
    with _reading(folder):
        with zipfile.ZipFile(path) as archive:
            text = _Text(archive.getinfo(_HEADER).CRC, archive.read(_HEADER))
        check_version(_content(text), STATISTICS_VERSION, path, _hint(folder))
        header = _header(text)
    described = {item.name: (item.signature, item.keys) for item in header.metrics}
    return StatisticsFile(folder, header.ids, header.clusters, header.digests, described)


def read_statistics(folder: Path) -> StoredStatistics:
    """Read a run folder's statistics.npz.

    Raises:
        InputError: it is not there, is not such a file, or is from a newer version; or the folder is no run's.
    """
    opened = open_statistics(folder)
    return StoredStatistics(opened.ids, opened.clusters, opened.digests, opened.read_all())


def _check_matrix(name: str, matrix: npt.NDArray[Any], n: int) -> None:
    if matrix.ndim != 2 or len(matrix) != n or matrix.dtype.kind not in "fiub":
        raise ValueError(f"{name} has {matrix.dtype} of {matrix.shape}, not one row of numbers per study")


@contextmanager
def _reading(folder: Path) -> Iterator[None]:
    """Say what is wrong with a file that cannot be read."""
    path, hint = folder / STATISTICS_FILE, _hint(folder)
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        read_run(folder)  # a folder that is no run is called so
        again = f"score the run again: libra-bench score {folder}"
        raise InputError("the run has no stored statistics", where=path, hint=again) from error
    except ValidationError as error:
        raise InputError(f"is not a statistics file ({first_fault(error)})", where=path, hint=hint) from error
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"is not a statistics file ({error})", where=path, hint=hint) from error


def _hint(folder: Path) -> str:
    return f"move it away and score the run again: libra-bench score {folder}"


def _array(member: bytes) -> Any:
    """The array of a member of the archive: read whole, in half the time of `np.load`."""
    return np.lib.format.read_array(io.BytesIO(member), allow_pickle=False)


@dataclass(frozen=True, slots=True)
class _Text:
    """A header as it is stored."""

    checksum: int
    member: bytes

    def __hash__(self) -> int:
        """Half a megabyte is compared quickly, but not hashed."""
        return self.checksum

    def __str__(self) -> str:
        return str(_array(self.member).item())


@functools.lru_cache(maxsize=2)
def _content(text: _Text) -> Any:
    return parse_json(str(text))


@functools.lru_cache(maxsize=2)
def _header(text: _Text) -> _Header:
    """That of runs over the same studies, scored by the same metrics, is the same text: it is read once."""
    return _Header.model_validate_json(str(text))
