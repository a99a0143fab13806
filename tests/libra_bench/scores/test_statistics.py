"""Intervals and tests against scipy and sacrebleu; coverage on simulated patients; time and memory."""

from __future__ import annotations

import time
import tracemalloc
from statistics import NormalDist

import numpy as np
import pytest
import scipy.stats

from libra_bench.metrics.metric import Key, Statistics, mean_of
from libra_bench.scores.bootstrap import cluster_sums, count_clusters, draws, interval, intervals, percentiles
from libra_bench.scores.statistics import PairedMetric, compare, holm_correction

KEY = [Key("score")]
UNBOUNDED = [Key("score", range=(-np.inf, np.inf))]


def means(values) -> Statistics:
    return mean_of(np.asarray(values, dtype=float)[:, None], scale=1.0)


def test_interval_is_scipys_percentile_interval():
    values = np.random.default_rng(1).gamma(2.0, size=1500)
    low, high = interval(means(values), KEY, resamples=20_000)
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(2)
    ).confidence_interval
    width = theirs.high - theirs.low
    assert low[0] == pytest.approx(theirs.low, abs=0.03 * width)
    assert high[0] == pytest.approx(theirs.high, abs=0.03 * width)


def test_the_same_seed_gives_the_same_interval():
    values = means(np.random.default_rng(1).random(50))
    assert interval(values, KEY, seed=3) == interval(values, KEY, seed=3)
    assert interval(values, KEY, seed=3) != interval(values, KEY, seed=4)


@pytest.mark.parametrize("n", [20, 300])
def test_metrics_together_have_the_intervals_that_each_has_alone(n):
    generator = np.random.default_rng(3)
    parts = [
        (mean_of(generator.random((n, 2))), [Key("a"), Key("b")]),
        (means(generator.random(n)), KEY),
    ]
    clusters = [f"p{i // 2}" for i in range(n)]
    together = intervals(parts, clusters, resamples=300, seed=5)
    for (statistics, keys), ends in zip(parts, together, strict=True):
        np.testing.assert_allclose(ends, interval(statistics, keys, clusters, resamples=300, seed=5), rtol=1e-12)


def test_too_few_clusters_have_no_interval():
    low, high = interval(means(np.arange(30)), KEY, clusters=[0, 1, 2] * 10)
    assert np.isnan(low[0])
    assert np.isnan(high[0])


def test_a_sample_without_a_cluster_is_its_own():
    sums, sizes = cluster_sums(np.arange(5.0)[:, None], ["a", None, "a", None, "b"])
    assert sums[:, 0].tolist() == [2, 1, 3, 4]
    assert sizes.tolist() == [2, 1, 1, 1]
    assert count_clusters(["a", None, "a", None, "b"]) == 4


def test_an_undefined_resample_is_left_out():
    def share(sums_RS, n_R):
        with np.errstate(invalid="ignore", divide="ignore"):
            return sums_RS[:, :1] / sums_RS[:, 1:]

    rows = np.zeros((12, 2))
    rows[:2] = [[1, 1], [0, 1]]  # a third of all resamples hit neither
    low, high = interval(Statistics(rows, share), [Key("share", range=(0.0, 1.0))], resamples=2000)
    assert (low[0], high[0]) == (0.0, 1.0)


@pytest.mark.slow
@pytest.mark.parametrize(("patients", "studies"), [(12, 6), pytest.param(80, 8, marks=pytest.mark.slow)])
def test_coverage_on_patients(patients, studies):
    """Studies of a patient share an offset: the naive interval is far too small, the clustered one covers 95 %."""
    generator = np.random.default_rng(patients)
    owner = np.repeat(np.arange(patients), studies)
    covered = {"naive": 0, "clustered": 0}
    trials = 300
    for trial in range(trials):
        values = means(generator.normal(size=patients)[owner] + generator.normal(size=len(owner)))
        for name, clusters in (("naive", None), ("clustered", owner.tolist())):
            low, high = interval(values, KEY, clusters, resamples=400, seed=trial)
            covered[name] += low[0] <= 0 <= high[0]
    assert covered["naive"] / trials < 0.75
    assert 0.90 <= covered["clustered"] / trials <= 0.985


@pytest.mark.slow
def test_coverage_with_few_patients():
    """Ten patients, more studies mean lower scores: bootstrap-t keeps more of its coverage than percentiles."""
    generator = np.random.default_rng(3)

    def patients(n):
        """(sum of scores, studies) of each: a few have many studies, and those are harder."""
        studies = np.ceil(np.exp(generator.normal(1, 1, size=n)))
        return studies * (50 - 8 * np.log(studies) + generator.normal(0, 5, size=n)), studies

    sums, studies = patients(1_000_000)
    truth = sums.sum() / studies.sum()
    covered = {"percentile": 0, "bootstrap-t": 0}
    trials = 300
    for trial in range(trials):
        sums, studies = patients(10)
        statistics = Statistics(np.column_stack([sums, studies]), lambda sums_RS, n_R: sums_RS[:, :1] / sums_RS[:, 1:])
        values_RK = np.concatenate([statistics.reduce(w @ statistics.per_sample_NS, w) for w in draws(10, 500, trial)])
        for name, (low, high) in (
            ("percentile", percentiles(values_RK, 10)),
            ("bootstrap-t", interval(statistics, UNBOUNDED, resamples=500, seed=trial)),
        ):
            covered[name] += low[0] <= truth <= high[0]
    assert covered["bootstrap-t"] / trials >= 0.82
    assert covered["bootstrap-t"] / trials >= covered["percentile"] / trials + 0.04


