"""How often 95 % intervals cover the truth, on simulated suites with few patients (the table of docs/statistics.md).

    python scripts/measure_coverage.py [--trials 2000] [--patients 10,20,49]

Each trial draws patients (their number of studies and scores), takes the percentile interval, BCa and bootstrap-t from
1,000 resamples, and looks whether they hold the true value, which is had from three million patients. Takes minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np
from scipy.stats import norm

from libra_bench.metrics.metric import Floats
from libra_bench.scores.bootstrap import bootstrap_interval, draws, percentiles

RESAMPLES = 1_000
Rng = np.random.Generator
FREE, SHARE = (-np.inf, np.inf), (0.0, 1.0)


def ratio(sums_RS: Floats, n_R: Floats) -> Floats:
    """Sum of scores / studies."""
    return sums_RS[:, :1] / sums_RS[:, 1:2]


def f1(sums_RS: Floats, n_R: Floats) -> Floats:
    """F1 from true positives, false positives, false negatives."""
    return 2 * sums_RS[:, :1] / np.maximum(sums_RS @ np.array([[2.0], [1.0], [1.0]]), 1e-12)


def difference(sums_RS: Floats, n_R: Floats) -> Floats:
    """Of the mean scores of two models."""
    return (sums_RS[:, 1:2] - sums_RS[:, :1]) / sums_RS[:, 2:3]


def studies(rng: Rng, n: int, spread: float = 1.0) -> Floats:
    """A few patients have many."""
    return np.ceil(np.exp(rng.normal(1, spread, size=n)))


def normal(rng: Rng, n: int) -> Floats:
    """Five studies each, a shared offset."""
    return np.column_stack([5 * rng.normal(size=n) + 5**0.5 * rng.normal(size=n) + 250, np.full(n, 5.0)])


def accuracy(rng: Rng, n: int) -> Floats:
    """Right answers of one to five."""
    asked = rng.integers(1, 6, size=n)
    return np.column_stack([rng.binomial(asked, rng.beta(9, 1, size=n)), asked]).astype(float)


def rare_finding(rng: Rng, n: int) -> Floats:
    """One of four studies has it."""
    of, quality = studies(rng, n, 0.8), rng.beta(2, 2, size=n)
    rates = (0.25 * quality, 0.15 * (1 - quality), 0.25 * (1 - quality))
    return np.column_stack([rng.poisson(of * rate) for rate in rates]).astype(float)


def sizes_matter(rng: Rng, n: int) -> Floats:
    """The more studies, the lower their scores."""
    of = studies(rng, n)
    scores = 50 - 8 * np.log(of) + 5 * rng.normal(size=n) + 10 * rng.normal(size=n) / np.sqrt(of)
    return np.column_stack([of * scores, of])


def two_models(rng: Rng, n: int) -> Floats:
    """The second is better on patients with many studies."""
    of, shared = studies(rng, n), 50 + 8 * rng.normal(size=n)
    noise = 5 * rng.normal(size=(2, n)) / np.sqrt(of)
    better = 2 + 3 * np.log(of) * rng.exponential(size=n)
    return np.column_stack([of * (shared + noise[0]), of * (shared + better + noise[1]), of])


SUITES: dict[str, tuple[Callable[[Rng, int], Floats], Callable[[Floats, Floats], Floats], tuple[float, float]]] = {
    "normal": (normal, ratio, FREE),
    "exponential": (lambda rng, n: np.column_stack([rng.exponential(size=n), np.ones(n)]), ratio, FREE),
    "log-normal": (lambda rng, n: np.column_stack([np.exp(rng.normal(size=n)), np.ones(n)]), ratio, FREE),
    "accuracy near 90 %": (accuracy, ratio, SHARE),
    "F1 of a rare finding": (rare_finding, f1, SHARE),
    "sizes vary, and matter": (sizes_matter, ratio, FREE),
    "difference of two models, sizes matter": (two_models, difference, FREE),
}


def bca(values_R: Floats, value: float, without_C: Floats) -> tuple[float, float]:
    """Efron's bias-corrected and accelerated interval."""
    pull = without_C.mean() - without_C
    acceleration = (pull**3).sum() / (6 * (pull**2).sum() ** 1.5 + 1e-300)
    below = np.mean(values_R < value) + np.mean(values_R == value) / 2
    bias = norm.ppf(np.clip(below, 1 / (RESAMPLES + 1), RESAMPLES / (RESAMPLES + 1)))
    moved = bias + norm.ppf([0.025, 0.975])
    low, high = np.nanquantile(values_R, norm.cdf(bias + moved / (1 - acceleration * moved)))
    return float(low), float(high)


def covered(
    sums_CS: Floats, reduce: Callable[[Floats, Floats], Floats], limits: tuple[float, float], truth: float, seed: int
) -> list[bool]:
    """Whether the percentile interval, BCa and bootstrap-t hold the truth."""
    n_C = np.ones(len(sums_CS))
    weights_RC = np.concatenate(list(draws(len(n_C), RESAMPLES, seed)))
    values_R1 = reduce(weights_RC @ sums_CS, n_C)
    total_1S = sums_CS.sum(axis=0, keepdims=True)
    value, without_C = float(reduce(total_1S, n_C)[0, 0]), reduce(total_1S - sums_CS, n_C)[:, 0]
    found = (
        percentiles(values_R1, len(n_C)),
        bca(values_R1[:, 0], value, without_C),
        bootstrap_interval(reduce, sums_CS, n_C, np.array([limits]).T, RESAMPLES, seed),
    )
    return [bool(low <= truth <= high) for low, high in found]


def main() -> None:
    """Print one row per kind of suite and number of patients."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2_000)
    parser.add_argument("--patients", default="10,20,49")
    arguments = parser.parse_args()
    print(f"{'values':40} {'C':>3}  percentile   BCa  bootstrap-t")
    for name, (draw, reduce, limits) in SUITES.items():
        everyone_1S = draw(np.random.default_rng(12345), 3_000_000).sum(axis=0, keepdims=True)
        truth = float(reduce(everyone_1S, np.ones(1))[0, 0])
        for patients in map(int, arguments.patients.split(",")):
            rng = np.random.default_rng([7, patients])
            found = [covered(draw(rng, patients), reduce, limits, truth, trial) for trial in range(arguments.trials)]
            shares = 100 * np.mean(found, axis=0)
            print(f"{name:40} {patients:3}  {shares[0]:10.1f} {shares[1]:5.1f} {shares[2]:12.1f}", flush=True)


if __name__ == "__main__":
    main()
