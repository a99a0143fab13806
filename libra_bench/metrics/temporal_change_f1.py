"""F1 over statements of change: (finding, side, direction, whether it is there), found by rules in both texts.

`temporal_f1` compares sets of words, so "effusion has increased, edema has decreased" equals its reverse, and "has not
decreased" equals "has decreased". This metric reads what changed, where, and in which direction (`statements/`): each
of those pairs scores 0. So does "no left effusion, unchanged" against "small left effusion, unchanged"; what is only
uncertain counts as there; of a structure ("heart size is unchanged") it isn't asked.

The corpus value is micro F1: matched, predicted and expected statements are summed over the suite. Most studies
state no change, so a mean over samples would mostly count agreeing silence, and an empty report would score the
share of such studies; under micro F1 they add nothing, and an empty report scores 0. A sample's own value
(samples.csv) is its F1, 100 where neither text states a change; a corpus in which no text states a change is 100
by the same convention. With several references the one with the best F1 counts.

Own definition, no reference implementation. `version=1` is the metric with its first reader (`statements/v1`), which
reads changes alone: (finding, side, direction). Precision and recall of both readers: docs/temporal-change.md.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from benchmarks.errors import InputError
from libra_bench.metrics.finding_relations import STRUCTURES
from libra_bench.metrics.metric import (
    Floats,
    Key,
    MetricResult,
    Missing,
    References,
    Sees,
    Span,
    Statistics,
    corpus_values,
    signature_of,
)
from libra_bench.metrics.statements.lexicon import LEXICON_VERSION
from libra_bench.metrics.statements.reader import report_statements
from libra_bench.metrics.statements.statement import CHANGES, Statement
from libra_bench.metrics.statements.v1.parser import has_comparison
from libra_bench.metrics.statements.v1.parser import statements as statements_v1


@dataclass(frozen=True, slots=True)
class StatedChange:
    """A change that a report states."""

    finding: str
    side: str | None
    direction: str
    """One of `CHANGES`."""
    present: bool | None
    """Whether the finding is there (now); None where it isn't asked: of structures, and in version 1."""
    spans: tuple[tuple[int, int], ...]
    """(start, end) of the words that say so."""

    @property
    def key(self) -> tuple[str, str | None, str, bool | None]:
        """What is compared."""
        return self.finding, self.side, self.direction, self.present


@lru_cache(maxsize=8192)  # whole texts: as many as the reader of reports keeps
def stated_changes(text: str, version: int) -> tuple[StatedChange, ...]:
    """The changes that a text states, in order, each once."""
    if version == 1:
        found = [StatedChange(s.finding, s.side, s.direction, None, s.spans) for s in statements_v1(text)]
    else:
        found = [
            StatedChange(s.finding, s.side, s.change, _is_present(s), ((s.start, s.end),))
            for s in report_statements(text)
            if s.change is not None
        ]
    first: dict[Hashable, StatedChange] = {}
    for change in found:
        first.setdefault(change.key, change)
    return tuple(first.values())


def _is_present(said: Statement) -> bool | None:
    return None if said.finding in STRUCTURES else said.presence != "absent"


@dataclass(frozen=True, slots=True)
class TemporalChangeF1:
    """F1 over (finding, side, direction, presence), and over directions alone."""

    version: int = 2
    """2: the reader of whole reports; 1: the first reader, of changes alone, which is blind to presence."""

    id: ClassVar[str] = "temporal_change_f1"
    summary: ClassVar[str] = "F1 over statements of change: what changed, on which side, in which direction"
    sees: ClassVar[Sees] = "change"
    needs: ClassVar[str] = "nothing"
    independent: ClassVar[bool] = True

    @property
    def keys(self) -> Sequence[Key]:
        """F1 of the statements, F1 of their directions alone."""
        return (Key("Temporal_change_score"), Key("Temporal_direction_score"))

    @property
    def signature(self) -> str:
        """The version decides the number."""
        reader = {"lexicon": LEXICON_VERSION} if self.version > 1 else {}
        return signature_of(self, impl="libra-bench", version=self.version, agg="micro", both_empty=100, **reader)

    def missing(self) -> Missing | None:
        """Runs everywhere.

        Raises:
            InputError: there is no such version.
        """
        if self.version not in (1, 2):
            raise InputError(f"no version {self.version}", where="temporal_change_f1[version]", hint="use 1 or 2")
        return None

    def reduce(self, sums_R6: Floats, n_R: Floats) -> Floats:
        """(matched, predicted, expected) of statements and of directions -> micro F1 each."""
        matched_R2, sizes_R2 = sums_R6[:, [0, 3]], sums_R6[:, [1, 4]] + sums_R6[:, [2, 5]]
        values_R2 = np.full(matched_R2.shape, 100.0)
        np.divide(200.0 * matched_R2, sizes_R2, out=values_R2, where=sizes_R2 > 0)
        return values_R2

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """Score N predictions; `fields[i]["has_prior"]` tells where a comparison has nothing to compare with."""
        predicted = [stated_changes(text, self.version) for text in predictions]
        best = [self._best_reference(said, texts) for said, texts in zip(predicted, references, strict=True)]
        chosen = [texts[i] if texts else "" for i, texts in zip(best, references, strict=True)]
        expected = [stated_changes(text, self.version) for text in chosen]
        rows = [_counts(said, true) for said, true in zip(predicted, expected, strict=True)]
        statistics = Statistics(np.array(rows, dtype=float).reshape(len(rows), 6), self.reduce)
        per_sample_N2 = self.reduce(statistics.per_sample_NS, np.ones(len(rows)))
        return MetricResult(
            values=corpus_values(self.keys, statistics),
            statistics=statistics,
            samples={key.name: per_sample_N2[:, k].tolist() for k, key in enumerate(self.keys)},
            details={
                **_precision_recall(statistics.per_sample_NS.sum(axis=0)),
                "support": _support(predicted, expected),
                "direction_confusion": _confusion(predicted, expected),
                "comparison_without_prior": _without_prior(predictions, chosen, fields),
            },
            spans=[
                *_spans(predicted, ["prediction"] * len(rows)),
                *_spans(expected, [f"reference {i + 1}" if i else "reference" for i in best]),
            ],
        )

    def merge_details(self, parts: Sequence[Mapping[str, Any]], statistics: Statistics) -> Mapping[str, Any]:
        """The details of all samples from those of consecutive parts."""
        return {
            **_precision_recall(statistics.per_sample_NS.sum(axis=0)),
            "support": _added([part["support"] for part in parts]),
            "direction_confusion": _added([part["direction_confusion"] for part in parts]),
            "comparison_without_prior": _pooled_rates([part["comparison_without_prior"] for part in parts]),
        }

    def _best_reference(self, said: Sequence[StatedChange], texts: Sequence[str]) -> int:
        """The index of the reference with the best F1 of statements, then of directions; the first of equals."""

        def quality(index: int) -> tuple[float, float]:
            matched, predicted, expected, *rest = _counts(said, stated_changes(texts[index], self.version))
            return _f1(matched, predicted, expected), _f1(*rest)

        return max(range(len(texts)), key=quality, default=0)


