"""Every fault of a file is found, with its line, and nothing of a report's text is repeated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.errors import InputError
from benchmarks.prepare.check import check_files

SECRET = "The mediastinum is widened."


@pytest.fixture
def root(tmp_path):
    for name in ("a.png", "b.png", "c.png"):
        Image.new("L", (8, 8), 90).save(tmp_path / name)
    return tmp_path


def line(number, image=("a.png",), reference=SECRET, **extra):
    return {"question_id": number, "image": list(image), "text": f"prompt {number}", "reference": reference, **extra}


def write(path: Path, *lines) -> Path:
    path.write_text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in lines))
    return path


def remarks(report, level):
    return [(remark.place.rsplit("/")[-1], remark.message) for remark in report.of_level(level)]


def test_a_sound_file(root):
    path = write(root / "s.jsonl", line(1, ["a.png", "b.png"], subject_id=5), line(2, has_prior=False, subject_id=6))
    report = check_files([path])
    assert report.remarks == []
    assert report.samples == 2
    assert report.counts == {
        "with prior": 1,
        "with lateral": 0,
        "without image": 0,
        "without reference": 0,
        "patients": 2,
        "images": 2,
        "references that occur more than once": 2,
    }
    assert report.lengths["reference words"] == {"min": 4, "median": 4, "mean": 4, "p95": 4, "max": 4}


def test_every_error_has_its_line(root):
    Image.effect_noise((64, 64), 50).save(root / "torn.png")
    (root / "torn.png").write_bytes((root / "torn.png").read_bytes()[:1000])
    (root / "empty.png").write_bytes(b"")
    path = write(
        root / "s.jsonl",
        line(1),
        "{broken",
        line(1),
        line(None),
        line(5, ["absent.png"]),
        line(6, ["../a.png"]),
        line(7, ["torn.png"]),
        line(8, ["b.png", "b.png"], has_prior=True),
        line(9, text=""),
        line(10, ["a.png", "b.png", "c.png"]),
        "[1]",
        line(12, ["empty.png"]),
    )
    errors = remarks(check_files([path]), "error")
    expected = {
        2: "is not one JSON object",
        3: "duplicate question_id 1, first at",
        4: "missing question_id",
        5: "no such image",
        6: "lies outside the image root",
        7: "is damaged",
        8: "the prior is the current image, yet has_prior is true",
        9: "the prompt (text) is empty",
        10: "3 images, at most two are possible",
        11: "is not one JSON object",
        12: "is an empty file",
    }
    assert {place for place, _ in errors} == {f"s.jsonl:{number}" for number in expected}
    for number, message in expected.items():
        assert any(place == f"s.jsonl:{number}" and message in said for place, said in errors), (number, errors)
    assert len(errors) == len(expected)


def test_suspicious_references_are_warnings(root):
    long = "a very long text that is in the prompt as well as in the reference"
    path = write(
        root / "s.jsonl",
        line(1, reference=""),
        line(2, reference="___. ___"),
        line(3, reference="Clear. IMPRESSION: No change."),
        line(4, reference="word " * 2000),
        line(5, reference=long, text=f"Say: {long}"),
        line(6, ["b.png", "b.png"]),
        line(7, [], reference="fine"),
        {**line(8), "text": "prompt 9"},
        line(9),
    )
    report = check_files([path])
    assert report.of_level("error") == []
    assert (report.counts["without image"], report.counts["without reference"]) == (1, 0)
    assert [(place.split(":")[1], said.split(": ", 1)[1]) for place, said in remarks(report, "warning")] == [
        ("1", "the reference is empty"),
        ("2", "the reference has no words"),
        ("3", "the reference contains a section header: was the report split correctly?"),
        ("4", "the reference has 10,000 characters"),
        ("5", "the prompt contains the reference"),
        ("6", "the prior is the current image; set has_prior: false, or leave the prior out"),
        ("9", f"the same images and prompt as {path}:8"),
    ]


def test_a_patient_in_two_splits_is_an_error_within_a_file_and_across_files(root):
    one = write(root / "one.jsonl", line(1, subject_id=7, split="train"), line(2, subject_id=7, split="test"))
    assert "patient 7 is in 2 splits: train (" in remarks(check_files([one]), "error")[0][1]
    train = root / "train.json"
    talk = [{"from": "human", "value": "<image>\nDescribe."}, {"from": "gpt", "value": SECRET}]
    train.write_text(json.dumps([{"id": "x", "image": ["a.png"], "conversations": talk, "subject_id": 7}]))
    test = write(root / "test.jsonl", line(1, subject_id="7"), line(2, subject_id=8))
    report = check_files([train, test])
    assert remarks(report, "error") == [
        ("test.jsonl:1", f"patient 7 is in 2 splits: train ({train}: item 1), test ({test}:1)")
    ]
    assert check_files([test]).remarks == []


def test_training_files_that_are_none(root):
    (root / "t.json").write_text('[{"id": 1}, 3]')
    assert [said for _, said in remarks(check_files([root / "t.json"]), "error")] == [
        "has no list of conversations"
    ] * 2
    (root / "t.json").write_text("{}")
    with pytest.raises(InputError, match="is not a JSON list"):
        check_files([root / "t.json"])


def test_images_can_be_left_out_and_lie_elsewhere(root, tmp_path):
    (tmp_path / "else").mkdir()
    path = write(tmp_path / "else" / "s.jsonl", line(1))
    assert len(check_files([path]).of_level("error")) == 1
    assert check_files([path], images=False).remarks == []
    assert check_files([path], image_root=root).remarks == []


def test_no_report_text_in_any_remark(root):
    path = write(
        root / "s.jsonl", line(1), line(1), line(2, ["absent.png"]), line(3, text=SECRET), line(4, labels=SECRET)
    )
    report = check_files([path])
    assert report.remarks
    assert SECRET not in str(report.remarks)


def test_an_empty_or_missing_file(tmp_path):
    path = write(tmp_path / "s.jsonl")
    assert [said for _, said in remarks(check_files([path]), "error")] == ["holds no samples"]
    with pytest.raises(InputError, match="no such file"):
        check_files([tmp_path / "absent.jsonl"])
