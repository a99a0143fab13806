"""Reference points: what a score is worth. How much no model at all scores, and how much another reader does.

- `empty`: every answer is the empty text.
- `shuffled-references`: every study gets the reference of another study (of another patient, where patients are known):
  fluent, plausible, unrelated. Seeded, and a derangement: each reference is used about once, none for its own study.
- `constant`: one text for all studies, the most frequent reference; where none occurs twice, a report without findings.
- `leave-one-out-references` (a ceiling): where studies have several references, one of them is scored against the
  others, in turn; its value is the mean over turns, over those studies alone.

They depend on the suite and the metric, not on the model: computed once, kept in the user's cache by content. Judges
(language models as metrics) are left out: each point would cost as much as scoring a model.
"""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from benchmarks.errors import StorageError
from benchmarks.files import json_list, sha256_json, sha256_texts, write_json
from benchmarks.files.stored import Picked, Repeated, View
from benchmarks.records.scores import CEILING, ReferencePoint
from libra_bench.metrics.many_texts import OnScored, score_many_texts, untold
from libra_bench.metrics.metric import Metric, References, sees_of
from model_adapters.baselines.constant import CONSTANT_TEXT

Fields = Sequence[Mapping[str, Any]]


def reference_points(
    metrics: Sequence[Metric],
    references: References,
    fields: Fields | None = None,
    clusters: Sequence[Hashable] | None = None,
    *,
    seed: int = 0,
    cache: Path | None = None,
    on_scored: OnScored = untold,
) -> list[ReferencePoint]:
    """Score texts that no model wrote, and the ceiling where there are several references.

    Args:
        metrics: what the run was scored with.
        references: N lists of references.
        fields: N mappings, as for `Metric.score`.
        clusters: N patients, or None.
        seed: of the shuffling.
        cache: a folder that keeps results; None: always computed.
        on_scored: told of progress; what the cache knows counts as scored.

    Returns:
        What scores.json has under `floors`; a value that is undefined is left out.
    """
    metrics = [metric for metric in metrics if sees_of(metric) != "judges"]
    of_fields = None if fields is None else map(_plain, fields)
    content = sha256_texts(json_list([map(list, references), of_fields, _plain(clusters), seed]))
    texts: dict[str, Sequence[str]] = {
        "empty": Repeated("", len(references)),
        "shuffled-references": shuffled_references(references, fields, clusters, seed),
        "constant": Repeated(_constant(references, fields), len(references)),
    }
    result: list[ReferencePoint] = []
    for name, predictions in texts.items():
        paths = [cache and cache / f"{sha256_json([content, name, m.signature])[:32]}.json" for m in metrics]
        compute = partial(_values, predictions=predictions, references=references, fields=fields, on_scored=on_scored)
        scores, kept = _kept(metrics, paths, compute)
        for metric in kept:
            on_scored(metric, len(references))
        result.append(ReferencePoint(name=name, n=len(references), scores=scores))
    several = [i for i, alternatives in enumerate(references) if len(alternatives) > 1]
    if several:
        ceiling: dict[str, float] = {}
        for metric in metrics:
            ceiling |= _ceiling(metric, Picked(references, several), _some(fields, several))
        result.append(ReferencePoint(name=CEILING, n=len(several), scores=ceiling))
    return result


def shuffled_references(
    references: References,
    fields: Fields | None = None,
    clusters: Sequence[Hashable] | None = None,
    seed: int = 0,
) -> Sequence[str]:
    """For each study the (first) reference of another one, of another patient where patients are known.

    Where all studies are of one patient, it is another study's; the only study of a suite gets an empty text.
    Where a study has no reference but `labels`, they are its text.
    """
    n = len(references)
    names = range(n) if clusters is None else [("alone", i) if c is None else c for i, c in enumerate(clusters)]
    if n < 2:
        return [""] * n
    order = derangement(names if len(set(names)) > 1 else range(n), seed)
    return Picked(_texts(references, fields), order)


