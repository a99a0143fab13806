"""`stability`: ranks over resamples and agreement between metrics, from stored statistics alone."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from run_folders import write_run
from scipy.stats import kendalltau

from benchmarks.errors import InputError
from benchmarks.records.statistics import write_statistics
from libra_bench.experiments.stability import rank_stability
from libra_bench.metrics.metric import Key, MetricResult, mean_of
from libra_bench.metrics.registry import METRICS, make_metric
from libra_bench.scores.stored_statistics import statistics_to_store

MODELS = "model-20+model-50+model-51+model-90"
STUDIES = 60
TEXT = "the heart is enlarged and there is a small left effusion with no pneumothorax seen today"


@dataclass(frozen=True)
class Falling:
    """A metric where lower is better: the share of words that the reference lacks."""

    id: ClassVar[str] = "falling"
    keys: ClassVar = (Key("Falling", higher_is_better=False),)
    signature: ClassVar[str] = "falling|v:1"

    def score(self, predictions, references, fields=None):
        wrong = [
            sum(word not in texts[0].split() for word in text.split()) / max(1, len(text.split()))
            for text, texts in zip(predictions, references, strict=True)
        ]
        return MetricResult({"Falling": 100 * float(np.mean(wrong))}, mean_of(np.array(wrong)[:, None]))


def stored(
    folder: Path, model: str, quality: float, *, seed: int = 0, metrics: str = "bleu,rouge_l,temporal_f1"
) -> Path:
    """A run whose answers share `quality` of their words with the references; three studies per patient."""
    generator = np.random.default_rng(seed)
    references = [[" ".join(generator.permutation(TEXT.split())[:8])] for _ in range(STUDIES)]
    keep = np.random.default_rng([seed, sum(map(ord, model))])
    predictions = [
        " ".join(word if keep.random() < quality else "opacity" for word in texts[0].split()) for texts in references
    ]
    write_run(folder / model, model=model)
    chosen = {}
    for name in metrics.split(","):
        metric = make_metric(name)
        result = metric.score(predictions, references)
        chosen[name] = (metric, [key.name for key in metric.keys], result.statistics)
    statistics, _ = statistics_to_store(
        ids=list(range(STUDIES)),
        references=references,
        clusters=[str(study // 3) for study in range(STUDIES)],
        metrics=chosen,
    )
    write_statistics(folder / model, statistics)
    return folder / model


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    qualities = {"model-20": 0.2, "model-50": 0.5, "model-51": 0.5, "model-90": 0.9}
    return [stored(tmp_path, model, quality) for model, quality in qualities.items()]


def test_clear_differences_are_sure_and_small_ones_are_not(runs):
    found = rank_stability(runs, resamples=2000)
    assert (found.n, found.clusters) == (60, 20)
    ranks = {rank.run: rank for rank in found.metrics[0].ranks}
    assert (ranks["model-90"].rank, ranks["model-90"].low, ranks["model-90"].high) == (1, 1, 1)
    assert ranks["model-90"].p_best == 1
    assert ranks["model-20"].low == ranks["model-20"].high == 4
    close = [ranks["model-50"], ranks["model-51"]]
    assert {rank.rank for rank in close} == {2, 3}
    assert all((rank.low, rank.high) == (2, 3) for rank in close), close
    for ranked in found.metrics:
        assert sum(rank.p_best for rank in ranked.ranks) == pytest.approx(1)


def test_equal_runs_share_the_rank_and_the_probability(tmp_path):
    for name in ("a", "b"):
        stored(tmp_path / name, "same", 0.5)
    found = rank_stability([tmp_path / "a" / "same", tmp_path / "b" / "same"], resamples=200)
    for ranked in found.metrics:
        assert [(rank.rank, rank.low, rank.high, rank.p_best) for rank in ranked.ranks] == [(1, 1, 1, 0.5)] * 2
    assert found.between_metrics == []
    assert found.swaps == []


def test_tau_between_metrics_is_scipys(tmp_path):
    folders = [stored(tmp_path, f"m{n}", quality, seed=1) for n, quality in enumerate((0.2, 0.3, 0.3, 0.5, 0.7))]
    found = rank_stability(folders, resamples=500)
    values = {ranked.key: [rank.value for rank in ranked.ranks] for ranked in found.metrics}
    assert len(found.between_metrics) == len(values) * (len(values) - 1) // 2
    for pair in found.between_metrics:
        assert pair.tau == pytest.approx(kendalltau(values[pair.a], values[pair.b]).statistic, abs=1e-6)
        assert pair.low <= pair.tau + 1e-9
        assert pair.high <= 1


def test_lower_is_better_is_heeded(tmp_path, monkeypatch):
    monkeypatch.setitem(METRICS, "falling", f"{__name__}:Falling")
    folders = [stored(tmp_path, f"m{n}", quality, metrics="bleu,falling") for n, quality in enumerate((0.2, 0.9))]
    found = rank_stability(folders, resamples=200)
    by_key = {ranked.key: [rank.rank for rank in ranked.ranks] for ranked in found.metrics}
    assert by_key["Falling"] == [2, 1]
    assert by_key["BLEU1"] == [2, 1]


def test_few_patients_have_ranks_but_no_interval(tmp_path):
    for name, quality in (("a", 0.3), ("b", 0.9)):
        folder = stored(tmp_path, name, quality)
        statistics = dict(np.load(folder / "statistics.npz"))
        header = json.loads(str(statistics["header"]))
        header["clusters"] = [str(study % 3) for study in range(STUDIES)]
        np.savez(folder / "statistics.npz", **{**statistics, "header": np.array(json.dumps(header))})
    found = rank_stability([tmp_path / "a", tmp_path / "b"], resamples=200)
    assert {(rank.low, rank.high) for ranked in found.metrics for rank in ranked.ranks} == {(None, None)}


def test_one_run_and_other_studies_are_refused(runs, tmp_path):
    with pytest.raises(InputError, match="two runs or more"):
        rank_stability(runs[:1])
    other = stored(tmp_path / "other", "x", 0.5, seed=9)
    with pytest.raises(InputError, match="other references"):
        rank_stability([runs[0], other])


def test_the_command_shows_and_writes_everything(runs, cli):
    done = cli("stability", *runs, "--resamples", 500, "--out", "out", COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "model-90 is first" in done.stdout
    names = {path.name for path in (cli.folder / "out").iterdir()}
    assert names == {
        *("stability.json", "stability.tex", "stability.html", "stability-ranks.csv", f"stability-ranks.{MODELS}.png"),
        *(f"stability-ranks.{MODELS}.pdf", "stability-between-metrics.csv", "stability-swaps.csv"),
    } - ({"stability-swaps.csv"} - names)  # there may be no such pair
    result = json.loads((cli.folder / "out" / "stability.json").read_text())
    assert result["schema_version"] == 1
    assert {"runs", "metrics", "between_metrics"} <= result.keys()
    assert set(result["metrics"][0]["ranks"][0]) == {"run", "value", "rank", "low", "high", "p_best"}
    with (cli.folder / "out" / "stability-ranks.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(result["metrics"]) * 4
    as_json = cli("stability", runs[0].parent, "--resamples", 500, "--json")
    assert json.loads(as_json.stdout) == result


def test_one_run_is_one_line(runs, cli):
    done = cli("stability", runs[0])
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
