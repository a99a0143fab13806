"""Ties of a board: few runs are tested as `compare` tests two, many by the distribution that this tends to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.records.run import RecordedModel, RecordedSuite, RunRecord, write_run
from benchmarks.records.statistics import StoredMetric, StoredStatistics, read_statistics, write_statistics
from libra_bench.metrics import workers
from libra_bench.metrics.registry import make_metric
from libra_bench.scores import tied_runs
from libra_bench.scores.bootstrap import cluster_numbers
from libra_bench.scores.comparison import compare_runs
from libra_bench.scores.pairwise import ClusterShares, are_many, cluster_shares, normal_p_values, swapped_p_values
from libra_bench.scores.tied_runs import TiedPairs, find_ties

N = 240
IDS = tuple(f"study-{number}" for number in range(N))


def store(folder: Path, skill: float, *, seed: int, ids: tuple[str, ...] = IDS, digest: str = "d") -> Path:
    """A run whose studies share their difficulty with other runs, and score `skill` more on average."""
    difficulty = np.random.default_rng(0).random((N, 1))
    own = np.random.default_rng(seed).normal(0, 0.1, (N, 1))
    order = [IDS.index(name) for name in ids]
    metrics = {"rouge_l": StoredMetric("rouge_l|v:1", ("ROUGE-L",), (difficulty + own + skill)[order])}
    clusters = tuple(f"p{int(name.split('-')[1]) // 2}" for name in ids)
    write_statistics(folder, StoredStatistics(ids, clusters, (digest,) * N, metrics))
    model = RecordedModel(id="m", name="m", adapter="libra")
    write_run(folder, RunRecord(fingerprint=folder.name, suite=RecordedSuite(name="s"), model=model))
    return folder


def test_few_runs_are_tested_as_compare_tests_two(tmp_path: Path) -> None:
    folders = [store(tmp_path / str(seed), skill, seed=seed) for seed, skill in enumerate((0.0, 0.01, 0.05))]
    stored = [read_statistics(folder) for folder in folders]
    matrices = [one.metrics["rouge_l"].per_sample_NS for one in stored]
    reduce = lambda sums_RS, n_R: 100 * sums_RS / n_R[:, None]  # noqa: E731
    p_PK = swapped_p_values(matrices, stored[0].clusters, reduce, 500, seed=0)
    pairs = [(0, 1), (0, 2), (1, 2)]
    expected = [compare_runs([folders[i], folders[j]], resamples=500).differences[0].p_value for i, j in pairs]
    assert p_PK[:, 0].tolist() == expected


@pytest.mark.parametrize("metric", ["rouge_l", "bleu", "temporal_change_f1"])
def test_the_distribution_is_that_of_the_swaps(metric: str) -> None:
    """Of values that are means, ratios and F1 scores of counts, with patients of several studies."""
    chance = np.random.default_rng(1)
    made = make_metric(metric)
    reduce = getattr(made, "reduce", lambda sums_RS, n_R: 100 * sums_RS / n_R[:, None])
    width = {"rouge_l": 1, "bleu": 10, "temporal_change_f1": 6}[metric]
    common = chance.poisson(8, (N, width)).astype(float)
    matrices = [common + chance.poisson(1 + 0.1 * model, (N, width)) for model in range(5)]
    if metric == "bleu":  # matches are not more than there are n-grams
        matrices = [np.hstack([part[:, :4] / 2, part[:, 4:8] + 8, part[:, 8:] + 10]) for part in matrices]
    names = [f"p{number // 3}" for number in range(N)]
    owner_N = cluster_numbers(names)
    swapped_PK = swapped_p_values(matrices, names, reduce, 4000, seed=0)
    normal_PK = normal_p_values([cluster_shares(matrix_NS, owner_N, reduce) for matrix_NS in matrices])
    assert normal_PK.shape == swapped_PK.shape
    likely = swapped_PK > 0.01
    assert likely.any()
    assert (normal_PK[likely] > 0.85 * swapped_PK[likely] - 0.03).all()
    if metric != "bleu":  # where models differ in length, what they share does not cancel: its p-values are too large
        np.testing.assert_allclose(normal_PK[likely], swapped_PK[likely], atol=0.03, rtol=0.15)
        assert (normal_PK[swapped_PK < 0.001] < 0.004).all()


def test_equal_runs_are_tied_and_undefined_values_are_not_tested() -> None:
    shares = np.ones((8, 2), dtype=np.float32)
    defined, undefined = ClusterShares(shares, np.array([8.0, 8.0])), ClusterShares(shares, np.array([8.0, np.nan]))
    p_PK = normal_p_values([defined, defined, undefined])
    np.testing.assert_array_equal(p_PK, [[1.0, 1.0], [1.0, np.nan], [1.0, np.nan]])


def test_no_p_value_is_below_what_all_swaps_could_give() -> None:
    low, high = (ClusterShares(np.full((6, 1), v / 6, dtype=np.float32), np.array([v])) for v in (0.0, 60.0))
    odd = ClusterShares((high.shares_CK - np.array([[9, -9, 1, 2, -1, -2]]).T).astype(np.float32), np.array([60.0]))
    assert normal_p_values([low, high])[0, 0] == 2.0**-5
    assert normal_p_values([low, odd])[0, 0] >= 2.0**-5


def test_twenty_runs_are_told_apart(tmp_path: Path) -> None:
    """With resamples alone none of 190 pairs could be: the smallest p-value is 1/2001, times 190."""
    runs = [(f"run-{k}", store(tmp_path / f"run-{k}", 0.02 * (k // 2), seed=k)) for k in range(20)]
    assert are_many(len(runs), 2000)
    ties, problems = find_ties(runs)
    assert problems == []
    tied = ties["ROUGE-L"]
    assert frozenset({"run-0", "run-1"}) in tied
    assert frozenset({"run-0", "run-19"}) not in tied
    assert frozenset({"run-0", "run-12"}) not in tied
    assert 10 <= len(tied) < 60
    assert frozenset({"run-0"}) not in tied
    assert "run-0" not in tied


def test_workers_read_many_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some of them in another order of studies; each worker reads some."""
    runs = [
        (f"run {n}", store(tmp_path / str(n), 0.01 * (n % 5), seed=n, ids=IDS[::-1] if n % 2 else IDS))
        for n in range(20)
    ]
    alone, _ = find_ties(runs, resamples=100)
    monkeypatch.setattr(tied_runs, "MANY", 10)
    monkeypatch.setattr(tied_runs, "PIECE", 2)
    monkeypatch.setattr(workers, "core_count", lambda: 2)
    monkeypatch.setattr(workers._Work, "here", lambda self: None)
    shared, problems = find_ties(runs, resamples=100)
    assert [*shared["ROUGE-L"]] == [*alone["ROUGE-L"]]
    assert 0 < len(shared["ROUGE-L"]) < 190
    assert not problems


def test_the_order_of_studies_and_other_references(tmp_path: Path) -> None:
    backwards = IDS[::-1]
    runs = [(str(k), store(tmp_path / str(k), 0.0, seed=0, ids=IDS if k % 2 else backwards)) for k in range(16)]
    runs.append(("other", store(tmp_path / "other", 0.0, seed=1, digest="another")))
    ties, problems = find_ties(runs)
    assert len(ties["ROUGE-L"]) == 120
    assert [problem for problem in problems if "other references for 240 of them" in problem]
    assert len(problems) == 1


def test_pairs_are_a_collection() -> None:
    tied = TiedPairs(["a", "b", "c"], np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=bool))
    assert list(tied) == [frozenset({"a", "b"})]
    assert len(tied) == 1
    two = TiedPairs.joined([tied, TiedPairs(["d", "e"], np.array([[0, 1], [1, 0]], dtype=bool))])
    assert list(two) == [frozenset({"a", "b"}), frozenset({"d", "e"})]
    assert frozenset({"a", "d"}) not in two
    assert frozenset({"a", "nobody"}) not in tied
