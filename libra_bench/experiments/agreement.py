"""Does a metric agree with radiologists? Rank correlation with their ratings, and cases to rank.

Every candidate report is scored alone against its reference; the values of all candidates are pooled. Intervals
resample whole studies.

Legend: N texts, R resamples, K keys.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
from scipy import stats

from libra_bench.experiments.judgements import Judged, Judgements, RankingTest
from libra_bench.metrics.metric import Floats
from libra_bench.scores.bootstrap import CONFIDENCE, MIN_CLUSTERS

SCHEMA_VERSION = 1
TIE = 1e-6
"""Values of one metric that differ by less are equal: rounding is no opinion."""
_CELLS_PER_CHUNK = 20_000_000


@dataclass(frozen=True, slots=True)
class KeyValues:
    """One key's value of every text, signed so that more is better."""

    key: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Pairwise:
    """Pairs of candidates of one study that the raters tell apart."""

    accuracy: float | None
    """Share of the pairs that the metric orders as the raters do, among those that it tells apart."""
    n: int
    ties: int
    """Of these n, the pairs that the metric does not tell apart."""


@dataclass(frozen=True, slots=True)
class Passed:
    """Ranking tests."""

    n: int
    passed: int
    by_category: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class KeyAgreement:
    """How one key agrees with the raters."""

    key: str
    tau: float | None
    """Kendall's tau-b with the mean rating; None where it is not defined (everything tied)."""
    low: float | None
    high: float | None
    spearman: float | None
    pairwise: Pairwise | None
    tests: Passed | None
    by_error: Mapping[str, float | None]
    """Error category -> tau-b with minus its count."""


@dataclass(frozen=True, slots=True)
class KeyDifference:
    """Two keys compared on the same resamples."""

    a: str
    b: str
    difference: float
    """tau of a minus tau of b."""
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Raters:
    """How the raters agree with each other."""

    n: int
    tau: Sequence[float | None]
    """Of each pair of raters, on the texts that both rated."""
    ceiling: float | None
    """Each rater against the mean of the others, averaged."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What `libra-bench metrics agreement` finds."""

    format: str
    n_studies: int
    n_texts: int
    n_unrated: int
    """Texts without any rating, left out."""
    resamples: int
    seed: int
    raters: Raters
    metrics: Sequence[KeyAgreement]
    differences: Sequence[KeyDifference]

    def as_json(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}


def agreement(
    judgements: Judgements, values: Sequence[KeyValues], *, resamples: int = 2_000, seed: int = 0
) -> Agreement:
    """Correlate metrics with ratings, or count the ranking tests that they pass.

    Args:
        judgements: what radiologists said.
        values: each key's values of the texts of `texts_of(judgements)`, in that order.
        resamples: of the studies, for intervals.
        seed: of the resamples.
    """
    if judgements.tests:
        passed = [_passed(judgements.tests, key) for key in values]
        metrics = [
            KeyAgreement(key.key, None, None, None, None, None, one, {})
            for key, one in zip(values, passed, strict=True)
        ]
        n_texts = sum(len(test.candidates) for test in judgements.tests)
        return Agreement(
            judgements.format, len(judgements.tests), n_texts, 0, 0, seed, Raters(0, (), None), metrics, ()
        )
    rated_N = np.array([any(rating is not None for rating in text.ratings) for text in judgements.texts])
    texts = [text for text, rated in zip(judgements.texts, rated_N, strict=True) if rated]
    ratings_NJ = np.array([[np.nan if one is None else one for one in text.ratings] for text in texts], dtype=float)
    mean_N = np.nanmean(ratings_NJ, axis=1)
    values_KN = np.array([np.asarray(key.values, dtype=float)[rated_N] for key in values])
    studies = [text.study for text in texts]
    taus_RK = _resampled_taus(values_KN, mean_N, studies, resamples, seed)
    low_K, high_K = _ends(taus_RK)
    taus = [_tau(values_N, mean_N) for values_N in values_KN]
    return Agreement(
        format=judgements.format,
        n_studies=len(set(studies)),
        n_texts=len(texts),
        n_unrated=len(judgements.texts) - len(texts),
        resamples=resamples,
        seed=seed,
        raters=_raters(ratings_NJ),
        metrics=[
            KeyAgreement(
                key=key.key,
                tau=taus[k],
                low=_known(low_K[k]),
                high=_known(high_K[k]),
                spearman=_spearman(values_KN[k], mean_N),
                pairwise=_pairwise(values_KN[k], mean_N, studies),
                tests=None,
                by_error=_by_error(values_KN[k], texts),
            )
            for k, key in enumerate(values)
        ],
        differences=list(_differences([key.key for key in values], taus, taus_RK)),
    )


def texts_of(judgements: Judgements) -> tuple[list[str], list[list[str]]]:
    """Every prediction and its reference, in the order in which `agreement` expects values."""
    if judgements.tests:
        pairs = [(text, test.reference) for test in judgements.tests for text in test.candidates.values()]
    else:
        pairs = [(text.prediction, text.reference) for text in judgements.texts]
    return [prediction for prediction, _ in pairs], [[reference] for _, reference in pairs]


def _tau(first_N: Floats, second_N: Floats) -> float | None:
    return _known(stats.kendalltau(_leveled(first_N), second_N).statistic) if len(first_N) > 1 else None


def _spearman(first_N: Floats, second_N: Floats) -> float | None:
    if len(first_N) < 2 or np.ptp(first_N) == 0 or np.ptp(second_N) == 0:
        return None
    return _known(stats.spearmanr(_leveled(first_N), second_N).statistic)


def _leveled(values_N: Floats) -> Floats:
    """Values without differences that are only rounding."""
    leveled_N: Floats = np.round(values_N / TIE)
    return leveled_N


