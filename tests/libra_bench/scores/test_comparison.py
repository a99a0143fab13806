"""Stored statistics and `libra-bench compare`, by the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.errors import InputError
from benchmarks.records.scores import Scores, write_scores
from benchmarks.records.statistics import STATISTICS_FILE, read_statistics, write_statistics
from libra_bench.metrics.metric import Statistics, corpus_values
from libra_bench.metrics.registry import make_metric
from libra_bench.scores.comparison import compare_runs, run_names
from libra_bench.scores.stored_statistics import statistics_to_store

REFERENCES = [f"{side} effusion has {change}" for side in ("left", "right") for change in ("increased", "resolved")] * 5
GOOD = REFERENCES[:17] + ["nothing"] * 3
BAD = REFERENCES[:6] + ["nothing"] * 14
METRICS = ("exact_match", "temporal_change_f1")


def store(folder, predictions, ids=None, references=None, clusters=None, metrics=METRICS, model=None):
    """Leave what scoring leaves in a run folder."""
    references = [[text] for text in references or REFERENCES]
    entries = {}
    for name in metrics:
        metric = make_metric(name)
        result = metric.score(predictions, references)
        entries[name] = (metric, list(result.values), result.statistics)
    stored, left_out = statistics_to_store(
        ids=ids or list(range(len(predictions))),
        references=references,
        clusters=clusters,
        metrics=entries,
    )
    assert left_out == []
    write_statistics(folder, stored)
    if model:
        write_scores(folder, Scores(suite="demo", model=model, n=len(predictions), scores=()))
    return folder


@pytest.fixture
def compare(cli):
    return lambda *arguments: cli("compare", *arguments)


def test_what_is_stored_comes_back(tmp_path):
    clusters = [None if i == 3 else f"p{i % 4}" for i in range(20)]
    stored = read_statistics(store(tmp_path / "run", GOOD, ids=[*range(19), "last"], clusters=clusters))
    assert stored.ids == (*range(19), "last")
    assert stored.clusters == tuple(clusters)
    metric = make_metric("temporal_change_f1")
    values = corpus_values(metric.keys, Statistics(stored.metrics["temporal_change_f1"].per_sample_NS, metric.reduce))
    assert values == metric.score(GOOD, [[text] for text in REFERENCES]).values


def test_runs_whose_columns_are_those_of_another_release_are_not_compared(tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder, texts in zip(folders, (GOOD, BAD), strict=True):
        stored = read_statistics(store(folder, texts))
        old = replace(stored.metrics["temporal_change_f1"], keys=("Temporal_change_score",))
        write_statistics(folder, replace(stored, metrics={**stored.metrics, "temporal_change_f1": old}))
    found = compare_runs(folders, resamples=100)
    assert {row.metric for row in found.differences} == {"exact_match"}
    assert "score the runs again" in found.not_compared[0]


def test_a_metric_that_cannot_be_rebuilt_is_left_out(tmp_path):
    metric = make_metric("exact_match")
    odd = Statistics(np.ones((2, 1)), lambda sums_RS, n_R: np.sqrt(sums_RS))
    stored, names = statistics_to_store(
        ids=[1, 2],
        references=[["a"], ["b"]],
        clusters=None,
        metrics={"odd": (metric, ["x"], odd)},
    )
    assert names == ["odd"]
    assert not stored.metrics


def test_compare_tells_a_better_run(compare, tmp_path):
    a, b = store(tmp_path / "a", BAD, model="weak"), store(tmp_path / "b", GOOD, model="strong")
    done = compare(a, b, "--json", "--resamples", 2000)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["runs"] == ["weak", "strong"]
    row = result["differences"][0]
    assert row["key"] == "Exact-match"
    assert (row["baseline_value"], row["model_value"]) == (30.0, 85.0)
    assert row["significant"]
    assert row["p_holm"] >= row["p_value"]
    assert row["low"] < row["difference"] < row["high"]
    assert row["verdict"].startswith("strong is better than weak on Exact-match: 85.00 against 30.00")
    table = compare(a, b).stdout
    assert "strong is better than weak on " in table


def test_the_order_of_studies_does_not_matter(tmp_path):
    a = store(tmp_path / "a", BAD)
    order = list(range(20))[::-1]
    b = store(tmp_path / "b", [GOOD[i] for i in order], ids=order, references=[REFERENCES[i] for i in order])
    straight = store(tmp_path / "c", GOOD)
    assert [d.difference for d in compare_runs([a, b]).differences] == [
        d.difference for d in compare_runs([a, straight]).differences
    ]


def test_patients_are_drawn_as_a_whole(tmp_path):
    clusters = [f"p{i // 5}" for i in range(20)]
    a, b = store(tmp_path / "a", BAD, clusters=clusters), store(tmp_path / "b", GOOD, clusters=clusters)
    clustered, naive = compare_runs([a, b]), compare_runs([a, b], clustered=False)
    assert (clustered.clusters, naive.clusters) == (4, None)
    assert clustered.differences[0].p_value > naive.differences[0].p_value


def test_other_studies_are_refused(compare, tmp_path):
    a, b = store(tmp_path / "a", GOOD), store(tmp_path / "b", GOOD, ids=[*range(19), 99])
    done = compare(a, b)
    assert done.returncode == 2
    assert "1 only in" in done.stderr
    assert "(19)" in done.stderr
    assert "(99)" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_other_references_are_refused(tmp_path):
    a = store(tmp_path / "a", GOOD)
    b = store(tmp_path / "b", GOOD, references=[*REFERENCES[:-1], "changed"])
    with pytest.raises(InputError, match=r"other references for 1 of them \(19\)"):
        compare_runs([a, b])


def test_other_signatures_are_flagged(compare, tmp_path):
    a, b = store(tmp_path / "a", GOOD), store(tmp_path / "b", BAD)
    path = b / STATISTICS_FILE
    with np.load(path) as stored:
        content = {name: stored[name] for name in stored.files}
    content["header"] = np.array(str(content["header"]).replace("norm:squad", "norm:none"))
    np.savez(path, **content)
    done = compare(a, b, "--json")
    assert done.returncode == 0
    assert "not compared: exact_match: computed in different ways" in done.stderr
    result = json.loads(done.stdout)
    assert {row["metric"] for row in result["differences"]} == {"temporal_change_f1"}
    assert len(result["not_compared"]) == 1


def test_a_metric_of_one_run_is_named(compare, tmp_path):
    a, b = store(tmp_path / "a", GOOD), store(tmp_path / "b", BAD, metrics=["exact_match"])
    assert compare_runs([a, b]).not_compared == [f"temporal_change_f1: not in {b}"]
    done = compare(a, b, "--metrics", "exact_mach")
    assert done.returncode == 2
    assert "did you mean 'exact_match'" in done.stderr


def test_mistakes_are_one_line(compare, tmp_path):
    a = store(tmp_path / "a", GOOD)
    empty = tmp_path / "empty"
    empty.mkdir()
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / STATISTICS_FILE).write_text("not a file of numpy's")
    for arguments, words in (
        ([a], "two runs or more"),
        ([a, empty], "not a run folder"),
        ([a, broken], "is not a statistics file"),
        ([a, tmp_path / "nowhere"], "not a run folder"),
    ):
        done = compare(*arguments)
        assert done.returncode == 2
        assert words in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_names_tell_runs_apart():
    assert run_names([Path("r/s/a/1"), Path("r/s/b/2")]) == ["1", "2"]
    assert run_names([Path("r/s/a/1"), Path("r/s/b/1")]) == ["a/1", "b/1"]
    assert run_names([Path("r"), Path("r")]) == ["r (1)", "r (2)"]
