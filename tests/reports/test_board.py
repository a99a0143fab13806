"""The leaderboard over many runs: who is ranked with whom, ties, baselines, ceilings, flags."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from run_folders import change_record

from benchmarks.errors import InputError, UnknownNameError
from reports import find_runs
from reports.board import Board, BoardChoice, boards
from reports.tables import fact_headers, facts, title


@pytest.fixture
def make_board(make_run: Callable[..., Path], tmp_path: Path) -> Callable[..., Board]:
    """`make_board({"model": BLEU1, ...}, **options)`: the one board of runs with these values."""

    def make(values: dict[str, float], key: str = "BLEU1", **options: Any) -> Board:
        for name, value in values.items():
            make_run(name, model=name, fingerprint=name, values={key: value})
        (board,) = boards(find_runs([tmp_path / "runs"]), **options)
        return board

    return make


def ranks(board: Board) -> dict[str, tuple[int | None, bool]]:
    return {row.name: (row.rank, row.shared) for row in board.rows}


def test_higher_is_better_unless_it_is_not(make_board: Callable[..., Board]) -> None:
    assert list(ranks(make_board({"low": 1.0, "high": 3.0, "middle": 2.0}))) == ["high", "middle", "low"]


def test_lower_is_better_for_radcliq(make_board: Callable[..., Board]) -> None:
    board = make_board({"low": 1.0, "high": 3.0}, key="RadCliQ-v1")
    assert list(ranks(board)) == ["low", "high"]
    assert board.rows[0].cells["RadCliQ-v1"].place == "best"


def test_a_tie_shares_a_rank_and_is_marked(make_board: Callable[..., Board]) -> None:
    ties = {"BLEU1": [frozenset({"a", "b"})]}
    board = make_board({"a": 3.0, "b": 2.9, "c": 1.0}, ties=ties)
    assert ranks(board) == {"a": (1, True), "b": (1, True), "c": (3, False)}
    assert [row.cells["BLEU1"].tied for row in board.rows] == [False, True, False]
    assert board.tested


def test_overlapping_intervals_are_no_tie(make_board: Callable[..., Board]) -> None:
    board = make_board({"a": 3.0, "b": 2.9})
    assert ranks(board) == {"a": (1, False), "b": (2, False)}
    assert not board.tested


def test_equal_values_are_both_the_best(make_board: Callable[..., Board]) -> None:
    board = make_board({"a": 3.0, "b": 3.0, "c": 1.0})
    assert ranks(board) == {"a": (1, True), "b": (1, True), "c": (3, False)}
    assert [row.cells["BLEU1"].place for row in board.rows] == ["best", "best", "second"]


def test_sorted_by_the_column_asked_for(make_run: Callable[..., Path], tmp_path: Path) -> None:
    make_run("a", model="a", fingerprint="a", values={"BLEU1": 1.0, "METEOR": 9.0})
    make_run("b", model="b", fingerprint="b", values={"BLEU1": 2.0, "METEOR": 8.0})
    runs = find_runs([tmp_path / "runs"])
    assert [row.name for row in boards(runs)[0].rows] == ["b", "a"]
    assert [row.name for row in boards(runs, sort="METEOR")[0].rows] == ["a", "b"]
    with pytest.raises(UnknownNameError, match="unknown column 'METEO'; did you mean 'METEOR'"):
        boards(runs, sort="METEO")


def test_suites_and_protocols_have_boards_of_their_own(make_run: Callable[..., Path], tmp_path: Path) -> None:
    make_run("a", fingerprint="a")
    change_record(make_run("b", fingerprint="b"), protocol={"name": "greedy"})
    make_run("c", fingerprint="c", suite="other")
    found = boards(find_runs([tmp_path / "runs"]))
    assert [(board.suite, board.protocol) for board in found] == [
        ("demo", "greedy"),
        ("demo", "phantom"),
        ("other", "phantom"),
    ]


def test_baselines_are_on_every_board_unranked(make_run: Callable[..., Path], tmp_path: Path) -> None:
    make_run("a", model="a", fingerprint="a")
    baseline = make_run("f", model="constant", fingerprint="f", values={"BLEU1": 99.0})
    change_record(baseline, model={"adapter": "constant"}, protocol={"name": "libra-v1"})
    (board,) = boards(find_runs([tmp_path / "runs"]))
    assert [(row.name, row.rank, row.kind) for row in board.rows] == [("a", 1, "model"), ("constant", None, "baseline")]
    assert board.rows[1].flags == ()


def test_the_oracle_is_a_ceiling_on_every_board_and_never_ranked(make_run: Callable[..., Path], tmp_path: Path) -> None:
    make_run("a", model="a", fingerprint="a")
    oracle = make_run("o", model="oracle", fingerprint="o", values={"BLEU1": 100.0})
    change_record(oracle, model={"adapter": "replay"}, protocol={"name": "libra-v1"})
    (board,) = boards(find_runs([tmp_path / "runs"]))
    assert [(row.name, row.rank, row.kind) for row in board.rows] == [("a", 1, "model"), ("oracle", None, "ceiling")]
    assert board.rows[0].cells["BLEU1"].place is None


def test_texts_made_elsewhere_are_under_no_protocol_unless_the_user_named_it(
    make_run: Callable[..., Path], tmp_path: Path
) -> None:
    make_run("a", model="a", fingerprint="a")
    for name, adapter, command in (
        ("replayed", "replay", "libra-bench run --model replay:p.jsonl"),
        ("named", "replay", "libra-bench run --model replay:p.jsonl --protocol phantom"),
        ("function", "function", "libra-bench run --model mine:answer"),
    ):
        change_record(make_run(name, model=name, fingerprint=name), model={"adapter": adapter}, command=command)
    found = {board.protocol: {row.name for row in board.rows} for board in boards(find_runs([tmp_path / "runs"]))}
    assert found == {None: {"replayed", "function"}, "phantom": {"a", "named"}}


def test_a_plug_in_that_says_so_is_a_baseline(make_run: Callable[..., Path], tmp_path: Path) -> None:
    make_run("a", model="a", fingerprint="a")
    change_record(make_run("b", model="b", fingerprint="b"), model={"adapter": "their_own", "is_baseline": True})
    (board,) = boards(find_runs([tmp_path / "runs"]))
    assert [(row.name, row.rank) for row in board.rows] == [("a", 1), ("b", None)]


def test_reference_points_are_rows_but_a_ceiling_of_fewer_studies_is_not(
    make_run: Callable[..., Path], tmp_path: Path
) -> None:
    floors = [
        {"name": "empty", "n": 3, "scores": {"BLEU1": 0.5, "CIDEr": 1.0}},
        {"name": "leave-one-out-references", "n": 1, "scores": {"BLEU1": 70.0}},
    ]
    make_run("a", floors=floors, values={"BLEU1": 1.0})
    (board,) = boards(find_runs([tmp_path / "runs"]))
    assert [(row.name, row.kind, set(row.cells)) for row in board.rows] == [
        ("libra-tiny", "model", {"BLEU1"}),
        ("empty", "reference point", {"BLEU1"}),
    ]


def test_other_studies_are_flagged_and_not_ranked(make_run: Callable[..., Path], tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_run(name, model=name, fingerprint=name, values={"BLEU1": 5.0})
    odd = make_run("c", model="c", fingerprint="c", values={"BLEU1": 99.0})
    change_record(odd, suite={"sha256": "another"})
    (board,) = boards(find_runs([tmp_path / "runs"]))
    assert [(row.name, row.rank, row.flags) for row in board.rows][-1] == ("c", None, ("other studies (n = 3)",))
    assert board.rows[0].cells["BLEU1"].place == "best"


def test_another_signature_is_flagged_and_not_compared(make_run: Callable[..., Path], tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_run(name, model=name, fingerprint=name, values={"BLEU1": 5.0, "METEOR": 1.0})
    odd = make_run("c", model="c", fingerprint="c", values={"BLEU1": 99.0, "METEOR": 2.0})
    text = (odd / "scores.json").read_text()
    (odd / "scores.json").write_text(text.replace('"signature": "bleu|v:1"', '"signature": "bleu|smooth:yes|v:1"'))
    (board,) = boards(find_runs([tmp_path / "runs"]))
    last = board.rows[-1]
    assert (last.name, last.rank, last.flags) == ("c", None, ("other signature (BLEU1)",))
    assert (last.cells["BLEU1"].place, last.cells["BLEU1"].other_signature) == (None, True)
    assert last.cells["METEOR"].place == "best"


def test_changed_decoding_is_flagged(make_run: Callable[..., Path], tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_run(name, model=name, fingerprint=name)
    change_record(make_run("c", model="c", fingerprint="c"), protocol={"overrides": {"num_beams": 1}})
    (board,) = boards(find_runs([tmp_path / "runs"]))
    assert {row.name: row.flags for row in board.rows}["c"] == ("other decoding (num_beams=1)",)


def test_the_data_set_under_test_is_marked_where_the_model_was_trained_on_it(
    make_run: Callable[..., Path], tmp_path: Path
) -> None:
    make_run(suite="findings", card={"trained_on": ["PadChest", "mimic-cxr"], "note": "ported\nweights"})
    (board,) = boards(find_runs([tmp_path / "runs"]))
    assert board.rows[0].trained_on == "PadChest, mimic-cxr (this set)"
    assert board.rows[0].note == "ported weights"


def test_two_runs_of_one_model_can_be_told_apart(make_run: Callable[..., Path], tmp_path: Path) -> None:
    make_run("a", fingerprint="aaaaaa111")
    make_run("b", fingerprint="bbbbbb222")
    (board,) = boards(find_runs([tmp_path / "runs"]))
    assert {row.name for row in board.rows} == {"libra-tiny (aaaaaa)", "libra-tiny (bbbbbb)"}


def test_a_run_found_twice_counts_once(make_run: Callable[..., Path], tmp_path: Path) -> None:
    run = make_run()
    (board,) = boards(find_runs([tmp_path / "runs", run, run / "run.json"]))
    assert len(board.rows) == 1


def test_runs_without_scores_cannot_make_a_board(make_run: Callable[..., Path], tmp_path: Path) -> None:
    (make_run() / "scores.json").unlink()
    with pytest.raises(InputError, match="no run has scores"):
        boards(find_runs([tmp_path / "runs"]))


def test_runs_of_a_part_have_a_board_of_their_own(make_run: Callable[..., Path], tmp_path: Path) -> None:
    make_run("a", model="a", fingerprint="a")
    change_record(make_run("b", model="b", fingerprint="b"), suite={"limit": 2})
    whole, part = boards(find_runs([tmp_path / "runs"]))
    assert ([row.name for row in whole.rows], [row.name for row in part.rows]) == (["a"], ["b"])
    assert (whole.limit, part.limit) == (None, 2)
    assert "(only the first 2)" in title(part)


def test_across_protocols_there_is_one_board(make_run: Callable[..., Path], tmp_path: Path) -> None:
    make_run("a", model="a", fingerprint="a", values={"BLEU1": 1.0})
    change_record(make_run("b", model="b", fingerprint="b", values={"BLEU1": 2.0}), protocol={"name": "greedy"})
    for name in ("c", "d"):  # the same baseline, asked for under two protocols
        baseline = make_run(name, model="constant", fingerprint=name, values={"BLEU1": 0.5})
        change_record(baseline, model={"adapter": "constant"}, protocol={"name": name})
    (board,) = boards(find_runs([tmp_path / "runs"]), choice=BoardChoice(across_protocols=True))
    assert [(row.name, row.rank, row.protocol) for row in board.rows] == [
        ("b", 1, "greedy"),
        ("a", 2, "phantom"),
        ("constant", None, ""),
    ]
    assert fact_headers(board)[0] == "protocol"
    assert facts(board.rows[0], board)[0] == "greedy"


def test_columns_are_chosen(make_run: Callable[..., Path], tmp_path: Path) -> None:
    make_run("a", model="a", fingerprint="a", values={"BLEU1": 1.0, "METEOR": 9.0, "ROUGE-L": 3.0})
    runs = find_runs([tmp_path / "runs"])

    def keys(**chosen: Any) -> list[str]:
        return list(boards(runs, choice=BoardChoice(**chosen))[0].keys)

    assert keys(columns=["ROUGE-L", "BLEU1"]) == ["ROUGE-L", "BLEU1"]
    assert keys(metrics=["meteor"]) == ["METEOR"]
    with pytest.raises(UnknownNameError, match="unknown column 'BLEU9'"):
        keys(columns=["BLEU9"])
    (board,) = boards(runs, choice=BoardChoice(intervals=False))
    assert board.rows[0].cells["BLEU1"].low is None
