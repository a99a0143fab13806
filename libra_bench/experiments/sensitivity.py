"""Which errors does a metric see? References, edited in controlled ways, scored against themselves."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.errors import InputError, UnknownNameError
from benchmarks.suites import read_references
from libra_bench.experiments.edit_kinds import EDITS
from libra_bench.experiments.edits import Edit, Kind, Outside
from libra_bench.metrics.metric import Metric, MetricResult
from libra_bench.scores.statistics import PairedMetric, compare

SCHEMA_VERSION = 1
MAX_EDITS = 3
RESAMPLES = 1_000
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class EditedTexts:
    """The texts in which one error could be made so many times."""

    error: str
    kind: Kind
    edits: int
    """Per text."""
    places: Sequence[int]
    """Which of the texts."""
    edited: Sequence[str]


@dataclass(frozen=True, slots=True)
class KeySensitivity:
    """What one key shows for it."""

    key: str
    copy: float
    """What the unedited texts score against themselves."""
    value: float
    drop: float
    """`copy - value`, signed so that a drop is worse."""
    low: float | None
    high: float | None
    undetected: float | None
    """Share of the texts whose own score did not fall; None where the metric has no score for one text."""


@dataclass(frozen=True, slots=True)
class ErrorSensitivity:
    """One error, made so many times per text."""

    error: str
    kind: Kind
    harmful: bool
    edits: int
    n: int
    """Texts."""
    scores: Sequence[KeySensitivity]
    examples: Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What `libra-bench metrics sensitivity` finds."""

    n: int
    """Texts that were tried."""
    seed: int
    errors: Sequence[ErrorSensitivity]

    def as_json(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}


def reports_of(path: Path, n: int) -> list[str]:
    """Reports to make errors in: the (first) references of a file, distinct, evenly over it.

    Args:
        path: a suite file.
        n: how many at most.

    Raises:
        InputError: the file cannot be read, or holds fewer than two reports.
    """
    samples = read_references(path)
    texts = list(
        dict.fromkeys(sample.references[0] for sample in samples if sample.references and sample.references[0].strip())
    )
    if len(texts) < 2:
        raise InputError("holds fewer than two reports", where=path, hint="give a file with references")
    step = max(1.0, len(texts) / n)
    return [texts[int(place * step)] for place in range(min(n, len(texts)))]


def edit_texts(
    texts: Sequence[str], errors: Sequence[str] | None = None, *, max_edits: int = MAX_EDITS, seed: int = 0
) -> list[EditedTexts]:
    """Make each error in each text that can have it, once, twice, ...

    Args:
        texts: N reports.
        errors: names of `EDITS`; None: all.
        max_edits: the most errors of one kind per text.
        seed: of everything that is drawn.

    Raises:
        UnknownNameError: no error has such a name.
    """
    known = [edit.name for edit in EDITS]
    if unknown := [name for name in errors or () if name not in known]:
        raise UnknownNameError("error", unknown[0], known)
    found = []
    for edit in EDITS:
        if errors is not None and edit.name not in errors:
            continue
        for edits in range(1, max_edits + 1):
            pairs = [(place, _edited(edit, texts, place, edits, seed)) for place in range(len(texts))]
            usable = [(place, text) for place, text in pairs if text is not None]
            if usable:
                places, edited = zip(*usable, strict=True)
                found.append(EditedTexts(edit.name, edit.kind, edits, places, edited))
    return found


def sensitivity(
    texts: Sequence[str],
    edited: Sequence[EditedTexts],
    metrics: Mapping[str, Metric],
    *,
    seed: int = 0,
    on_scored: Callable[[], None] = lambda: None,
) -> Sensitivity:
    """Score edited texts against the unedited ones.

    Args:
        texts: N reports.
        edited: from `edit_texts`.
        metrics: name -> metric.
        seed: of the resamples.
        on_scored: called after each error and metric.
    """
    errors = []
    for one in edited:
        originals = [texts[place] for place in one.places]
        scores = []
        for name, metric in metrics.items():
            scores += _of_metric(name, metric, originals, one.edited, seed)
            on_scored()
        errors.append(
            ErrorSensitivity(
                error=one.error,
                kind=one.kind,
                harmful=one.kind != "harmless",
                edits=one.edits,
                n=len(originals),
                scores=scores,
                examples=[{"before": originals[0], "after": one.edited[0]}],
            )
        )
    return Sensitivity(len(texts), seed, errors)


def _edited(edit: Edit, texts: Sequence[str], place: int, edits: int, seed: int) -> str | None:
    """The same text, error and seed give the same edit, whatever else is edited."""
    others = [texts[(place + 1) % len(texts)]] if len(texts) > 1 else []
    return edit.apply(texts[place], edits, Outside(others, random.Random(f"{seed}:{edit.name}:{edits}:{place}")))  # noqa: S311


def _of_metric(
    name: str, metric: Metric, originals: Sequence[str], edited: Sequence[str], seed: int
) -> list[KeySensitivity]:
    references = [[text] for text in originals]
    copy, changed = metric.score(originals, references), metric.score(edited, references)
    intervals: dict[str, tuple[float | None, float | None]] = {}
    if copy.statistics is not None and changed.statistics is not None:
        paired = PairedMetric(name, metric.keys, [copy.statistics, changed.statistics])
        intervals = {
            one.key: (one.low, one.high) for one in compare(["copy", "edited"], [paired], None, RESAMPLES, seed)
        }
    return [
        _of_key(key.name, 1.0 if key.higher_is_better else -1.0, copy, changed, intervals.get(key.name, (None, None)))
        for key in metric.keys
        if key.name in copy.values and np.isfinite([copy.values[key.name], changed.values[key.name]]).all()
    ]


def _of_key(
    key: str, sign: float, copy: MetricResult, changed: MetricResult, interval: tuple[float | None, float | None]
) -> KeySensitivity:
    ends = sorted(-sign * end for end in interval if end is not None)
    undetected = None
    if key in copy.samples:
        fall_N = sign * (np.asarray(copy.samples[key], float) - np.asarray(changed.samples[key], float))
        undetected = float(np.mean(~(fall_N > _ROUNDING)))
    return KeySensitivity(
        key=key,
        copy=float(copy.values[key]),
        value=float(changed.values[key]),
        drop=sign * float(copy.values[key] - changed.values[key]),
        low=ends[0] if len(ends) == 2 else None,
        high=ends[1] if len(ends) == 2 else None,
        undetected=undetected,
    )
