"""`libra-bench metrics statements`: any file, one row per statement, one line per mistake."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("libra-bench")
REPORT = "Small left pleural effusion.\nNo pneumothorax."


@pytest.fixture
def run(cli):
    return lambda *arguments: cli("metrics", "statements", *arguments)


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_json_has_a_row_per_statement_whose_offsets_point_into_the_text(run, tmp_path):
    file = write(tmp_path / "suite.jsonl", {"question_id": 17, "image": "a.png", "text": "prompt", "reference": REPORT})
    finished = run(file, "--json")
    assert finished.returncode == 0
    rows = json.loads(finished.stdout)
    assert [(row["question_id"], row["source"], row["finding"], row["presence"], row["side"]) for row in rows] == [
        (17, "reference", "pleural effusion", "present", "left"),
        (17, "reference", "pneumothorax", "absent", None),
    ]
    for row in rows:
        assert REPORT[row["start"] : row["end"]] == row["text"]
    assert rows[0]["category"] == "Pleural Effusion"
    assert "statements: 2" in finished.stderr


def test_csv_has_the_same_rows(run, tmp_path):
    file = write(tmp_path / "answers.jsonl", {"question_id": "a", "text": REPORT})
    rows = list(csv.DictReader(io.StringIO(run(file, "--csv").stdout)))
    as_json = json.loads(run(file, "--json").stdout)
    assert rows == [{name: "" if value is None else str(value) for name, value in row.items()} for row in as_json]


def test_every_text_of_a_line_is_read(run, tmp_path):
    line = {"question_id": 1, "findings": [REPORT, "Cardiomegaly."], "impression": "Fracture.", "prediction": "Mass."}
    rows = json.loads(run(write(tmp_path / "all.jsonl", line), "--json").stdout)
    assert list(dict.fromkeys(row["source"] for row in rows)) == ["findings", "findings 2", "impression", "prediction"]


def test_people_see_the_text_and_what_it_says_without_escapes_when_piped(run, tmp_path):
    (tmp_path / "report.txt").write_text(REPORT)
    finished = run(tmp_path / "report.txt")
    assert REPORT in finished.stdout
    assert "left pleural effusion" in finished.stdout
    assert "\x1b" not in finished.stdout


def test_standard_input_and_several_files(tmp_path):
    (tmp_path / "b.txt").write_text("Fracture.")
    command = [PROGRAM, "metrics", "statements", "-", tmp_path / "b.txt", "--json"]
    rows = json.loads(subprocess.run(command, input=REPORT, capture_output=True, text=True, check=True).stdout)
    assert [row["question_id"] for row in rows] == ["stdin", "stdin", "b"]


def test_any_text(run, tmp_path):
    texts = [
        "", "   \n ", "pneumonia " * 2000, "Кардиомегалия, выпот слева.", "<b>Effusion</b> &amp; no edema",
        "[red]\x00\u2028",
    ]  # fmt: skip
    file = write(tmp_path / "any.jsonl", *({"question_id": i, "text": text} for i, text in enumerate(texts)))
    as_json, shown = run(file, "--json"), run(file)
    assert as_json.returncode == shown.returncode == 0
    assert {row["question_id"] for row in json.loads(as_json.stdout)} >= {2, 4}
    assert f"texts: {len(texts)};" in shown.stderr
    assert "[red]" in shown.stdout


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.txt", None, "no such file"),
        ("bytes.txt", b"\xff\xfe", "not UTF-8"),
        ("bad.jsonl", b"{", "not valid JSON"),
        ("prompts.jsonl", b'{"question_id": 1, "image": ["a.png"], "text": "Describe it."}', "holds no report"),
        ("number.jsonl", b'{"question_id": 1, "reference": 5}', "reference is not a text"),
        ("no-id.jsonl", b'{"reference": "Mass."}', "missing question_id"),
    ],
)
def test_a_mistake_is_one_line(run, name, content, said, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    finished = run(tmp_path / name)
    assert finished.returncode == 2
    assert finished.stderr.startswith("error: ")
    assert said in finished.stderr
    assert len(finished.stderr.splitlines()) == 1


def test_json_or_csv(run, tmp_path):
    assert run(tmp_path / "x.txt", "--json", "--csv").returncode == 2
