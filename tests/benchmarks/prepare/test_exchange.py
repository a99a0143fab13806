"""ReXrank's files both ways, and tables that open safely in a spreadsheet."""

from __future__ import annotations

import csv
import json
import math

import pytest

from benchmarks.errors import InputError
from benchmarks.prepare.export import guarded, write_csv
from benchmarks.prepare.output import write_samples
from benchmarks.prepare.rexrank import rexrank_answers, rexrank_samples, to_rexrank
from benchmarks.schema import Answer, Sample
from benchmarks.suites import read_samples

REXRANK = {
    "50051329": {
        "image_path": ["/p10/p10046166/s50051329/a.jpg", "/p10/p10046166/s50051329/b.jpg"],
        "section_findings": "Lungs clear.\nHeart normal.",
        "section_impression": "No acute process.",
        "frontal_lateral": ["lateral", "antero-posterior"],
        "split": "test",
        "subject_id": 10046166,
        "context": "Age:50-60.Gender:M.Indication: ___-year-old male.",
        "key_image_path": "/p10/p10046166/s50051329/b.jpg",
        "report": "Findings: Lungs clear.\nHeart normal. Impression: No acute process.",
    },
    "57977208": {
        "image_path": ["/p10/p10046166/s57977208/c.jpg"],
        "section_findings": "No pneumothorax.",
        "section_impression": math.nan,
        "frontal_lateral": ["antero-posterior"],
        "split": "test",
        "subject_id": 10046166,
        "context": "Indication: Post-procedure.",
        "key_image_path": "/p10/p10046166/s57977208/c.jpg",
        "report": "Findings: No pneumothorax. Impression: None.",
    },
}


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "ReXRank.json"
    path.write_text(json.dumps(REXRANK))
    return path


def suite_of(source, tmp_path, section):
    out = tmp_path / f"{section}.jsonl"
    write_samples(rexrank_samples(source, section, prompt="Describe.", steps={}), out)
    return read_samples(out)


def test_rexrank_becomes_a_suite_on_its_key_images(source, tmp_path):
    samples = suite_of(source, tmp_path, "findings")
    assert [sample.question_id for sample in samples] == ["50051329", "57977208"]
    assert samples[0].images == ("p10/p10046166/s50051329/b.jpg",)
    assert samples[0].text == (
        "Describe. Following clinical context: Age:50-60.Gender:M.Indication: ___-year-old male."
    )
    assert samples[0].references == ("Lungs clear. Heart normal.",)
    assert [sample.question_id for sample in suite_of(source, tmp_path, "impression")] == ["50051329"]
    whole = suite_of(source, tmp_path, "report")
    assert whole[1].references == ("Findings: No pneumothorax. Impression: None",)


@pytest.mark.parametrize("section", ["findings", "report"])
def test_rexrank_there_and_back(source, tmp_path, section):
    back = to_rexrank(suite_of(source, tmp_path, section))
    assert back.keys() == REXRANK.keys()
    for study, entry in REXRANK.items():
        for key in ("image_path", "key_image_path", "frontal_lateral", "split", "subject_id", "context"):
            assert back[study][key] == entry[key]
        assert back[study]["section_findings"] == entry["section_findings"]
    assert back["57977208"]["section_impression"] is None
    assert json.loads(json.dumps(back, allow_nan=False))


def test_rexrank_results_become_answers_and_back(source, tmp_path):
    samples = suite_of(source, tmp_path, "findings")
    answers = [Answer(sample.question_id, "", f"text {n}") for n, sample in enumerate(samples)]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(to_rexrank(samples, answers)))
    assert [answer["text"] for answer in rexrank_answers(path)] == ["text 0", "text 1"]
    with pytest.raises(InputError, match="study 50051329: model_prediction is missing"):
        list(rexrank_answers(source))


def test_no_adapter_sees_the_truth_of_a_rexrank_suite(source, tmp_path):
    from benchmarks.schema import HIDDEN_KEYS

    fields = suite_of(source, tmp_path, "findings")[0].fields
    told = {key: value for key, value in fields.items() if key not in HIDDEN_KEYS}
    assert "Heart normal" not in json.dumps(told)
    assert "acute" not in json.dumps(told)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "is not an object"),
        ("{}", "is not an object"),
        ('{"1": {"context": ""}}', "study 1: image_path is missing"),
    ],
)
def test_files_that_are_not_rexranks(tmp_path, text, message):
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(InputError, match=message):
        list(rexrank_samples(tmp_path / "r.json", "findings", prompt="p", steps={}))


