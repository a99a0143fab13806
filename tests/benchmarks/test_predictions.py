from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.errors import InputError, SuiteError
from benchmarks.predictions import match_answers, read_answers
from benchmarks.schema import Answer, Sample

SAMPLES = [Sample(number, (), "Describe.") for number in range(1, 25)]


def test_jsonl_and_csv_answers_are_equal(tmp_path: Path) -> None:
    lines = tmp_path / "a.jsonl"
    lines.write_text('{"question_id": 1, "text": ""}\n{"question_id": "b", "text": "true", "model_id": "m"}\n')
    cells = tmp_path / "a.csv"
    cells.write_text("question_id,text,model_id\n1,,\nb,true,m\n")
    expected = [Answer(1, "", ""), Answer("b", "", "true", model_id="m")]
    assert read_answers(lines) == expected
    assert read_answers(cells) == expected


def test_metadata_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"question_id": 1, "prompt": "p", "text": "", "metadata": {"finish": "error"}}\n')
    (answer,) = read_answers(path)
    assert answer.failed
    assert answer.prompt == "p"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"text": "x"}\n', ":1: missing question_id"),
        ('{"question_id": 1}\n', ":1: the answer (text) is missing"),
        ('{"question_id": 1, "text": 5}\n', ":1: the answer (text) is not a text"),
        (
            '{"question_id": 1, "text": "x"}\n\n{"question_id": 1, "text": "y"}\n',
            ":3: duplicate question_id 1, first at",
        ),
        ("", "holds no answers"),
    ],
)
def test_faulty_answers_are_named(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_answers(path)
    assert words in str(caught.value)


def test_answers_come_in_the_order_of_the_samples_whatever_the_type_of_id() -> None:
    answers = [Answer(str(sample.question_id), "", f"text {sample.question_id}") for sample in reversed(SAMPLES)]
    matched = match_answers(answers, SAMPLES, where="a.csv")
    assert [answer.text for answer in matched] == [f"text {sample.question_id}" for sample in SAMPLES]


def test_a_mismatch_names_the_ids() -> None:
    answers = [Answer(number, "", "x") for number in (1, 2, "other")]
    with pytest.raises(SuiteError) as caught:
        match_answers(answers, SAMPLES, where="a.jsonl")
    assert "22 of 24 studies have no answer (3, 4, 5, 6, 7 and 17 more)" in str(caught.value)
    assert "1 answers belong to no study (other)" in str(caught.value)
