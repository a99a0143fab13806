"""statistics.npz: each metric's statistics per sample, so that runs can be compared without new scoring.

Holds the question ids, the cluster of each sample, a digest of each sample's references (two runs are only compared on
the same studies), and for each metric its name as the user wrote it, its signature and its matrix.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from benchmarks.errors import InputError
from benchmarks.files import atomic_write
from benchmarks.files.json_text import parse_json
from benchmarks.records.json_record import Record, check_version, first_fault
from benchmarks.records.run import read_run
from benchmarks.schema import QuestionId

STATISTICS_FILE = "statistics.npz"
STATISTICS_VERSION = 1
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


def read_statistics(folder: Path) -> StoredStatistics:
    """Read a run folder's statistics.npz.

    Raises:
        InputError: it is not there, is not such a file, or is from a newer version; or the folder is no run's.
    """
    path = folder / STATISTICS_FILE
    hint = f"move it away and score the run again: libra-bench score {folder}"
    try:
        with np.load(path, allow_pickle=False) as stored:
            content = parse_json(str(stored["header"]))
            check_version(content, STATISTICS_VERSION, path, hint)
            header = _Header.model_validate_json(json.dumps(content))
            metrics = {
                item.name: StoredMetric(item.signature, item.keys, stored[f"matrix_{place}"])
                for place, item in enumerate(header.metrics)
            }
    except (FileNotFoundError, NotADirectoryError) as error:
        read_run(folder)  # a folder that is no run is called so
        again = f"score the run again: libra-bench score {folder}"
        raise InputError("the run has no stored statistics", where=path, hint=again) from error
    except ValidationError as error:
        raise InputError(f"is not a statistics file ({first_fault(error)})", where=path, hint=hint) from error
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"is not a statistics file ({error})", where=path, hint=hint) from error
    n = len(header.ids)
    if len(header.digests) != n or any(metric.per_sample_NS.shape[0] != n for metric in metrics.values()):
        raise InputError("is not a statistics file (parts of different lengths)", where=path, hint=hint)
    return StoredStatistics(header.ids, header.clusters, header.digests, metrics)
