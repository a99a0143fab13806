"""A metric's value of every single text, kept in a file so that nothing is scored twice."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.files import sha256_json, write_json
from benchmarks.files.json_text import parse_json
from libra_bench.experiments.agreement import KeyValues
from libra_bench.metrics.failing_texts import failed_note, score_texts
from libra_bench.metrics.metric import Metric, sample_keys_of

FILE_NAME = "values.json"


def values_of_texts(
    metrics: Mapping[str, Metric],
    predictions: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    folder: Path | None = None,
    on_metric: Callable[[str], None] = lambda name: None,
) -> tuple[list[KeyValues], list[str]]:
    """Score texts one by one, as far as the metrics define a value for one text.

    Args:
        metrics: name -> metric.
        predictions: N texts.
        references: N lists of references.
        folder: where values are kept; those of the same metric (by its signature) and texts are taken from there.
        on_metric: told the name of each metric that is about to be scored.

    Returns:
        Each key's values, more is better; and the metrics that have no value for one text.
    """
    texts = sha256_json([list(predictions), [list(group) for group in references]])
    kept = _read(folder)
    found: list[KeyValues] = []
    without = []
    for name, metric in metrics.items():
        mark = f"{metric.signature}|texts:{texts}"
        if not _fits(kept.get(mark), metric, len(predictions)):
            on_metric(name)
            result, failed = score_texts(metric, predictions, references)
            if failed:
                print(failed_note(metric, failed, range(len(predictions))), file=sys.stderr)  # noqa: T201
            kept[mark] = {column: [float(value) for value in values] for column, values in result.samples.items()}
            if folder is not None:
                write_json(folder / FILE_NAME, kept)
        columns = _signed(metric, kept[mark])
        if not columns:
            without.append(name)
        found += columns
    return found, without


def _signed(metric: Metric, columns: Mapping[str, Sequence[float]]) -> list[KeyValues]:
    """The columns with a better side; columns that a metric does not rank runs by are only diagnostics."""
    higher = {key.name: key.higher_is_better for key in sample_keys_of(metric)}
    return [
        KeyValues(column, list(np.asarray(values, dtype=float) * (1 if higher[column] else -1)))
        for column, values in columns.items()
        if column in higher
    ]


def _fits(kept: object, metric: Metric, n: int) -> bool:
    """Whether kept values are those of n texts; a file that was changed may hold anything."""
    columns = {key.name for key in sample_keys_of(metric)}
    return isinstance(kept, dict) and all(
        isinstance(kept.get(column, []), list)
        and len(kept.get(column, [0] * n)) == n
        and all(type(value) in (int, float) for value in kept.get(column, []))
        for column in columns
    )


def _read(folder: Path | None) -> dict[str, dict[str, list[float]]]:
    if folder is None:
        return {}
    try:
        kept = parse_json((folder / FILE_NAME).read_bytes())
    except (OSError, ValueError):
        return {}  # values can be had again
    return kept if isinstance(kept, dict) else {}
