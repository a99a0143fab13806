"""Run folders as tables, and folders that are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from run_folders import change_record

import reports
from benchmarks.errors import InputError
from reports.cases import Cases, Source
from reports.load import load


def test_the_four_tables(make_run: Callable[..., Path]) -> None:
    spans = [
        {"question_id": 1, "metric": "temporal_f1", "side": "reference", "start": 12, "end": 18, "label": "larger"}
    ]
    run = reports.load(make_run(spans=spans))
    assert run.scores["key"].tolist() == ["BLEU1", "BLEU4", "ROUGE-L", "RadCliQ-v1"]
    assert run.answers["finish"].tolist() == ["stop", "length", "error"]
    assert run.answers["error"].tolist()[2] == "cannot read d.png"
    assert run.samples.loc[2, "ROUGE-L"] == 90.0
    assert run.spans.to_dict("records") == spans


def test_ids_keep_their_type(make_run: Callable[..., Path]) -> None:
    samples = [{"question_id": name, "text": "Q", "reference": "R"} for name in ("007", 8)]
    run = reports.load(make_run(samples=samples, sample_scores={"ROUGE-L": [1.0, 2.0]}))
    assert run.answers["question_id"].tolist() == ["007", 8]
    assert run.samples.index.tolist() == ["007", 8]


def test_a_blank_score_is_missing(make_run: Callable[..., Path]) -> None:
    run = reports.load(make_run(sample_scores={"ROUGE-L": [1.0, None, 3.0]}))
    assert run.samples["ROUGE-L"].isna().tolist() == [False, True, False]


def test_no_answers_at_all_are_empty_tables(make_run: Callable[..., Path]) -> None:
    run = reports.load(make_run(samples=[], answers=[]))
    assert (len(run.answers), len(run.samples), len(run.spans)) == (0, 0, 0)


def test_a_run_without_scores_can_be_read(make_run: Callable[..., Path]) -> None:
    folder = make_run()
    for name in ("scores.json", "samples.csv", "spans.jsonl"):
        (folder / name).unlink()
    run = reports.load(folder)
    assert not run.is_scored
    assert (len(run.scores), len(run.samples), len(run.answers)) == (0, 0, 3)


def test_a_run_without_answers_says_so(make_run: Callable[..., Path]) -> None:
    folder = make_run()
    (folder / "answers.jsonl").unlink()
    with pytest.raises(InputError, match=r"run: this run has no answers.jsonl; give its command again"):
        _ = reports.load(folder).answers


@pytest.mark.parametrize("name", ["run.json", "scores.json"])
def test_a_newer_layout_is_refused(name: str, make_run: Callable[..., Path]) -> None:
    folder = change_record(make_run(), name, schema_version=2)
    with pytest.raises(InputError, match=rf"{name}: written by a newer libra-bench .*; update libra-bench"):
        reports.load(folder)


@pytest.mark.parametrize("content", ["{", "[]", "\ufeff\x00"])
def test_a_damaged_record_is_refused(content: str, make_run: Callable[..., Path]) -> None:
    folder = make_run()
    (folder / "run.json").write_text(content)
    with pytest.raises(InputError, match=r"run\.json: (cannot be read as JSON|expected a JSON object)"):
        reports.load(folder)


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not a run folder: no run\.json in it; give the folder of a run"):
        reports.load(tmp_path)


def test_a_folder_without_runs(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no run in it \(no run.json at any depth\)"):
        reports.find_runs([tmp_path])


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        reports.find_runs([tmp_path / "nowhere"])


def test_runs_are_found_at_any_depth(make_run: Callable[..., Path], tmp_path: Path) -> None:
    make_run("demo/model/a", fingerprint="a")
    make_run("b", fingerprint="b")
    assert [run.fingerprint for run in reports.find_runs([tmp_path / "runs"])] == ["b", "a"]


@pytest.mark.parametrize(
    "line",
    ["[]", "null", "{}", '{"question_id": 1, "text": 5}', '{"question_id": 1, "text": "", "metadata": [1]}', "\xff"],
)
def test_a_line_that_is_no_answer_is_named(line: str, make_run: Callable[..., Path]) -> None:
    folder = make_run()
    (folder / "answers.jsonl").write_bytes(line.encode("latin-1") + b"\n")
    with pytest.raises(InputError, match=r"answers\.jsonl"):
        _ = load(folder).answers


@pytest.mark.parametrize("found", [3, "texts", [1, 2], [{}, {"text": 5}], {"text": "a"}])
def test_alternatives_of_another_layout_are_no_alternatives(found: object, make_run: Callable[..., Path]) -> None:
    answers = [{"question_id": 1, "prompt": "", "text": "A.", "metadata": {"alternatives": found}}]
    run = load(make_run(samples=[{"question_id": 1, "text": "Q", "reference": "R"}], answers=answers, sample_scores={}))
    (case,) = Cases([run], Source({}))
    assert case["answers"][0]["more"] == []


def test_two_rows_of_one_study_are_refused(make_run: Callable[..., Path]) -> None:
    folder = make_run()
    (folder / "samples.csv").write_text("question_id,R\n1,1.0\n1,2.0\n")
    with pytest.raises(InputError, match="two rows of one study"):
        _ = load(folder).samples
