"""Plots that further processes draw: the same files, whatever becomes of the processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from run_folders import write_run

from benchmarks import machine
from libra_bench.runs import drawers
from libra_bench.runs.drawers import Drawers
from libra_bench.runs.shown_folder import draw
from reports.plots import all_drawings

PROGRAM = """
import hashlib, json, sys
from pathlib import Path
from libra_bench.runs.drawers import Drawers
from libra_bench.runs.shown_folder import draw

def files():
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (folder / "plots").iterdir()}

folder, heavy = Path(sys.argv[1]), ("matplotlib", "pandas", "torch", "transformers", "scipy")
found = []
with Drawers() as drawers:
    drawers.start()
    processes = list(drawers._free)
    draw(folder, drawers=drawers)
    found.append([files(), [name for name in heavy if name in sys.modules]])
    page = (folder / "report.html").read_bytes()
    for process in processes:
        process.kill()
    for path in folder.glob(".made_from.json"):
        path.unlink()
    draw(folder, drawers=drawers)
    found.append([files(), page == (folder / "report.html").read_bytes()])
print(json.dumps([*found, [process.poll() for process in processes]]))
"""


def test_others_draw_the_same_and_what_they_do_not_draw_is_drawn_here(tmp_path):
    folder = write_run(tmp_path / "run", sample_scores={"ROUGE-L": [10.0, 20.0, 30.0]})
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)], capture_output=True, text=True, check=True, timeout=120
    )
    (elsewhere, imported), (here, same_page), ended = json.loads(done.stdout)
    assert imported == []  # neither plots nor page import them here
    assert here == elsewhere
    assert len(here) >= 6
    assert same_page
    assert None not in ended


@pytest.fixture
def not_ready(monkeypatch):
    """As in a process that has not drawn yet, with two cores."""
    monkeypatch.setattr(drawers, "sys", type(sys)("sys"))
    monkeypatch.setattr(drawers.sys, "modules", {}, raising=False)
    monkeypatch.setattr(drawers, "core_count", lambda: 2)


@pytest.mark.parametrize("worker", ["raise SystemExit(3)", "import time; time.sleep(0.2)"])
def test_processes_that_do_not_answer_leave_the_plots_to_this_one(worker, tmp_path, monkeypatch, not_ready):
    monkeypatch.setattr(machine, "WORKER", worker)
    folder = write_run(tmp_path / "run", values={"BLEU1": 50.0})
    with Drawers() as others:
        others.start()
        assert draw(folder, report=False, drawers=others)
    assert [path.suffix for path in sorted((folder / "plots").iterdir())][:2] == [".png", ".svg"]


def test_they_are_started_once_and_end_with_the_block(monkeypatch, not_ready):
    monkeypatch.setattr(machine, "WORKER", "import sys; sys.stdin.buffer.read()")
    with Drawers() as others:
        others.start()
        first = list(others._free)
        others.start()
        assert list(others._free) == first
        first[0].kill()
        first[0].wait()
        others.start()
        second = list(others._free)
        assert not set(first) & set(second)
    assert all(process.poll() is not None for process in first + second)


def test_none_is_started_on_one_core_or_by_a_process_that_draws_already(monkeypatch, not_ready):
    def refuse(module: str) -> None:
        raise AssertionError(module)

    monkeypatch.setattr(drawers, "start_worker", refuse)
    monkeypatch.setattr(drawers, "core_count", lambda: 1)
    with Drawers() as others:
        others.start()
        assert others.begin(Path("nowhere")) is drawers.here
    monkeypatch.setattr(drawers, "core_count", lambda: 2)
    drawers.sys.modules["matplotlib"] = None
    with Drawers() as others:
        others.start()


def test_a_drawer_that_nobody_asks_ends(monkeypatch):
    impatient = "import {0}; {0}.PATIENCE_SECONDS = 0.01;"
    monkeypatch.setattr(machine, "WORKER", machine.WORKER.replace("import {0};", impatient))
    drawer = machine.start_worker("libra_bench.runs.drawers")
    try:
        assert drawer.wait(timeout=60) == -signal.SIGALRM
    finally:
        machine.end_worker(drawer)


def test_a_drawer_that_is_asked_before_it_is_ready_answers(tmp_path):
    """The request is in its buffer then, and no longer in the pipe."""
    folder = write_run(tmp_path / "run", values={"BLEU1": 50.0})
    drawer = machine.start_worker("libra_bench.runs.drawers")
    try:
        machine.send(drawer, machine.pickled((1, folder, next(iter(all_drawings([folder]))))))
        assert set(machine.received(drawer).files) == {"png", "svg"}
    finally:
        machine.end_worker(drawer)


AGAIN = """
import sys
from libra_bench.cli.app import main
sys.argv = ["libra-bench", *sys.argv[1:]]
try:
    main()
finally:
    print([name for name in ("matplotlib", "pandas", "torch", "transformers") if name in sys.modules], file=sys.stderr)
"""


def test_a_finished_run_given_again_imports_nothing_heavy(cli):
    cli.suite(3)
    command = ("run", "--suite", "suite.jsonl", "--model", "constant", "--metrics", "bleu", "--quiet")
    assert cli(*command).returncode == 0
    done = subprocess.run(
        [sys.executable, "-c", AGAIN, *command], cwd=cli.folder, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "[]"


def test_none_is_started_for_a_run_of_very_many_studies_or_without_plots(cli, monkeypatch):
    def refuse(self: Drawers) -> None:
        raise AssertionError("started")

    monkeypatch.setattr(Drawers, "start", refuse)
    cli.suite(3)
    command = ("run", "--suite", "suite.jsonl", "--metrics", "bleu", "--no-report", "--model")
    assert cli(*command, "constant", "--no-plots").returncode == 0
    assert cli(*command, "echo").returncode == 1
    monkeypatch.setattr("libra_bench.runs.runner.MOST_STUDIES", 2)
    assert cli(*command, "echo").returncode == 0
