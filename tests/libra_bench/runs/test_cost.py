"""What a run says of its cost: before, while and after."""

from __future__ import annotations

import json
import re

import pytest
from real_program import read_lines

from benchmarks.records.run import Estimate, ProcessReport
from libra_bench.runs import cost, estimates
from libra_bench.runs.estimates import Meter


def test_words():
    assert [cost.time_in_words(seconds) for seconds in (0.52, 12.4, 200, 11400, 360000)] == [
        "0.5 seconds",
        "12 seconds",
        "3 minutes and 20 seconds",
        "3 hours and 10 minutes",
        "4 days and 4 hours",
    ]
    assert [cost.memory_in_words(mb) for mb in (820.4, 3482, 38912)] == ["820.4 MiB", "3.4 GiB", "38.0 GiB"]
    estimate = Estimate(studies=2461, seconds=11400, peak_memory_mb=38912, source="measured on the first 128")
    line = cost.estimate_in_words(estimate)
    assert line == "2,461 studies, about 3 hours and 10 minutes, 38.0 GiB (measured on the first 128)"


@pytest.mark.parametrize(
    ("studies", "batch", "processes", "after"),
    [(100, None, 1, 8), (100, 16, 1, 32), (400, 16, 3, 96), (40, 16, 1, None), (15, None, 1, None)],
)
def test_the_estimate_comes_once_after_two_batches_of_every_process_if_half_is_still_to_do(
    studies, batch, processes, after, monkeypatch
):
    monkeypatch.setattr(estimates, "MIN_SECONDS", 0.0)
    heard = []
    meter = Meter(studies, lambda: {"batch_size": batch, "peak_memory_mb": 5.0}, processes, heard.append)
    for number in range(1, studies + 1):
        meter.answered(number)
        assert len(heard) == int(after is not None and number >= after)
    if after is not None:
        assert heard[0].source == f"measured on the first {after}"
        assert (heard[0].studies, heard[0].peak_memory_mb) == (studies, 5.0)


def test_the_rate_is_that_after_the_warm_up(monkeypatch):
    """Ten seconds before the first answer of a server that is asked four questions at once, then one in a second."""
    clock = [0.0]
    monkeypatch.setattr(estimates.time, "perf_counter", lambda: clock[0])
    heard = []
    meter = Meter(1_000, lambda: {"concurrency": 4}, 1, heard.append)
    for number in range(1, 9):
        clock[0] = 9.0 + number
        meter.answered(number)
    assert [estimate.seconds for estimate in heard] == [9 + 1_000]


def test_a_burst_of_answers_is_not_a_rate(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(estimates.time, "perf_counter", lambda: clock[0])
    heard = []
    meter = Meter(1_000, dict, 1, heard.append)
    for number in range(1, 101):  # ten at a time, a burst in a second
        clock[0] = 1.0 + (number - 1) // 10
        meter.answered(number)
    (estimate,) = heard
    assert estimate.source == "measured on the first 11"
    assert estimate.seconds == pytest.approx(100, rel=0.5)


def process_report(took, **adapter_report):
    return ProcessReport(
        rank=0, host="h", studies=1, loading_seconds=0, generating_seconds=took, adapter_report=adapter_report
    )


def test_shares_leave_out_what_threads_do_and_add_up():
    reports = [
        process_report(10.0, seconds={"image_loading": 9.0, "prefill": 2.0}),
        process_report(10.0, seconds={"decode": 15.0}),
    ]
    assert cost.shares(reports) == {"prefill": 0.1, "decode": 0.75, "other": 0.15}
    assert cost.shares([process_report(1.0)]) == {}


def test_odd_words_of_a_foreign_adapter_do_not_end_a_run():
    odd = process_report(1.0, seconds=["x"], peak_memory_mb="12 GB", decode_tokens_per_second=True)
    found = cost.cost_of(None, [odd, process_report(1.0, seconds={"a": "b"})])
    assert (found.peak_memory_mb, found.decode_tokens_per_second, found.shares["a"]) == (None, None, 0.0)


def test_the_plan_of_a_second_run_is_what_the_first_one_took(cli):
    cli.suite(40)
    cli.slow_model(0.02)
    command = ("generate", "--suite", "suite.jsonl", "--model", "slow_model:answer", "--batch-size", 4)
    first = cli(*command, "--limit", 30)
    assert "plan: 30 studies, about" in first.stderr  # measured on the first ones
    assert re.search(r"\(measured on the first \d+\)\n", first.stderr)
    assert "generated 30 studies in" in first.stderr
    assert "(planned: " in first.stderr
    (record,) = (json.loads(path.read_text()) for path in (cli.folder / "runs").rglob("run.json"))
    assert record["cost"]["studies"] == 30
    assert record["cost"]["planned"]["source"].startswith("measured on the first ")
    assert record["cost"]["planned"]["seconds"] == pytest.approx(record["cost"]["generating_seconds"], rel=0.7)
    assert record["studies_per_minute"] == pytest.approx(60 * 30 / record["cost"]["generating_seconds"], rel=0.01)
    second = cli(*command)
    assert "plan: 40 studies, about" in second.stderr
    assert f"(measured on 30 studies of run {record['fingerprint']})" in second.stderr


def test_a_crash_before_the_record_was_finished_is_made_good(cli):
    """All answers are there, but the process died before it could write run.json."""
    cli.suite(6)
    cli.slow_model(0)
    command = ("generate", "--suite", "suite.jsonl", "--model", "slow_model:answer", "--out", "run")
    assert cli(*command).returncode == 0
    path = cli.folder / "run/run.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**{k: v for k, v in record.items() if k not in ("n", "cost")}, "ended": None}))
    assert cli(*command).returncode == 0
    mended = json.loads(path.read_text())
    assert mended["ended"]
    assert (mended["n"], mended["n_failed"]) == (6, 0)
    assert len(read_lines(cli.folder / "run/answers.jsonl")) == 6