def test_a_suite_of_ours_as_rexrank_input():
    sample = Sample(3, ("cur.jpg", "prior.jpg"), "Describe. Following clinical context: Indication: Pain", ("Clear.",))
    assert to_rexrank([sample]) == {
        "3": {
            "image_path": ["cur.jpg"],
            "key_image_path": "cur.jpg",
            "frontal_lateral": ["Frontal"],
            "section_findings": "Clear.",
            "section_impression": None,
            "context": "Indication: Pain",
            "report": "Findings: Clear. Impression: None",
        }
    }


def test_all_images_of_a_study_travel_both_ways(tmp_path):
    """The key image is not the first; a third image stays in the list; context becomes fields."""
    entry = {
        "image_path": ["s1/0.png", "s1/1.png", "s1/2.png"],
        "key_image_path": "s1/1.png",
        "frontal_lateral": ["Lateral", "Frontal", "Frontal"],
        "context": "Age:77.0.Gender:F.Indication: Cough. Comparison: None.",
        "section_findings": "Clear.",
    }
    (tmp_path / "r.json").write_text(json.dumps({"s1": entry}))
    (sample,) = suite_of(tmp_path / "r.json", tmp_path, "findings")
    assert sample.by_role == {"current": "s1/1.png", "lateral": "s1/0.png"}
    told = {name: sample.fields[name] for name in ("indication", "comparison", "age", "sex", "view")}
    assert told == {"indication": "Cough.", "comparison": "None.", "age": 77, "sex": "F", "view": "Frontal"}
    back = to_rexrank([sample])["s1"]
    assert {key: back[key] for key in entry} == entry


def test_a_suite_with_roles_exports_its_frontal_and_lateral_image():
    sample = Sample(
        3, ("c.png", "p.png"), "Describe.", ("Clear.",), laterals={"lateral": "l.png", "prior_lateral": "q.png"}
    )
    entry = to_rexrank([sample])["3"]
    assert (entry["image_path"], entry["frontal_lateral"]) == (["c.png", "l.png"], ["Frontal", "Lateral"])


def test_a_table_is_read_as_the_suite_that_it_was_made_from(tmp_path):
    samples = [
        Sample("a", ("a.png", "b.png"), "q", ("Clear.",), ("edema",), fields={"view": "AP", "known": True}),
        Sample("b", (), "=1", ("[one, or", "two]"), ("edema", "mass")),
        Sample(3, ("c.png",), "q", ('["a"]',), ()),
        Sample(4, (), "q", ("=1+1",), fields={"parts": ["x", "y"]}),
    ]
    write_csv(samples, tmp_path / "t.csv")
    assert [*read_samples(tmp_path / "t.csv")] == samples


@pytest.mark.parametrize("text", ["=1+1", "+49", "-5 cm", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(text):
    assert guarded(text) == f"'{text}"


def test_csv_export(tmp_path):
    samples = [
        Sample(1, ("a.png", "b.png"), "=HYPERLINK(1)", ("Clear.",), fields={"view": "@x", "-bad": ["=1"], "n": -3}),
        Sample("+x", (), "q", ("one", "two"), ("edema",), fields={"view": None}),
        Sample(3, ("a.png",), "q"),
    ]
    answers = [Answer(sample.question_id, "", text) for sample, text in zip(samples, ("-new", "", "é"), strict=True)]
    out = tmp_path / "t.csv"
    assert write_csv(samples, out, answers) == 3
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(out.read_text(encoding="utf-8-sig").splitlines()))
    assert rows[0] == {
        "question_id": "1", "image": "a.png", "prior_image": "b.png", "text": "'=HYPERLINK(1)", "reference": "Clear.",
        "labels": "", "prediction": "'-new", "view": "'@x", "'-bad": '["=1"]', "n": "-3",
    }  # fmt: skip
    assert (rows[1]["question_id"], rows[1]["reference"], rows[1]["labels"]) == ("'+x", '["one", "two"]', '["edema"]')
    assert (rows[2]["reference"], rows[2]["prediction"]) == ("", "é")
