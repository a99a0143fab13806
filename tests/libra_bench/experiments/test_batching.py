"""verify-batching: a model that batches change is caught, one that they do not is cleared, the leaderboard says so."""

from __future__ import annotations

import csv
import json
from typing import ClassVar

import pytest

from benchmarks.records.run import BatchingCheck
from benchmarks.schema import Answer
from libra_bench.cli.batching import _in_words
from libra_bench.experiments import batching
from model_adapters.adapter import Adapter

BATCHED = """
def answer(questions):
    words = "alone" if len(questions) == 1 else "together"
    return [f"{one.prompt} {words}" if one.question_id % 4 == 0 else one.prompt for one in questions]
"""


@pytest.fixture
def command(cli):
    cli.suite(12)
    (cli.folder / "batched.py").write_text(BATCHED)
    return ("--suite", "suite.jsonl", "--model", "batched:answer", "--batch-size", 4)


def row(program):
    with (program.folder / "runs/leaderboard.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    return row


@pytest.mark.parametrize("order", ["before", "after"])
def test_the_share_is_measured_and_recorded_whichever_comes_first(cli, command, order):
    steps = [("verify-batching", "--n", 12, "--json"), ("run", "--metrics", "bleu", "--no-report", "--no-plots")]
    for name, *options in steps if order == "before" else reversed(steps):
        done = cli(name, *command, *options)
        assert done.returncode == 0, done.stderr
        if name == "verify-batching":
            found = json.loads(done.stdout)
    assert (found["n"], found["differing"], found["batch_size"]) == (12, 3, 4)
    assert found["question_ids"] == [4, 8, 12]
    assert float(row(cli)["batching_differs"]) == 25.0
    assert list(row(cli))[-1] == "run"
    (path,) = (cli.folder / "runs").rglob("run.json")
    assert json.loads(path.read_text())["batching"]["share"] == 0.25


def test_without_a_measurement_there_is_no_column(cli, command):
    assert cli("run", *command, "--metrics", "bleu", "--no-report", "--no-plots").returncode == 0
    assert "batching_differs" not in row(cli)


def test_fewer_studies_are_taken_evenly(cli, command):
    done = cli("verify-batching", *command, "--n", 3)
    assert "0 of 3 texts (0.0%) differ between batch size 1 and batch size 4" in done.stdout  # 1, 5, 9


def test_the_reference_model_in_float32_is_not_changed_by_batches(cli):
    options = ("--n", 6, "--max-new-tokens", 24, "--dtype", "float32", "--json")
    done = cli("verify-batching", "--model", "libra-tiny", *options)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["n"], found["differing"], found["dtype"], found["batch_size"]) == (6, 0, "float32", 6)


class Tied(Adapter):
    """Says other words in a batch; knows how far apart it scores them."""

    GAPS: ClassVar = {4: 2e-6, 8: 0.4}

    def __init__(self, spec):
        self.spec = spec

    @classmethod
    def load(cls, spec):
        return cls(spec)

    def generate(self, questions, decoding):
        for one in questions:
            words = f"size {self.spec.batch_size}" if one.question_id in self.GAPS else "the same"
            yield Answer(one.question_id, one.prompt, words)

    def text_gap(self, question, first, second, decoding):
        assert (first, second) == ("size 1", "size 4")
        return self.GAPS[question.question_id]

    def describe(self):
        return {"dtype": self.spec.dtype, "device": "cpu"}


@pytest.mark.parametrize(
    ("dtype", "gaps", "status", "ties", "says"),
    [
        ("float32", {4: 2e-6, 8: 0.4}, 1, 1, "8 (0.4 nats apart), 4 (2e-06 nats apart); 1 of them ties"),
        ("float32", {4: 2e-6, 8: 3e-5}, 0, 2, "; all of them ties, which the model scores alike up to rounding"),
        ("float32", {4: None, 8: 0.4}, 1, 0, "8 (0.4 nats apart), 4"),
        ("float32", {4: None, 8: None}, 0, None, "(float32, cpu): 4, 8"),
        ("bfloat16", {4: 2e-6, 8: 0.4}, 0, None, "8 (0.4 nats apart), 4 (2e-06 nats apart)"),
    ],
)
def test_ties_are_told_from_differences_by_the_models_own_scores(
    cli, command, monkeypatch, dtype, gaps, status, ties, says
):
    monkeypatch.setattr(Tied, "GAPS", gaps)
    monkeypatch.setattr(batching, "load_model", lambda spec, suite: Tied(spec))
    done = cli("verify-batching", *command, "--dtype", dtype)
    assert done.returncode == status, done.stderr
    assert says in " ".join(done.stdout.split())
    (path,) = (cli.folder / "runs").rglob("batching.json")
    found = json.loads(path.read_text())
    assert (found["differing"], found["ties"]) == (2, ties)


def test_a_record_from_before_ties_were_told_can_be_shown():
    found = BatchingCheck(n=4, differing=1, share=0.25, question_ids=(7,))
    assert _in_words(found) == (
        "1 of 4 texts (25.0%) differ between batch size 1 and the model's own batch size (no device): 7"
    )
