"""Cells of every CSV that libra-bench writes: text stays text in a spreadsheet, and is read back as it was."""

from __future__ import annotations

import csv
from pathlib import Path

from every_case import every_case

from benchmarks.files.formulas import guarded, unguarded
from benchmarks.records.samples import SampleScores, read_sample_scores, write_sample_scores

FORMULAS = [
    "=1+1", " =1", "\u00a0=1", "\u3000@x", "\ufeff=1", "\u200b+1", "\uff1d1+1", "\uff0b1", "\uff0d1 cm", "\uff20x",
    "+49", "-5 cm", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", "-1+cmd|' /C calc'!A0", "-1e5x",
]  # fmt: skip


@every_case("text", FORMULAS)
def test_formulas_are_guarded_once_and_come_back(text: str) -> None:
    assert guarded(text) == f"'{text}"
    assert unguarded(str(guarded(text))) == text


@every_case("text", ["", "Clear.", "'tis", "-5", "-0.25", "-1e-07", "a=b", "1-2"])
def test_other_texts_stay(text: str) -> None:
    assert guarded(text) == text
    assert unguarded(text) == text


def test_numbers_stay_numbers() -> None:
    assert [guarded(value) for value in (-1, 2.5, None)] == [-1, 2.5, None]


def test_samples_csv(tmp_path: Path) -> None:
    scores = SampleScores((*FORMULAS, 7), {"=KEY": [-1.5] * (len(FORMULAS) + 1)})
    write_sample_scores(tmp_path, scores)
    with (tmp_path / "samples.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    assert all(cell.startswith("'") for cell in [rows[0][1], *(row[0] for row in rows[1:-1])])
    read = read_sample_scores(tmp_path)
    assert read.ids == (*FORMULAS, "7")
    assert list(read.columns) == ["=KEY"]