def _resampled_taus(values_KN: Floats, ratings_N: Floats, studies: Sequence[str], resamples: int, seed: int) -> Floats:
    """taus_RK over resamples of whole studies; NaN everywhere where there are too few of them.

    With weights w (how often a text is drawn), tau-b is w'(S*T)w / sqrt(w'(S*S)w w'(T*T)w), where S and T hold the
    signs of the differences between each two texts: copies of one text tie in both.
    """
    names = list(dict.fromkeys(studies))
    if len(names) < MIN_CLUSTERS:
        return np.full((1, len(values_KN)), np.nan)
    place = {name: index for index, name in enumerate(names)}
    owner_N = np.array([place[study] for study in studies])
    generator = np.random.default_rng(seed)
    drawn = generator.integers(len(names), size=(resamples, len(names)))
    counts_RC = np.stack([np.bincount(row, minlength=len(names)) for row in drawn])
    weights_RN = counts_RC[:, owner_N].astype(float)
    rated_NN = np.sign(ratings_N[:, None] - ratings_N[None])
    untied_R = _quadratic(weights_RN, rated_NN**2)
    taus = []
    for values_N in map(_leveled, values_KN):
        ordered_NN = np.sign(values_N[:, None] - values_N[None])
        agreed_R, told_R = _quadratic(weights_RN, ordered_NN * rated_NN), _quadratic(weights_RN, ordered_NN**2)
        with np.errstate(invalid="ignore", divide="ignore"):
            taus.append(agreed_R / np.sqrt(told_R * untied_R))
    return np.stack(taus, axis=1)


def _quadratic(weights_RN: Floats, matrix_NN: Floats) -> Floats:
    """w'Mw for each row w, in bounded memory."""
    chunk = max(1, _CELLS_PER_CHUNK // max(1, len(matrix_NN)))
    parts = [weights_RN[start : start + chunk] for start in range(0, len(weights_RN), chunk)]
    return np.concatenate([((part_rN @ matrix_NN) * part_rN).sum(axis=1) for part_rN in parts])


def _ends(samples_RK: Floats) -> tuple[Floats, Floats]:
    known_K = ~np.isnan(samples_RK).all(axis=0)
    low_K, high_K = np.full(samples_RK.shape[1], np.nan), np.full(samples_RK.shape[1], np.nan)
    if known_K.any():
        tail = (1 - CONFIDENCE) / 2
        low_K[known_K], high_K[known_K] = np.nanquantile(samples_RK[:, known_K], [tail, 1 - tail], axis=0)
    return low_K, high_K


def _pairwise(values_N: Floats, ratings_N: Floats, studies: Sequence[str]) -> Pairwise:
    of_study: dict[str, list[int]] = defaultdict(list)
    for place, study in enumerate(studies):
        of_study[study].append(place)
    n = ties = right = 0
    for places in of_study.values():
        for first, second in combinations(places, 2):
            rated = ratings_N[first] - ratings_N[second]
            if rated == 0:
                continue
            n += 1
            scored = values_N[first] - values_N[second]
            ties += bool(abs(scored) <= TIE)
            right += bool(abs(scored) > TIE and (scored > 0) == (rated > 0))
    return Pairwise(right / (n - ties) if n > ties else None, n, ties)


def _by_error(values_N: Floats, texts: Sequence[Judged]) -> dict[str, float | None]:
    names = dict.fromkeys(name for text in texts for name in text.errors)
    return {name: _tau(values_N, np.array([-text.errors.get(name, 0.0) for text in texts])) for name in names}


def _differences(keys: Sequence[str], taus: Sequence[float | None], taus_RK: Floats) -> Iterator[KeyDifference]:
    for a, b in combinations(range(len(keys)), 2):
        first, second = taus[a], taus[b]
        if first is None or second is None:
            continue
        low_1, high_1 = _ends((taus_RK[:, a] - taus_RK[:, b])[:, None])
        yield KeyDifference(keys[a], keys[b], first - second, _known(low_1[0]), _known(high_1[0]))


def _raters(ratings_NJ: Floats) -> Raters:
    n = ratings_NJ.shape[1]
    against_others = []
    for rater in range(n) if n > 1 else ():
        others_NJ = np.delete(ratings_NJ, rater, axis=1)
        both_N = ~np.isnan(ratings_NJ[:, rater]) & ~np.isnan(others_NJ).all(axis=1)
        if both_N.any():
            against_others.append(_tau(ratings_NJ[both_N, rater], np.nanmean(others_NJ[both_N], axis=1)))
    known = [tau for tau in against_others if tau is not None]
    return Raters(
        n=n,
        tau=[_tau_of_both(ratings_NJ[:, a], ratings_NJ[:, b]) for a, b in combinations(range(n), 2)],
        ceiling=float(np.mean(known)) if known else None,
    )


def _tau_of_both(first_N: Floats, second_N: Floats) -> float | None:
    both_N = ~np.isnan(first_N) & ~np.isnan(second_N)
    return _tau(first_N[both_N], second_N[both_N])


def _passed(tests: Sequence[RankingTest], key: KeyValues) -> Passed:
    values = iter(key.values)
    by_category: dict[str, dict[str, int]] = {}
    for test in tests:
        scored = {name: next(values) for name in test.candidates}
        count = by_category.setdefault(test.category, {"n": 0, "passed": 0})
        count["n"] += 1
        count["passed"] += all(_holds(scored[a] - scored[b], sign) for a, sign, b in test.relations)
    return Passed(len(tests), sum(count["passed"] for count in by_category.values()), by_category)


def _holds(difference: float, sign: str) -> bool:
    return abs(difference) <= TIE if sign == "=" else difference > TIE


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
