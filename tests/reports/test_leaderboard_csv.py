"""leaderboard.csv: columns, replacing, growing, locking; the terminal table."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.errors import InputError
from benchmarks.records.run import read_run
from benchmarks.records.scores import read_scores
from reports import leaderboard
from reports.tables.run_scores import as_table


def row(make_run: Callable[..., Path], **what: Any) -> leaderboard.LeaderboardRow:
    folder = make_run(**what)
    return leaderboard.LeaderboardRow.of(read_scores(folder), read_run(folder))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_published_columns_come_first_and_the_run_last(make_run: Callable[..., Path], tmp_path: Path) -> None:
    values = {"CIDEr": 0.5, "Temporal_entity_score": 35.3, "METEOR": 48.9, "BLEU1": 51.25}
    path = tmp_path / "leaderboard.csv"
    leaderboard.update(path, row(make_run, values=values))
    header = path.read_text().splitlines()[0]
    assert header == (
        "Model Name,BLEU1,METEOR,Temporal_entity_score,CIDEr,suite,protocol,n,n_failed,n_empty,n_truncated,run"
    )
    assert rows_of(path)[0]["run"] == "0a1b2c3d4e5f"


def test_values_keep_full_precision(make_run: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.csv"
    leaderboard.update(path, row(make_run, values={"BLEU1": 51.248912345678901}))
    assert float(rows_of(path)[0]["BLEU1"]) == 51.248912345678901


def test_a_rerun_replaces_its_row_in_place(make_run: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.csv"
    leaderboard.update(path, row(make_run, fingerprint="first", values={"BLEU1": 1.0}))
    leaderboard.update(path, row(make_run, fingerprint="second", values={"BLEU1": 2.0}))
    leaderboard.update(path, row(make_run, fingerprint="first", values={"BLEU1": 3.0}))
    assert [(entry["run"], entry["BLEU1"]) for entry in rows_of(path)] == [("first", "3.0"), ("second", "2.0")]


def test_a_new_metric_adds_its_column_and_leaves_old_rows_blank(make_run: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.csv"
    leaderboard.update(path, row(make_run, fingerprint="a", values={"BLEU1": 1.0, "CIDEr": 2.0}))
    leaderboard.update(path, row(make_run, fingerprint="b", values={"METEOR": 4.0, "RadCliQ-v0": -0.5}))
    assert path.read_text().splitlines() == [
        "Model Name,BLEU1,METEOR,CIDEr,RadCliQ-v0,suite,protocol,n,n_failed,n_empty,n_truncated,run",
        "libra-tiny,1.0,,2.0,,demo,phantom,3,1,0,1,a",
        "libra-tiny,,4.0,,-0.5,demo,phantom,3,1,0,1,b",
    ]


def test_an_undefined_score_leaves_its_cell_blank(make_run: Callable[..., Path], tmp_path: Path) -> None:
    scores = read_scores(make_run())
    first, *others = scores.scores
    scores = scores.model_copy(update={"scores": (first.model_copy(update={"value": None}), *others)})
    leaderboard.update(tmp_path / "leaderboard.csv", leaderboard.LeaderboardRow.of(scores, None))
    assert rows_of(tmp_path / "leaderboard.csv")[0].get("BLEU1", "") == ""
    as_table(scores)


def test_scores_without_a_run_are_known_by_model_and_suite(make_run: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.csv"
    scores = read_scores(make_run())
    for model in ("a", "b", "a"):
        leaderboard.update(path, leaderboard.LeaderboardRow.of(scores.model_copy(update={"model": model}), None))
    assert [entry["Model Name"] for entry in rows_of(path)] == ["a", "b"]


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "+1+cmd", "-x", "@SUM(A1)", "\tx"])
def test_a_model_name_never_becomes_a_formula(name: str, make_run: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.csv"
    for fingerprint in ("a", "b"):  # reading it back and writing it again guards it once
        leaderboard.update(path, row(make_run, model=name, fingerprint=fingerprint))
    assert [entry["Model Name"] for entry in rows_of(path)] == ["'" + name] * 2


def test_a_file_that_is_no_leaderboard_is_left_alone(make_run: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.csv"
    path.write_text("date,amount\n1,2\n")
    with pytest.raises(InputError, match="not a leaderboard: its first column is 'date'"):
        leaderboard.update(path, row(make_run))
    assert path.read_text() == "date,amount\n1,2\n"


def test_a_leaderboard_of_the_original_is_continued(make_run: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.csv"
    path.write_text("Model Name,BLEU1,METEOR\nLibra,51.25,48.9\n")
    leaderboard.update(path, row(make_run, values={"BLEU1": 1.0}))
    assert [(entry["Model Name"], entry["METEOR"], entry["run"]) for entry in rows_of(path)] == [
        ("Libra", "48.9", ""),
        ("libra-tiny", "", "0a1b2c3d4e5f"),
    ]


def test_many_runs_that_end_at_once_all_get_their_row(tmp_path: Path) -> None:
    path = tmp_path / "leaderboard.csv"
    program = (
        "import sys; from pathlib import Path; from reports.leaderboard import LeaderboardRow, update\n"
        "for number in range(10):\n"
        "    row = LeaderboardRow('m', 's', '', 1, 0, 0, 0, {f'K{sys.argv[2]}': number}, {},"
        " run=f'{sys.argv[2]}-{number}')\n"
        "    update(Path(sys.argv[1]), row)\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program, str(path), str(number)]) for number in range(4)]
    assert [process.wait(60) for process in processes] == [0] * 4
    assert len({entry["run"] for entry in rows_of(path)}) == len(rows_of(path)) == 40


def test_the_terminal_table_says_values_intervals_directions_and_counts(make_run: Callable[..., Path]) -> None:
    from rich.console import Console

    lacking = [{"metric": "bertscore", "reason": "no weights", "remedy": "give model=DIR"}]
    scores = read_scores(make_run(model="[bold]x[/bold]", unavailable=lacking))
    console = Console(width=100, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(as_table(scores))
    text = " ".join(console.export_text().split())
    assert "[bold]x[/bold] on demo" in text
    assert "BLEU1 ↑" in text
    assert "51.25" in text
    assert "49.75–52.75" in text
    assert "RadCliQ-v1 ↓" in text
    assert "3 studies, of them 1 failed, 1 truncated" in text
    assert "not run: bertscore (no weights; give model=DIR)" in text


def test_what_is_below_a_narrow_table_is_as_wide_as_the_terminal(make_run: Callable[..., Path]) -> None:
    from rich.console import Console

    lacking = [{"metric": "bertscore", "reason": "no weights on this machine", "remedy": "give model=DIR"}]
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(as_table(read_scores(make_run(values={"BLEU1": 1.0}, unavailable=lacking))))
    assert "not run: bertscore (no weights on this machine; give model=DIR)\n" in console.export_text()


def test_a_long_name_is_broken_at_a_hyphen(make_run: Callable[..., Path]) -> None:
    from rich.console import Console

    console = Console(width=50, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(as_table(read_scores(make_run(values={"Report-errors-missing-comparison": 1.0}))))
    first, second = console.export_text().splitlines()[3:5]
    assert first.startswith("Report-errors-missing- ")
    assert second.split() == ["comparison", "↑"]
