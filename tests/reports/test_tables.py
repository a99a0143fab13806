"""Boards as CSV, Markdown, LaTeX, HTML and in the terminal: golden files, escaping, and a real LaTeX compiler."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from repository import GOLDEN
from run_folders import change_record

from reports import find_runs
from reports.board import Board, boards
from reports.latex import PREAMBLE, escaped, to_latex
from reports.leaderboard import PUBLISHED
from reports.page import board_page
from reports.tables import to_csv, to_markdown
from reports.terminal import to_terminal

GOLDEN = GOLDEN / "reports"
WRITERS: dict[str, Callable[[Sequence[Board]], str]] = {"csv": to_csv, "md": to_markdown, "tex": to_latex}
NASTY = ['<script>alert("x")</script>', "=HYPERLINK(1)", "a|b_c*d`e", r"\input{x} & 50% $ # ^ ~ {", "näme – 模型"]


@pytest.fixture
def everything(make_run: Callable[..., Path], tmp_path: Path) -> list[Board]:
    """Two boards in which every mark occurs."""
    floors = [{"name": "empty", "n": 3, "scores": {"BLEU1": 0.0, "ROUGE-L": 1.25}}]
    make_run("a", model="libra-v1.0-7b", fingerprint="a", suite="findings", floors=floors,
             card={"trained_on": ["MIMIC-CXR"]})  # fmt: skip
    make_run("b", model="med_cxrgen", fingerprint="b", suite="findings", half_width=None,
             values={"BLEU1": 50.9, "BLEU4": 10.3, "RadCliQ-v1": 1.5}, card={"note": "ported weights"})  # fmt: skip
    odd = make_run("c", model="odd", fingerprint="c", suite="findings", values={"BLEU1": 60.0, "BLEU4": 30.0})
    text = (odd / "scores.json").read_text()
    (odd / "scores.json").write_text(text.replace('"signature": "bleu|v:1"', '"signature": "bleu|smooth:yes|v:1"'))
    baseline = make_run("f", model="constant", fingerprint="f", suite="findings", values={"BLEU1": 20.0})
    change_record(baseline, model={"adapter": "constant"}, protocol={"name": "libra-v1"})
    oracle = make_run("o", model="oracle", fingerprint="o", suite="findings", values={"BLEU1": 100.0})
    change_record(oracle, model={"adapter": "replay"}, protocol={"name": "libra-v1"})
    make_run("d", model="libra-tiny", fingerprint="d", suite="demo", values={"METEOR": 12.345678901234})
    ties = {"BLEU1": [frozenset({"a", "b"})], "BLEU4": []}
    return boards(find_runs([tmp_path / "runs"]), ties=ties)


@pytest.mark.parametrize("ending", list(WRITERS))
def test_equals_the_golden_file(ending: str, everything: list[Board]) -> None:
    assert WRITERS[ending](everything) == (GOLDEN / f"leaderboard.{ending}").read_text(encoding="utf-8")


def test_csv_keeps_full_precision(everything: list[Board]) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(everything))))
    assert {row["METEOR"] for row in rows} == {"", "12.345678901234"}


@pytest.mark.parametrize("name", NASTY)
def test_no_name_escapes_its_cell(name: str, make_run: Callable[..., Path], tmp_path: Path) -> None:
    make_run("a", model=name, fingerprint="a", card={"note": name, "trained_on": [name]})
    make_run("b", model="other", fingerprint="b")
    found = boards(find_runs([tmp_path / "runs"]))
    (row,) = [row for row in csv.DictReader(io.StringIO(to_csv(found))) if row["run"] == "a"]
    assert row["Model Name"].removeprefix("'") == name
    assert not row["Model Name"].startswith("=")
    page, markdown = board_page(found), to_markdown(found)
    assert "<script" not in page
    assert "<script" not in markdown
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in rows}) == 1


def test_latex_escapes() -> None:
    assert escaped("50% of_it & {x} \\ $") == r"50\% of\_it \& \{x\} \textbackslash{} \$"
    assert escaped("模型") == "??"


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_terminal_shows_every_value_at_any_width(width: int, everything: list[Board]) -> None:
    from rich.console import Console

    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(to_terminal(everything, width))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= width
    for value in ("51.25", "50.90†", "30.00‡", "1=", "12.35", "[49.7, 52.7]"):
        assert value in text
    assert "med_cxrgen: ported weights" in " ".join(text.split())


def test_a_wide_board_has_metrics_in_rows(everything: list[Board]) -> None:
    from rich.console import Console

    def shown(width: int) -> list[str]:
        console = Console(width=width, file=io.StringIO(), record=True)
        console.print(to_terminal(everything[1:], width))
        return console.export_text().splitlines()

    narrow, wide = shown(60), shown(200)
    assert [line.split()[0] for line in narrow if line.startswith("BLEU")][:2] == ["BLEU1", "BLEU4"]
    assert narrow[1].split()[:3] == ["libra-v1.0-7b", "med_cxrgen", "odd"]
    assert next(line for line in narrow if line.startswith("rank")).split()[1:4] == ["1=", "1=", "–"]
    assert "BLEU1 ↑" in wide[1]
    assert "BLEU4 ↑" in wide[1]


def test_many_models_stay_in_rows(make_run: Callable[..., Path], tmp_path: Path) -> None:
    from rich.console import Console

    values = {"BLEU1": 50.0, "BLEU4": 25.0, "ROUGE-L": 36.0, "Temporal_entity_score": 40.0}
    for k in range(30):
        less = {name: value - k / 10 for name, value in values.items()}
        make_run(f"r{k}", model=f"model-{k}", fingerprint=f"{k:012x}", values=less)
    console = Console(width=70, file=io.StringIO(), record=True)
    console.print(to_terminal(boards(find_runs([tmp_path / "runs"])), 70))
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= 70
    heads = [line.split() for line in lines if line.split()[:1] == ["model"]]
    assert len(heads) > 1
    assert [word for head in heads for word in head[1:] if word in values] == list(values)
    for k in (0, 29):
        rows = [line.split() for line in lines if f"model-{k}" in line.split()]
        assert len(rows) == len(heads)
        assert {row[0] for row in rows} == {str(k + 1)}
    assert sum("[48.5, 51.5]" in line for line in lines) == 1


def test_latex_marks_the_best_only_if_asked(everything: list[Board]) -> None:
    plain, marked = to_latex(everything), to_latex(everything, mark_best=True)
    assert "textbf" not in plain
    assert "underline" not in plain
    assert "\\textbf{51.25}" in marked
    assert plain.count("\\begin{tabular}") == plain.count("\\caption") == plain.count("\\label") == len(everything)
    assert "\\label{tab:findings-phantom}" in plain


@pytest.mark.slow
def test_latex_compiles(everything: list[Board], make_run: Callable[..., Path], tmp_path: Path) -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("needs pdflatex (Debian: texlive-latex-base, texlive-latex-recommended)")
    for number, name in enumerate(NASTY):
        make_run(f"n{number}", model=name, fingerprint=f"n{number}", suite="nasty", card={"note": name})
    published = dict.fromkeys((*PUBLISHED, "Temporal_change_score", "RadGraph-partial", "CheXbert-macro14"), 51.25)
    make_run("wide", model="libra-llava-med-v1.5", fingerprint="w", suite="wide", values=published)
    table = to_latex([*everything, *boards(find_runs([tmp_path / "runs"]))])
    packages = PREAMBLE.removeprefix("% needs ")
    (tmp_path / "paper.tex").write_text(
        f"\\documentclass[twocolumn]{{article}}\n\\usepackage[T1]{{fontenc}}\n{packages}\n"
        f"\\begin{{document}}\n{table}\\end{{document}}\n",
        encoding="utf-8",
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").stat().st_size > 10_000
    assert "Overfull \\hbox" not in done.stdout