def test_bootstrap_t_by_hand():
    """The t of each resample from its mean and standard error; of a mean, the jackknife's error is the usual one."""
    values = np.random.default_rng(1).exponential(size=12)
    low, high = interval(means(values), UNBOUNDED, resamples=999)
    error, t = scipy.stats.sem(values), []
    for weights in np.concatenate(list(draws(12, 999, 0))):
        drawn = np.repeat(values, weights.astype(int))
        t.append((drawn.mean() - values.mean()) / scipy.stats.sem(drawn))
    least, greatest = np.quantile(t, [0.025, 0.975], method="inverted_cdf")
    assert (low[0], high[0]) == pytest.approx((values.mean() - greatest * error, values.mean() - least * error))


def test_a_side_that_nothing_bounds_ends_where_the_key_does():
    """9 of 10 right: many resamples hold no error at all, so how near to 100 the truth may be is not known."""
    share = mean_of(np.array([[1.0]] * 9 + [[0.0]]))
    low, high = interval(share, KEY)
    assert high[0] == 100.0
    assert 0.0 <= low[0] < 90.0
    low, high = interval(mean_of(np.ones((10, 1))), KEY)
    assert (low[0], high[0]) == (100.0, 100.0)


def test_percentiles_move_outwards_by_scipys_t():
    values_RK = np.arange(100_001.0)[:, None]
    low, _ = percentiles(values_RK, 4)
    tail = scipy.stats.norm.cdf(-np.sqrt(4 / 3) * scipy.stats.t.ppf(0.975, 3))
    assert low[0] == pytest.approx(100_000 * tail)


@pytest.mark.parametrize("clusters", [1, 7, 101, 5000])
def test_draws_are_those_of_one_resample_after_the_other(clusters):
    generator = np.random.default_rng(3)
    for weights_C in np.concatenate(list(draws(clusters, 500, 3))):
        drawn = generator.integers(clusters, size=clusters)
        assert np.array_equal(weights_C, np.bincount(drawn, minlength=clusters))


def test_draws_do_not_depend_on_how_many_are_held_at_a_time():
    together, apart = (np.concatenate(list(draws(7, 5000, 3, width=width))) for width in (1, 5000))
    assert np.array_equal(together, apart)


@pytest.mark.parametrize("patients", [12, 60])
def test_the_interval_of_a_difference_is_that_of_the_differences(patients):
    a, b = np.random.default_rng(4).gamma(2.0, size=(2, patients))
    row = compare(["a", "b"], [PairedMetric("m", UNBOUNDED, [means(a), means(b)])], resamples=1000)[0]
    low, high = interval(means(b - a), UNBOUNDED, resamples=1000)
    assert (row.low, row.high) == pytest.approx((low[0], high[0]))


def test_a_key_without_a_value_is_not_tested():
    def reduce(sums_RS, n_R):
        return np.column_stack([sums_RS[:, 0] / n_R, np.full(len(n_R), np.nan)])

    a, b = (Statistics(rows[:, None], reduce) for rows in np.random.default_rng(4).random((2, 20)))
    rows = compare(["a", "b"], [PairedMetric("m", [Key("closed"), Key("open")], [a, b])], resamples=200)
    assert [(row.key, row.p_holm == row.p_value) for row in rows] == [("closed", True)]


def test_randomisation_is_scipys_permutation_test():
    generator = np.random.default_rng(5)
    a, b = generator.random(60), generator.random(60) + 0.07
    difference = compare(["a", "b"], [PairedMetric("m", KEY, [means(a), means(b)])], resamples=20_000)[0]
    theirs = scipy.stats.permutation_test(
        (a, b), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=20_000, rng=generator
    )
    assert 0.01 < theirs.pvalue < 0.9  # a case that tells something
    assert difference.p_value == pytest.approx(theirs.pvalue, abs=0.015)
    assert difference.difference == pytest.approx(np.mean(b) - np.mean(a))


def bleu_statistics(system, references) -> Statistics:
    """Corpus BLEU-4 from sacrebleu's own sufficient statistics."""
    from sacrebleu.metrics import BLEU

    bleu = BLEU(smooth_method="none")
    rows = np.array(bleu._extract_corpus_statistics(system, [references]), dtype=float)

    def reduce(sums_RS, n_R):
        return np.array([[bleu._compute_score_from_stats(row.astype(int).tolist()).score] for row in sums_RS])

    return Statistics(rows, reduce)