def derangement(clusters: Sequence[Hashable], seed: int) -> Sequence[int]:
    """Which sample each sample is matched with: one of another cluster, each used about once.

    Samples are laid out cluster by cluster, in random order, on a circle that is turned by the size of the largest
    cluster: no sample is matched within its own cluster, unless that has more than half of all samples; one that
    still is gets a random sample of another cluster.
    """
    generator, n = np.random.default_rng(seed), len(clusters)
    order = generator.permutation(n)
    numbers: dict[Hashable, int] = {}
    owner_N = np.fromiter((numbers.setdefault(name, len(numbers)) for name in clusters), dtype=np.int64, count=n)
    _, first, number, sizes = np.unique(owner_N[order], return_index=True, return_inverse=True, return_counts=True)
    circle = order[np.argsort(first[number], kind="stable")]
    others = np.roll(circle, -int(sizes.max()))
    for position in np.flatnonzero(owner_N[circle] == owner_N[others]).tolist():
        elsewhere = circle[owner_N[circle] != owner_N[circle[position]]]
        others[position] = elsewhere[int(generator.integers(len(elsewhere)))]
    matched = np.empty(n, dtype=np.int64)
    matched[circle] = others
    return array("q", matched.tobytes())


def _constant(references: References, fields: Fields | None) -> str:
    texts = _texts(references, fields)
    if not texts:
        return CONSTANT_TEXT
    hashes = np.fromiter(map(hash, texts), dtype=np.int64, count=len(texts))
    _, first, times = np.unique(hashes, return_index=True, return_counts=True)
    return texts[int(first[times == times.max()].min())] if times.max() > 1 else CONSTANT_TEXT


def _texts(references: References, fields: Fields | None) -> Sequence[str]:
    """The first reference of each study, or its labels."""
    return View(_text_of, references, Repeated(None, len(references)) if fields is None else fields)


def _text_of(references: Sequence[str], item: Mapping[str, Any] | None) -> str:
    if references:
        return references[0]
    return ", ".join(map(str, (item or {}).get("labels") or ()))


def _ceiling(metric: Metric, references: References, fields: Fields | None) -> dict[str, float]:
    """Each reference in turn against the others of its study; the mean of the turns, weighted by their studies."""
    totals: dict[str, list[float]] = {}
    for turn in range(max(map(len, references))):
        members = [i for i, texts in enumerate(references) if len(texts) > turn]
        said = [references[i][turn] for i in members]
        others = [[text for k, text in enumerate(references[i]) if k != turn] for i in members]
        for key, value in _values([metric], said, others, _some(fields, members))[0].items():
            total = totals.setdefault(key, [0.0, 0.0])
            total[0] += value * len(members)
            total[1] += len(members)
    return {key: total / weight for key, (total, weight) in totals.items()}


def _kept(
    metrics: Sequence[Metric],
    paths: Sequence[Path | None],
    compute: Callable[[Sequence[Metric]], list[dict[str, float]]],
) -> tuple[dict[str, float], list[Metric]]:
    """What the files hold; what `compute` gives for the other metrics is kept in theirs where they can be written.

    Returns:
        Key -> value; and the metrics whose file was there.
    """
    known = [_stored(path) for path in paths]
    missing = [m for m, scores in enumerate(known) if scores is None]
    for m, scores in zip(missing, compute([metrics[m] for m in missing]) if missing else [], strict=True):
        known[m] = scores
        with suppress(StorageError, OSError):  # a cache costs time, never a score
            if path := paths[m]:
                write_json(path, scores)
    there = [metric for m, metric in enumerate(metrics) if m not in missing]
    return {key: value for scores in known if scores for key, value in scores.items()}, there


def _stored(path: Path | None) -> dict[str, float] | None:
    """What a file of the cache holds; None for one that is not there, or damaged."""
    try:
        return None if path is None else _VALUES.validate_json(path.read_bytes(), strict=True)
    except (OSError, ValueError):
        return None


_VALUES = TypeAdapter(dict[str, float])


def _values(
    metrics: Sequence[Metric],
    predictions: Sequence[str],
    references: References,
    fields: Fields | None,
    on_scored: OnScored = untold,
) -> list[dict[str, float]]:
    """The defined values of each metric."""
    found = score_many_texts(metrics, predictions, references, fields, on_scored, values_alone=True)
    return [{k: float(v) for k, v in result.values.items() if math.isfinite(v)} for result, _ in found]


def _some(fields: Fields | None, members: Sequence[int]) -> Fields | None:
    return None if fields is None else Picked(fields, members)


def _plain(value: Any) -> Any:
    """As JSON gives it back."""
    return json.loads(json.dumps(value, default=str))
