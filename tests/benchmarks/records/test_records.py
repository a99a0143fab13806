"""The records of a run folder: every layout that was ever written, what is kept, what is refused and how."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmarks.errors import InputError
from benchmarks.records.json_record import plain
from benchmarks.records.run import RecordedModel, RecordedSuite, RunRecord, read_run, write_run
from benchmarks.records.samples import (
    SampleScores,
    SpanRecord,
    read_sample_scores,
    read_spans,
    write_sample_scores,
    write_spans,
)
from benchmarks.records.scores import read_scores, write_scores
from benchmarks.records.statistics import read_statistics

OLD = Path(__file__).parent / "old"
RUNS = sorted(OLD.glob("run-*.json"))
SCORES = sorted(OLD.glob("scores-*.json"))
NEW_KEYS = {"is_baseline", "cleaning"}
"""What a reader adds to old content besides null, empty values and zero: texts were not cleaned before."""


def place(path: Path, folder: Path, name: str) -> dict:
    shutil.copy(path, folder / name)
    return json.loads(path.read_text())


def added(before: object, after: object) -> dict[str, object]:
    """The keys that reading and writing added, at any depth; nothing else may have changed."""
    found: dict[str, object] = {}
    if isinstance(before, dict) and isinstance(after, dict):
        assert list(before) == [key for key in before if key in after]
        for key, value in after.items():
            found |= added(before[key], value) if key in before else {key: value}
    elif isinstance(before, list) and isinstance(after, list):
        assert len(before) == len(after)
        for one, other in zip(before, after, strict=True):
            found |= added(one, other)
    else:
        assert before == after
    return found


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_every_old_run_json_is_read_and_nothing_of_it_is_lost(path: Path, tmp_path: Path) -> None:
    before = place(path, tmp_path, "run.json")
    record = read_run(tmp_path)
    assert record.model.is_baseline
    write_run(tmp_path, record)
    after = json.loads((tmp_path / "run.json").read_text())
    assert before.pop("protocol")
    assert after.pop("protocol") is None  # it had not produced what a baseline said
    new = added(before, after)
    assert all(not value for key, value in new.items() if key not in NEW_KEYS), new
    assert read_run(tmp_path) == record


@pytest.mark.parametrize("path", SCORES, ids=lambda path: path.stem)
def test_every_old_scores_json_is_read_and_nothing_of_it_is_lost(path: Path, tmp_path: Path) -> None:
    before = place(path, tmp_path, "scores.json")
    scores = read_scores(tmp_path)
    assert scores is not None
    assert scores.score("ROUGE-L") is not None
    write_scores(tmp_path, scores)
    after = json.loads((tmp_path / "scores.json").read_text())
    assert not any(added(before, after).values())
    assert read_scores(tmp_path) == scores


def test_the_layout_on_disk_is_the_contract(tmp_path: Path) -> None:
    place(SCORES[-1], tmp_path, "scores.json")
    scores = read_scores(tmp_path)
    assert scores is not None
    content = scores.as_json()
    assert list(content)[:12] == [
        "schema_version", "suite", "model", "n", "n_failed", "n_empty", "n_truncated", "n_clusters", "scores",
        "details", "strata", "floors",
    ]  # fmt: skip
    assert list(content["scores"][0])[:8] == [
        "key", "metric", "value", "low", "high", "n", "signature", "higher_is_better"
    ]  # fmt: skip


def test_keys_of_others_stay_at_every_level(tmp_path: Path) -> None:
    before = place(RUNS[0], tmp_path, "run.json")
    before |= {"our_note": {"by": ["me"]}}
    before["suite"]["licence"] = "CC0"
    (tmp_path / "run.json").write_text(json.dumps(before))
    write_run(tmp_path, read_run(tmp_path).model_copy(update={"device": "cpu"}))
    after = json.loads((tmp_path / "run.json").read_text())
    assert after["our_note"] == {"by": ["me"]}
    assert after["suite"]["licence"] == "CC0"
    assert after["device"] == "cpu"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[]", "expected a JSON object, found []"),
        ("null", "expected a JSON object, found null"),
        ('"x"', 'expected a JSON object, found "x"'),
        ("{", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ("\ufeff\x00", "cannot be read as JSON"),
        ('{"schema_version": "1"}', 'schema_version is "1", not a version'),
        ('{"schema_version": true}', "schema_version is true, not a version"),
        ('{"schema_version": null}', "schema_version is null, not a version"),
        ('{"schema_version": -1}', "schema_version is -1, not a version"),
        ('{"schema_version": 99}', "written by a newer libra-bench (layout 99"),
        ("{}", "lacks "),
    ],
)
@pytest.mark.parametrize("name", ["run.json", "scores.json"])
def test_odd_content_is_one_line_with_the_file_and_advice(name: str, content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_run(tmp_path) if name == "run.json" else read_scores(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / name}: {words}")
    assert "; " in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "key", "value", "words"),
    [
        ("run.json", "suite", None, "suite should be an object, found null"),
        ("run.json", "model", [1], "model should be an object, found [1]"),
        ("run.json", "fingerprint", 7, "fingerprint should be a valid string, found 7"),
        ("run.json", "cost", {"studies": "many"}, 'cost.studies should be a valid integer, found "many" (and 2 more)'),
        ("scores.json", "scores", {"a": 1}, 'scores should be a valid array, found {"a": 1}'),
        ("scores.json", "scores", [{"key": "BLEU1"}], "lacks scores.0.metric (and 4 more)"),
        ("scores.json", "n", "three", 'n should be a valid integer, found "three"'),
        ("scores.json", "floors", 3, "floors should be a valid array, found 3"),
    ],
)
def test_a_value_of_another_type_is_named(name: str, key: str, value: object, words: str, tmp_path: Path) -> None:
    content = place(RUNS[0] if name == "run.json" else SCORES[0], tmp_path, name)
    (tmp_path / name).write_text(json.dumps({**content, key: value}))
    with pytest.raises(InputError) as caught:
        read_run(tmp_path) if name == "run.json" else read_scores(tmp_path)
    assert f"{name}: {words}; " in str(caught.value)


def test_an_adapter_was_a_baseline_by_its_name_before_run_json_said_so(tmp_path: Path) -> None:
    content = place(RUNS[0], tmp_path, "run.json")
    for adapter, stated, expected in (
        ("retrieval", None, True),
        ("libra", None, False),
        ("libra", True, True),
        ("retrieval", False, False),
    ):
        model = {**content["model"], "adapter": adapter} | ({} if stated is None else {"is_baseline": stated})
        (tmp_path / "run.json").write_text(json.dumps({**content, "model": model}))
        assert read_run(tmp_path).model.is_baseline is expected


def test_what_json_does_not_have_is_written_as_null_or_text(tmp_path: Path) -> None:
    record = RunRecord(
        fingerprint="f",
        suite=RecordedSuite(name="s"),
        model=RecordedModel(id="m", name="m", adapter="a", options={"x": math.nan, "y": np.int64(3), "z": Path("p")}),
        adapter_report={"speeds": np.arange(2), "peak": math.inf, "device": object},
    )
    write_run(tmp_path, record)
    again = read_run(tmp_path)
    assert again.model.options == {"x": None, "y": 3, "z": "p"}
    assert again.adapter_report["speeds"] == [0, 1]
    assert again.adapter_report["peak"] is None
    assert plain({1: (2,)}) == {"1": [2]}


def test_samples_and_spans_come_back(tmp_path: Path) -> None:
    write_sample_scores(tmp_path, SampleScores([1, "x"], {"ROUGE-L": [0.1 + 0.2, math.nan]}))
    stored = read_sample_scores(tmp_path)
    assert list(stored.ids) == ["1", "x"]
    assert stored.columns["ROUGE-L"][0] == 0.1 + 0.2
    assert math.isnan(stored.columns["ROUGE-L"][1])
    spans = [SpanRecord(1, "prediction", 0, 3, "new", "temporal_f1")]
    write_spans(tmp_path, spans)
    assert list(read_spans(tmp_path)) == spans
    line = json.loads((tmp_path / "spans.jsonl").read_text())
    assert list(line) == ["question_id", "side", "start", "end", "label", "metric"]


SPAN = {"question_id": 1, "side": "prediction", "start": 0, "end": 1, "label": "new", "metric": "m"}


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("samples.csv", "question_id,ROUGE-L\n1,high\n", "samples.csv:2: ROUGE-L is 'high', not a number"),
        ("samples.csv", "question_id,ROUGE-L\n1,1e999\n", "samples.csv:2: ROUGE-L is '1e999', not a number"),
        ("samples.csv", "id,ROUGE-L\n1,2\n", "samples.csv: has no column question_id"),
        ("samples.csv", "question_id,ROUGE-L\n1,2,3\n", "samples.csv:2: 3 cells under 2 columns"),
        ("spans.jsonl", '{"question_id": 1}\n', "spans.jsonl:1: this line is not a span"),
        *(
            ("spans.jsonl", json.dumps({**SPAN, "start": start, "end": end}), "spans.jsonl:1: this line is not a span")
            for start, end in ((-1, 2), (3, 2), (0, 2**31))
        ),
        ("statistics.npz", "no zip", "statistics.npz: is not a statistics file"),
    ],
)
def test_damaged_tables_are_one_line(name: str, content: str, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    readers = {
        "samples.csv": read_sample_scores,
        "spans.jsonl": lambda folder: list(read_spans(folder)),
        "statistics.npz": read_statistics,
    }
    with pytest.raises(InputError) as caught:
        readers[name](tmp_path)
    assert f"{tmp_path}/{words}" in str(caught.value)


def test_statistics_whose_compressed_bytes_are_damaged_are_one_line(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "statistics.npz", header=np.array("{}" * 999))
    content = bytearray((tmp_path / "statistics.npz").read_bytes())
    place = content.index(b"header.npy") + 40
    for offset in range(60):
        (tmp_path / "statistics.npz").write_bytes(
            content[: place + offset] + b"\xff" * 8 + content[place + offset + 8 :]
        )
        with pytest.raises(InputError, match="is not a statistics file"):
            read_statistics(tmp_path)


@pytest.mark.parametrize(
    "header",
    ["[]", '{"schema_version": 9}', '{"schema_version": 1, "ids": 3}', '{"schema_version": 1}', "{"],
)
def test_statistics_with_an_odd_header_are_one_line(header: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "statistics.npz", header=np.array(header))
    with pytest.raises(InputError, match=r"statistics\.npz: .*; (move it away and score the run again|update)"):
        read_statistics(tmp_path)


@pytest.mark.parametrize(
    ("changed", "matrix", "words"),
    [
        ({"clusters": ["1"]}, np.zeros((2, 1)), "parts of different lengths"),
        ({"digests": ["a"]}, np.zeros((2, 1)), "parts of different lengths"),
        (
            {"metrics": [{"name": "m", "signature": "m", "keys": ["M"]}] * 2},
            np.zeros((2, 1)),
            "two metrics of one name",
        ),
        ({}, np.zeros((3, 1)), "one row of numbers per study"),
        ({}, np.zeros(2), "one row of numbers per study"),
        ({}, np.array([["a"], ["b"]]), "one row of numbers per study"),
    ],
)
def test_statistics_whose_parts_do_not_fit_together_are_one_line(changed, matrix, words, tmp_path: Path) -> None:
    metric = {"name": "m", "signature": "m", "keys": ["M"]}
    header = {"ids": [1, 2], "clusters": ["1", "2"], "digests": ["a", "b"], "metrics": [metric], **changed}
    np.savez(tmp_path / "statistics.npz", header=np.array(json.dumps(header)), matrix_0=matrix)
    with pytest.raises(InputError, match=words):
        read_statistics(tmp_path)