def test_paired_tests_agree_with_sacrebleu():
    from sacrebleu.metrics import BLEU
    from sacrebleu.significance import PairedTest

    generator = np.random.default_rng(0)
    words = np.array(["the", "left", "right", "effusion", "is", "small", "large", "new", "stable", "heart", "no"])
    references = [" ".join(generator.choice(words, 14)) for _ in range(120)]

    def noisy(rate):
        return [
            " ".join(word if generator.random() > rate else generator.choice(words) for word in text.split())
            for text in references
        ]

    a, b = noisy(0.42), noisy(0.36)
    ours = compare(
        ["a", "b"],
        [PairedMetric("bleu", [Key("BLEU4")], [bleu_statistics(a, references), bleu_statistics(b, references)])],
        resamples=2000,
    )[0]
    test = PairedTest(
        [("a", a), ("b", b)],
        {"BLEU": BLEU(smooth_method="none", references=[references])},
        None,
        test_type="ar",
        n_samples=2000,
    )
    theirs = test()[1]["BLEU"]
    assert ours.model_value == pytest.approx(theirs[1].score)
    assert ours.baseline_value == pytest.approx(theirs[0].score)
    assert ours.p_value == pytest.approx(theirs[1].p_value, abs=0.03)


def test_whole_clusters_are_swapped():
    """One patient with 40 studies carries the whole difference: swapping studies finds it, swapping patients can't."""
    a, b = np.zeros(50), np.concatenate([np.ones(40), np.zeros(10)])
    pair = [PairedMetric("m", KEY, [means(a), means(b)])]
    clusters = ["one"] * 40 + [f"p{i}" for i in range(10)]
    assert compare(["a", "b"], pair)[0].p_value < 0.001
    assert compare(["a", "b"], pair, clusters)[0].p_value == 1.0


def test_false_alarms_are_five_per_cent():
    generator = np.random.default_rng(8)
    alarms = 0
    for trial in range(200):
        a, b = generator.random((2, 60))
        alarms += compare(["a", "b"], [PairedMetric("m", KEY, [means(a), means(b)])], resamples=300, seed=trial)[
            0
        ].significant
    assert 2 <= alarms <= 20


def test_the_detectable_difference_is_detected_four_times_in_five():
    generator = np.random.default_rng(9)
    found, n, sigma = 0, 80, 0.3
    noise = generator.normal(0, sigma, n)
    detectable = compare(["a", "b"], [PairedMetric("m", KEY, [means(noise * 0), means(noise)])], resamples=2000)[
        0
    ].detectable
    normal = NormalDist()
    theory = (normal.inv_cdf(0.975) + normal.inv_cdf(0.8)) * sigma / np.sqrt(n)
    assert detectable == pytest.approx(theory, rel=0.15)
    for trial in range(200):
        shifted = means(generator.normal(theory, sigma, n))
        found += compare(
            ["a", "b"], [PairedMetric("m", KEY, [means(np.zeros(n)), shifted])], resamples=300, seed=trial
        )[0].significant
    assert 0.7 <= found / 200 <= 0.9


def test_holm_by_hand():
    assert holm_correction(np.array([0.01, 0.04, 0.03])).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm_correction(np.array([0.5, 0.9])).tolist() == [1.0, 1.0]


def test_holm_covers_all_metrics_and_models():
    values = np.random.default_rng(2).random((3, 40))
    pair = PairedMetric("m", KEY, [means(values[0]), means(values[1] + 1), means(values[2])])
    rows = compare(["a", "b", "c"], [pair], resamples=999)
    assert [row.model for row in rows] == ["b", "c"]
    assert rows[0].p_value == 0.001
    assert rows[0].p_holm == 0.002


def test_equal_runs_do_not_differ():
    values = means(np.random.default_rng(2).random(40))
    row = compare(["a", "b"], [PairedMetric("m", KEY, [values, values])], resamples=500)[0]
    assert (row.difference, row.p_value, row.low, row.high) == (0, 1, 0, 0)
    assert row.verdict.startswith("No difference between b and a is shown on score")


def test_verdicts_know_which_way_is_better():
    zeros, ones = means(np.zeros(30)), means(np.ones(30))
    lower = [Key("RadCliQ-v1", higher_is_better=False)]
    row = compare(["a", "b"], [PairedMetric("m", lower, [zeros, ones])], resamples=500)[0]
    assert row.verdict.startswith("b is worse than a on RadCliQ-v1: 1.00 against 0.00 (+1.00")
    row = compare(["a", "b"], [PairedMetric("m", KEY, [zeros, ones])], resamples=500)[0]
    assert row.verdict.startswith("b is better than a on score")


def test_ten_thousand_resamples_take_seconds_and_little_memory():
    rows = np.random.default_rng(0).integers(0, 40, size=(2461, 10)).astype(float)
    statistics = mean_of(rows)
    keys = [Key(str(k)) for k in range(10)]
    interval(statistics, keys, resamples=10)
    tracemalloc.start()
    start = time.perf_counter()
    interval(statistics, keys, resamples=10_000)
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 20
    assert peak < 150e6