def _counts(said: Sequence[StatedChange], true: Sequence[StatedChange]) -> tuple[int, ...]:
    """(matched, predicted, expected) of the statements, then of the directions as a multiset."""
    return (
        *_overlap((item.key for item in said), (item.key for item in true)),
        *_overlap((item.direction for item in said), (item.direction for item in true)),
    )


def _overlap(said: Iterable[Hashable], true: Iterable[Hashable]) -> tuple[int, int, int]:
    a, b = Counter(said), Counter(true)
    return (a & b).total(), a.total(), b.total()


def _f1(matched: int, predicted: int, expected: int) -> float:
    return 2 * matched / (predicted + expected) if predicted + expected else 1.0


def _precision_recall(totals: Floats) -> dict[str, float | None]:
    matched, predicted, expected = totals[:3]
    return {
        "precision": float(100 * matched / predicted) if predicted else None,
        "recall": float(100 * matched / expected) if expected else None,
    }


def _support(predicted: Sequence[Sequence[StatedChange]], expected: Sequence[Sequence[StatedChange]]) -> Any:
    """How many statements there are: in all, by direction, and in how many samples."""
    return {
        name: {
            "statements": sum(map(len, texts)),
            "samples_with_statements": sum(map(bool, texts)),
            "by_direction": {d: sum(item.direction == d for items in texts for item in items) for d in CHANGES},
        }
        for name, texts in (("predictions", predicted), ("references", expected))
    }


def _confusion(
    predicted: Sequence[Sequence[StatedChange]], expected: Sequence[Sequence[StatedChange]]
) -> dict[str, dict[str, int]]:
    """Expected direction -> predicted direction -> how often, where both texts speak of the same finding and side."""
    table = {true: dict.fromkeys(CHANGES, 0) for true in map(str, CHANGES)}
    for said, true in zip(predicted, expected, strict=True):
        directions: dict[tuple[str, str | None], list[str]] = {}
        for item in said:
            directions.setdefault((item.finding, item.side), []).append(item.direction)
        for item in true:
            theirs = directions.get((item.finding, item.side), [])
            if theirs:
                direction = item.direction if item.direction in theirs else theirs[0]
                table[item.direction][direction] += 1  # type: ignore[index]
    return {true: {str(said): count for said, count in row.items()} for true, row in table.items()}


def _without_prior(
    predictions: Sequence[str], references: Sequence[str], fields: Sequence[Mapping[str, Any]] | None
) -> dict[str, float | int | None] | None:
    """How often the language of comparison occurs where there is no earlier study; None where priors are not known."""
    if fields is None or not any("has_prior" in item for item in fields):
        return None
    without = [i for i, item in enumerate(fields) if "has_prior" in item and not item["has_prior"]]

    def rate(texts: Sequence[str]) -> float | None:
        return 100.0 * sum(has_comparison(texts[i]) for i in without) / len(without) if without else None

    return {"samples": len(without), "predictions": rate(predictions), "references": rate(references)}


def _added(tables: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Nested tables of counts with the same keys, added up."""
    return {
        key: sum(table[key] for table in tables) if isinstance(value, int) else _added([table[key] for table in tables])
        for key, value in tables[0].items()
    }


def _pooled_rates(rates: Sequence[Mapping[str, Any] | None]) -> dict[str, float | int | None] | None:
    """What `_without_prior` says of all samples from what it says of parts."""
    known = [rate for rate in rates if rate is not None]
    if not known:
        return None
    n = sum(rate["samples"] for rate in known)
    pooled = {
        side: sum(rate["samples"] * (rate[side] or 0.0) for rate in known) / n if n else None
        for side in ("predictions", "references")
    }
    return {"samples": n, **pooled}


def _spans(texts: Sequence[Sequence[StatedChange]], sides: Sequence[str]) -> Iterable[Span]:
    for sample, (items, side) in enumerate(zip(texts, sides, strict=True)):
        for item in items:
            label = (
                f"{item.side} {item.finding}: {item.direction}" if item.side else f"{item.finding}: {item.direction}"
            )
            for start, end in item.spans:
                yield Span(sample, side, start, end, label)
