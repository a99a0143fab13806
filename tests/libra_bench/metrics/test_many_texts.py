"""Many texts on all cores: the same result as in one process, whatever becomes of the workers."""

from __future__ import annotations

import random
import sys

import numpy as np
import pytest
from made_up_reports import PAIRS

from benchmarks import machine
from benchmarks.errors import MetricUnavailableError, StorageError
from libra_bench.metrics import many_texts, workers
from libra_bench.metrics.failing_texts import score_texts
from libra_bench.metrics.metric import is_independent
from libra_bench.metrics.registry import make_metric, metric_targets

INDEPENDENT = [name for name in metric_targets() if is_independent(make_metric(name))]
N = len(PAIRS)


@pytest.fixture(scope="module")
def texts() -> tuple[list[str], list[list[str]], list[dict[str, bool]]]:
    predictions, references = map(list, zip(*PAIRS, strict=True))
    source = random.Random(2)
    several = [[reference, *source.sample(references, source.randint(0, 2))] for reference in references]
    return predictions, several, [{"has_prior": bool(i % 3)} for i in range(N)]


@pytest.fixture(autouse=True)
def many_is_few(monkeypatch):
    monkeypatch.setattr(many_texts, "MANY", 10)
    monkeypatch.setattr(many_texts, "CHUNK", 4)
    for module in (many_texts, workers):
        monkeypatch.setattr(module, "core_count", lambda: 3)


def flat(details, prefix=""):
    """Nested tables -> path -> number."""
    rows = [flat(v, f"{prefix}/{k}") if isinstance(v, dict) else {f"{prefix}/{k}": v} for k, v in details.items()]
    return {path: value for row in rows for path, value in row.items()}


def assert_same(found, metrics, texts):
    for metric, (result, failed) in zip(metrics, found, strict=True):
        whole, whole_failed = score_texts(metric, *texts)
        assert result.values == pytest.approx(whole.values, abs=1e-9, nan_ok=True), metric.id
        np.testing.assert_array_equal(result.statistics.per_sample_NS, whole.statistics.per_sample_NS)
        assert {name: [*values] for name, values in result.samples.items()} == whole.samples
        assert flat(result.details) == pytest.approx(flat(whole.details), abs=1e-9), metric.id
        assert sorted(map(str, result.spans)) == sorted(map(str, whole.spans))
        assert failed == whole_failed


def test_every_metric_that_says_so_is_the_same_in_chunks(texts):
    assert {"bleu", "meteor", "rouge_l", "temporal_f1", "report_errors"} <= set(INDEPENDENT)
    metrics = [make_metric(name) for name in INDEPENDENT]
    assert_same(many_texts.score_many_texts(metrics, *texts), metrics, texts)


def test_workers_do_take_part(texts, monkeypatch):
    monkeypatch.setattr(workers._Work, "here", lambda self: None)
    metrics = [make_metric("rouge_l")]
    assert_same(many_texts.score_many_texts(metrics, *texts), metrics, texts)


def test_other_metrics_see_all_texts_at_once(texts):
    metrics = [make_metric("cider"), make_metric("bleu")]
    assert_same(many_texts.score_many_texts(metrics, *texts), metrics, texts)


@pytest.mark.parametrize("worker", ["raise SystemExit(3)", "not python"])
def test_a_worker_that_ends_leaves_its_texts_to_this_process(texts, monkeypatch, worker):
    monkeypatch.setattr(machine, "WORKER", worker)
    metrics = [make_metric("rouge_l")]
    assert_same(many_texts.score_many_texts(metrics, *texts), metrics, texts)


def test_no_worker_can_be_started(texts, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    metrics = [make_metric("rouge_l")]
    assert_same(many_texts.score_many_texts(metrics, *texts), metrics, texts)


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_metric_that_cannot_be_sent_is_scored_here(texts):
    class Local(type(make_metric("rouge_l"))):
        """A class that no other process can import."""

    metrics = [Local()]
    assert_same(many_texts.score_many_texts(metrics, *texts), metrics, texts)


def test_workers_are_started_once_for_all_that_is_scored_within(texts, monkeypatch):
    monkeypatch.setattr(workers._Work, "here", lambda self: None)  # workers do it all
    metrics = [make_metric("rouge_l")]
    with workers.shared_workers() as shared:
        assert_same(many_texts.score_many_texts(metrics, *texts), metrics, texts)
        first = [worker.pid for worker in shared]
        assert_same(many_texts.score_many_texts([make_metric("bleu")], *texts), [make_metric("bleu")], texts)
        assert [worker.pid for worker in shared] == first
        shared[0].kill()
        shared[0].wait()
        assert_same(many_texts.score_many_texts(metrics, *texts), metrics, texts)
        assert len({worker.pid for worker in shared} & set(first)) == 1  # the one that ended is replaced
        started = [*shared]
    assert len(first) == 2
    assert all(worker.poll() is not None for worker in started)


def test_a_failure_here_ends_the_workers(texts, monkeypatch):
    class Fails(type(make_metric("rouge_l"))):
        """A class that no other process can import."""

        def score(self, *pair):
            raise RuntimeError("nobody's fault")

    metrics = [make_metric("rouge_l")]
    with workers.shared_workers() as shared:
        many_texts.score_many_texts(metrics, *texts)
        with pytest.raises(MetricUnavailableError, match="nobody"):
            many_texts.score_many_texts([Fails()], *texts)
        assert_same(many_texts.score_many_texts(metrics, *texts), metrics, texts)
    assert all(worker.poll() is not None for worker in shared)


def test_what_cannot_be_kept_is_an_error_whoever_did_the_work(monkeypatch):
    monkeypatch.setattr(workers._Work, "here", lambda self: None)

    def keep(piece, result):
        raise StorageError("cannot write", hint="free some space")

    with pytest.raises(StorageError):
        workers.on_all_cores(abs, [-1, -2, -3], lambda piece: piece, keep)


@pytest.mark.parametrize("cores", [1, 2])
def test_a_failure_of_any_kind_loses_no_piece_in_silence(monkeypatch, cores):
    monkeypatch.setattr(workers, "core_count", lambda: cores)

    def fails(piece):
        raise IndexError(piece)

    with pytest.raises(IndexError):
        workers.on_all_cores(fails, [1, 2], lambda piece: piece, lambda piece, result: None)
