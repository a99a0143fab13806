"""Sets of judgements, made up in each published layout: read right, and refused in one line where they are wrong."""

from __future__ import annotations

import json

import pytest
from judgement_sets import TESTS, radpref, rexval, table, written

from benchmarks.errors import InputError, UnknownNameError
from libra_bench.experiments.judgements import REXVAL_CATEGORIES, read_judgements


def test_radpref(tmp_path):
    found = read_judgements(radpref(tmp_path))
    assert (found.format, found.raters) == ("radpref", ["u1", "u2"])
    assert [(text.study, text.prediction, list(text.ratings)) for text in found.texts] == [
        ("7", "Small effusion.", [4, 5]),
        ("7", "Clear.", [1, None]),
    ]
    assert found.texts[0].errors == {"false finding": 0, "attribute": 1, "missing finding": 0}
    assert found.texts[1].errors["missing finding"] == 1
    assert read_judgements(tmp_path / "preference_data.json").texts == found.texts


def test_radjudge_as_json_and_as_python_that_is_not_run(tmp_path):
    as_json = read_judgements(written(tmp_path / "tests.json", TESTS))
    code = f"raise SystemExit('this was run')\nRANKING_TESTS = {TESTS!r}\n"
    as_python = read_judgements(written(tmp_path / "tests.py", code))
    assert as_json == as_python
    assert as_json.tests[0].relations == [("C1", ">", "C2"), ("C1", "=", "C1")]
    assert as_json.tests[0].candidates == {"C1": "Left effusion.", "C2": "Mass."}


def test_rexval_counts_significant_errors_for_the_rating(tmp_path):
    found = read_judgements(rexval(tmp_path))
    assert found.raters == ["0", "1"]
    assert {text.prediction: list(text.ratings) for text in found.texts} == {
        "a": [0, 0],
        "b": [0, 0],
        "c": [0, 0],
        "d": [-6, -6],
    }
    assert found.texts[3].errors == dict.fromkeys(REXVAL_CATEGORIES, 2.0)  # both kinds


def test_radeval_expert(tmp_path):
    row = {"reference": "r", **{f"prediction{n}": f"p{n}" for n in (1, 2, 3)}}
    annotations = {"annotation1": 2, "annotation2": {"false": 1, "missing": 3}, "annotation3": None}
    found = read_judgements(written(tmp_path / "expert.jsonl", json.dumps({**row, **annotations})))
    assert found.format == "radeval-expert"
    assert [list(text.ratings) for text in found.texts] == [[-2], [-4], [None]]
    with pytest.raises(InputError, match="not a number"):
        read_judgements(written(tmp_path / "odd.jsonl", json.dumps({**row, **annotations, "annotation1": "fine"})))


def test_a_table_with_missing_ratings_and_an_empty_prediction(tmp_path):
    rows = [
        {"study": 1, "reference": "r", "prediction": "", "anna": 3, "ben": ""},
        {"study": 1, "reference": "r", "prediction": "p", "anna": "", "ben": "4.5"},
    ]
    found = read_judgements(table(tmp_path / "ratings.csv", rows))
    assert found.raters == ["anna", "ben"]
    assert [(text.prediction, list(text.ratings)) for text in found.texts] == [("", [3, None]), ("p", [None, 4.5])]


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("none.csv", None, "no such file"),
        ("t.csv", "study,reference,prediction\n1,r,p\n", "no column with ratings"),
        ("t.csv", "study,prediction,a\n1,p,2\n", "no column reference"),
        ("t.csv", "study,reference,prediction,a\n1,r,p,good\n", "not a number"),
        ("t.csv", "study,reference,prediction,a\n1,r,p,nan\n", "not a number"),
        ("t.csv", "study,reference,prediction,a\n", "holds no judgements|has no column"),
        ("t.txt", "x", "none of the known sets"),
        ("t.json", "{", "cannot be read as JSON"),
        ("t.json", "{}", "not a list"),
        ("t.json", json.dumps([{"category": "c", "tests": [{"id": 1}]}]), "has no expected_ranking"),
        ("t.json", json.dumps(TESTS).replace("C1 > C2", "C1 beats C2"), "not understood"),
        ("t.json", json.dumps(TESTS).replace("C1 > C2", "C1 > C9"), "not understood"),
        ("t.py", "RANKING_TESTS = make()", "not a plain list"),
        ("t.py", "TESTS = []", "no list RANKING_TESTS"),
        ("t.py", "def (", "as Python"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, name, content, what):
    path = tmp_path / name
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=what) as caught:
        read_judgements(path)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_incomplete_folders(tmp_path):
    written(tmp_path / "preference_data.json", [])
    with pytest.raises(InputError, match="user_"):
        read_judgements(tmp_path)
    folder = rexval(tmp_path / "rexval")
    (folder / "counts.csv").unlink()
    with pytest.raises(InputError, match="counts per rater"):
        read_judgements(folder, "rexval")
    with pytest.raises(UnknownNameError, match="radpref"):
        read_judgements(folder, "radperf")


def test_texts_that_nobody_rated_are_no_judgements(tmp_path):
    studies = radpref(tmp_path) / "preference_data.json"
    studies.write_text(studies.read_text().replace('"id": 7', '"id": 8'))  # the annotations are of 7
    with pytest.raises(InputError, match="holds no judgements; give a set with at least one rated text"):
        read_judgements(tmp_path)
