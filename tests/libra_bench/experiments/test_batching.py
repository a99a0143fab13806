"""verify-batching: a model that batches change is caught, one that they do not is cleared, the leaderboard says so."""

from __future__ import annotations

import csv
import json

import pytest

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
