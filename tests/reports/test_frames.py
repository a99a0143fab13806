"""Runs and scores as tables, and the notebook that shows them."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from in_process import InProcess
from repository import ROOT

import libra_bench
from benchmarks.errors import InputError


def test_runs_are_tables(cli: InProcess) -> None:
    cli.suite(3, "one.jsonl")
    cli.suite(2, "two.jsonl")
    words = ("--metrics", "rouge_l,temporal_f1", "--no-plots", "--no-report")
    assert cli("run", "--suite", "one.jsonl,two.jsonl", "--model", "constant,echo", *words).returncode == 0
    runs = libra_bench.load_runs(cli.folder / "runs")
    assert len(runs) == 4
    assert runs.board.shape == (4, 2)
    assert list(runs.board.index.names) == ["suite", "protocol", "model"]
    assert runs.board.loc[("one", "", "constant"), "ROUGE-L"] == runs[0].summary.score("ROUGE-L").value
    assert len(runs.scores) == 4 * 2
    assert set(runs.scores["run"]) == {run.fingerprint for run in runs}
    assert runs.samples.groupby(["suite", "model"]).size().to_dict() == {
        ("one", "constant"): 3, ("one", "echo"): 3, ("two", "constant"): 2, ("two", "echo"): 2,
    }  # fmt: skip
    assert list(runs.answers["question_id"]) == [1, 2, 3, 1, 2, 3, 1, 2, 1, 2]
    assert len(runs[:2]) == 2
    assert "<table" in runs._repr_html_()
    assert "4 runs" in repr(runs)
    with pytest.raises(InputError):
        libra_bench.load_runs(cli.folder / "nowhere")


def test_a_score_is_a_dict_that_shows_itself() -> None:
    found = libra_bench.score(predictions=["a <b>"], references=["a c"], metrics="rougeL")
    assert isinstance(found, dict)
    assert found["scores"][0]["key"] == "ROUGE-L"
    assert found.frame["value"].item() == pytest.approx(50.0)
    assert "ROUGE-L" in found._repr_html_()


def test_the_version_is_the_packages() -> None:
    from importlib.metadata import version

    assert libra_bench.__version__ == version("libra-bench")


def cells_of(path: Path) -> list[str]:
    """The code cells of a jupytext script in the percent format."""
    parts = re.split(r"^# %%(.*)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return [code for kind, code in zip(parts[::2], parts[1::2], strict=True) if "markdown" not in kind]


@pytest.mark.slow
def test_the_notebook_runs_cell_by_cell_and_shows_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    known: dict[str, Any] = {}
    shown = []
    for cell in cells_of(ROOT / "docs/notebook.py"):
        tree = ast.parse(cell)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "notebook.py", "exec"), known)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "notebook.py", "eval"), known)
            html = getattr(value, "_repr_html_", None)
            shown.append(html() if html else repr(value))
    assert len(shown) == 9
    assert "libra-tiny" in shown[2]
    assert "<table" in shown[2]
    assert "ROUGE-L" in shown[7]
