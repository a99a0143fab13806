"""statistics.npz of a run folder: each metric's statistics a sample, so that runs can be compared without new scoring.

Holds the question ids, the cluster of each sample, a digest of each sample's references (two runs are only compared on
the same studies), and for each metric its name as the user wrote it, its signature and its matrix. The reduction is not
stored: `reduction_of(make_metric(name))` gives it back.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.errors import InputError
from benchmarks.files import atomic_write, sha256_json
from benchmarks.schema import QuestionId
from libra_bench.metrics.metric import Floats, Metric, References, Statistics, reduction_of

FILE_NAME = "statistics.npz"
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class StoredMetric:
    """One metric of a stored run."""

    signature: str
    keys: tuple[str, ...]
    per_sample_NS: Floats


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


def save_statistics(
    path: Path,
    *,
    ids: Sequence[QuestionId],
    references: References,
    clusters: Sequence[Any] | None,
    metrics: Mapping[str, tuple[Metric, Sequence[str], Statistics]],
) -> list[str]:
    """Write statistics.npz.

    Args:
        path: the file.
        ids: N question ids.
        references: N lists of references.
        clusters: N cluster names, or None.
        metrics: name as the user wrote it -> (metric, names of its keys, its statistics).

    Returns:
        The metrics left out, because their values cannot be had back from the sums (a metric of another package
        without a `reduce` method): they cannot be compared later.

    Raises:
        StorageError: the file cannot be written.
    """
    matrices: dict[str, Any] = {}
    described: list[dict[str, Any]] = []
    left_out = []
    for name, (metric, keys, statistics) in metrics.items():
        if not _can_be_reduced(metric, statistics):
            left_out.append(name)
            continue
        matrices[f"matrix_{len(described)}"] = statistics.per_sample_NS
        described.append({"name": name, "signature": metric.signature, "keys": list(keys)})
    header = {
        "schema_version": SCHEMA_VERSION,
        "ids": list(ids),
        "clusters": None if clusters is None else [None if name is None else str(name) for name in clusters],
        "digests": [sha256_json(list(texts))[:16] for texts in references],
        "metrics": described,
    }
    with atomic_write(path, "wb") as stream:
        np.savez_compressed(stream, header=np.array(json.dumps(header)), **matrices)
    return left_out


def load_statistics(path: Path) -> StoredStatistics:
    """Read statistics.npz.

    Raises:
        InputError: it is not there, or is not such a file.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            header = json.loads(str(stored["header"]))
            return StoredStatistics(
                ids=tuple(header["ids"]),
                clusters=None if header["clusters"] is None else tuple(header["clusters"]),
                digests=tuple(header["digests"]),
                metrics={
                    item["name"]: StoredMetric(item["signature"], tuple(item["keys"]), stored[f"matrix_{index}"])
                    for index, item in enumerate(header["metrics"])
                },
            )
    except FileNotFoundError as error:
        hint = f"score the run again: libra-bench score {path.parent}"
        raise InputError("the run has no stored statistics", where=path, hint=hint) from error
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        hint = f"score the run again: libra-bench score {path.parent}"
        raise InputError(f"is not a statistics file ({error})", where=path, hint=hint) from error


def _can_be_reduced(metric: Metric, statistics: Statistics) -> bool:
    """Whether `reduction_of(metric)` gives what the statistics' own reduction gives."""
    matrix_NS = statistics.per_sample_NS
    sums_1S, n_1 = matrix_NS.sum(axis=0, keepdims=True), np.array([float(len(matrix_NS))])
    return np.array_equal(reduction_of(metric)(sums_1S, n_1), statistics.reduce(sums_1S, n_1), equal_nan=True)
