"""IU X-Ray, VQA-RAD, SLAKE, the hub's sets and spreadsheets become suites."""

from __future__ import annotations

import io
import json

import pandas as pd
import pytest
from PIL import Image

from benchmarks.errors import InputError
from benchmarks.prepare.datasets.iu_xray import find_images, iu_xray_samples
from benchmarks.prepare.datasets.open_vqa import slake_samples, vqa_rad_samples
from benchmarks.prepare.hub import HUB_SETS, hub_samples
from benchmarks.prepare.output import write_samples
from benchmarks.prepare.spreadsheet import Columns, spreadsheet_samples
from benchmarks.suites import sample_of

PROMPT = "Describe."


def check_suite(samples):
    """They are what `load_suite` takes, and no sample is like another."""
    parsed = [sample_of(sample, "here") for sample in samples]
    assert len({sample.question_id for sample in parsed}) == len(parsed)
    return samples


def test_iu_xray(tmp_path):
    (tmp_path / "indiana_reports.csv").write_text(
        "uid,MeSH,Problems,image,indication,comparison,findings,impression\n"
        '1,normal,normal,Xray,Positive TB test,None.,"The heart is\nnormal.",Normal.\n'
        "2,normal,normal,Xray,,,,Normal.\n3,x,x,Xray,,,No image.,\n4,x,x,Xray,,,Clear.,\n"
    )
    (tmp_path / "indiana_projections.csv").write_text(
        "uid,filename,projection\n1,1_a.png,Lateral\n1,1_b.png,Frontal\n1,1_c.png,Frontal\n2,2.png,Frontal\n"
        "3,3.png,Lateral\n4,4.png,Frontal\n"
    )
    steps: dict[str, int] = {}
    samples = check_suite(list(iu_xray_samples(tmp_path, "findings", prompt=PROMPT, steps=steps)))
    assert samples[0] == {
        "question_id": 1,
        "image": {"current": "1_b.png", "lateral": "1_a.png"},
        "text": f"{PROMPT} Following clinical context: Indication: Positive TB test Comparison: None.",
        "reference": "The heart is normal.",
        "study_id": 1,
        "view": "Frontal",
        "has_prior": False,
        "indication": "Positive TB test",
        "comparison": "None.",
    }
    assert [sample["text"] for sample in samples[1:]] == [PROMPT]
    assert steps == {"reports": 4, "with findings": 3, "with a frontal image": 2}
    assert len(list(iu_xray_samples(tmp_path, "impression", prompt=PROMPT, steps=steps))) == 2
    (tmp_path / "images" / "images_normalized").mkdir(parents=True)
    (tmp_path / "images" / "images_normalized" / "1_b.png").write_bytes(b"")
    assert find_images(tmp_path, "1_b.png") == tmp_path / "images" / "images_normalized"
    assert find_images(tmp_path, "nowhere.png") == tmp_path


def test_vqa_rad(tmp_path):
    row = {"image_name": "synpic1.jpg", "image_organ": "CHEST", "question": "Is it big?", "answer": "Yes"}
    row |= {"answer_type": "CLOSED", "question_type": "SIZE"}
    rows = [
        row | {"qid": 1, "phrase_type": "freeform"},
        row | {"qid": 2, "phrase_type": "test_freeform", "answer_type": "OPEN", "answer": 3},
        row | {"qid": 3, "phrase_type": "test_para", "image_organ": "HEAD"},
        row | {"qid": 4, "phrase_type": "para"},
    ]
    source = tmp_path / "VQA_RAD Dataset Public.json"
    source.write_text(json.dumps(rows))
    test = check_suite(list(vqa_rad_samples(source, test=True, chest_only=False, steps={})))
    assert [sample["question_id"] for sample in test] == ["vqa-rad-2", "vqa-rad-3"]
    assert (test[0]["reference"], test[0]["answer_type"], test[0]["text"]) == ("3", "OPEN", "Is it big?")
    chest = vqa_rad_samples(source, test=True, chest_only=True, steps={})
    assert [sample["question_id"] for sample in chest] == ["vqa-rad-2"]
    train = vqa_rad_samples(source, test=False, chest_only=False, steps={})
    assert [sample["question_id"] for sample in train] == ["vqa-rad-1", "vqa-rad-4"]
    source.write_text('[{"question": "q"}]')
    with pytest.raises(
        InputError, match="item 1: image_name, answer, phrase_type missing: not the known layout of VQA-RAD"
    ):
        list(vqa_rad_samples(source, test=True, chest_only=False, steps={}))


def test_slake(tmp_path):
    row = {"img_name": "xmlab1/source.jpg", "question": "What?", "answer": "Lung", "answer_type": "OPEN"}
    row |= {"modality": "X-Ray", "location": "Lung", "content_type": "Organ", "base_type": "vqa"}
    rows = [row | {"qid": 1, "q_lang": "en"}, row | {"qid": 2, "q_lang": "zh"}]
    rows.append(row | {"qid": 3, "q_lang": "en", "modality": "CT"})
    (tmp_path / "test.json").write_text(json.dumps(rows), encoding="utf-8-sig")
    steps: dict[str, int] = {}
    samples = check_suite(list(slake_samples(tmp_path / "test.json", language="en", chest_only=False, steps=steps)))
    assert [sample["question_id"] for sample in samples] == ["slake-1", "slake-3"]
    assert (samples[0]["split"], samples[0]["image"]) == ("test", ["xmlab1/source.jpg"])
    assert steps == {"questions in the file": 3, "questions in en": 2, "samples": 2}
    chest = slake_samples(tmp_path / "test.json", language="en", chest_only=True, steps={})
    assert [sample["question_id"] for sample in chest] == ["slake-1"]


def picture(grey: int, kind: str = "PNG") -> dict[str, object]:
    data = io.BytesIO()
    Image.new("L", (4, 4), grey).save(data, kind)
    return {"bytes": data.getvalue(), "path": None}


@pytest.fixture
def hub_copy(tmp_path):
    """A local folder of the shape of MIMIC-CXR-RRG."""
    datasets = pytest.importorskip("datasets")
    rows = {
        "main_image": [picture(10, "JPEG"), picture(20), picture(30)],
        "prior_image": [picture(11), picture(20), None],
        "findings_section": ["Clear.\n Heart normal.", "Stable.", " "],
        "default_prompt": ["Prompt one", None, "Prompt three"],
        "subject_id": ["10", "11", "12"],
        "study_id": ["50", "51", "52"],
        "dicom_id": ["d1", "d2", "d3"],
        "ViewPosition": ["PA", "AP", "PA"],
    }
    features = datasets.Features(
        {key: datasets.Image() if key.endswith("_image") else datasets.Value("string") for key in rows}
    )
    folder = tmp_path / "copy"
    folder.mkdir()
    datasets.Dataset.from_dict(rows, features=features).to_parquet(folder / "test.parquet")
    return folder


def test_hub_sets_through_a_local_copy(hub_copy, tmp_path):
    def read(section="findings", split="test", steps=None):
        return list(
            hub_samples(
                HUB_SETS["mimic-cxr-rrg"],
                section,
                split,
                image_folder=tmp_path / "images",
                prompt=PROMPT,
                repository=str(hub_copy),
                configuration="default",
                steps={} if steps is None else steps,
            )
        )

    steps: dict[str, int] = {}
    samples = check_suite(read(steps=steps))
    assert samples[0] == {
        "question_id": "d1",
        "image": ["d1.jpg", "d1_prior.png"],
        "text": "Prompt one",
        "reference": "Clear. Heart normal.",
        "subject_id": 10,
        "study_id": 50,
        "dicom_id": "d1",
        "view": "PA",
        "has_prior": True,
        "split": "test",
    }
    assert (samples[1]["image"], samples[1]["has_prior"], samples[1]["text"]) == (["d2.png"], False, PROMPT)
    assert steps == {"rows": 3, "with findings": 2}
    assert (tmp_path / "images" / "d1.jpg").read_bytes() == picture(10, "JPEG")["bytes"]
    with pytest.raises(InputError, match="no column impression_section or impression; it has: ViewPosition"):
        read("impression")
    with pytest.raises(InputError, match="cannot be loaded"):
        read(split="nosplit")


def table(tmp_path, ending, rows):
    path = tmp_path / f"t.{ending}"
    frame = pd.DataFrame(rows)
    match ending:
        case "csv":
            frame.to_csv(path, index=False, sep=";", encoding="utf-8-sig")
        case "xlsx":
            frame.to_excel(path, index=False)
        case "parquet":
            frame.to_parquet(path)
    return path


@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet"])
def test_spreadsheets_whatever_their_format(tmp_path, ending):
    rows = [
        {"id": 17, "file": "a.png", "before": "b.png", "report": "Clear,\n heart normal", "why": "Cough", "mrn": "P1"},
        {"id": 18, "file": "c.png", "before": "", "report": "", "why": "", "mrn": "P2"},
        {"id": 19, "file": "", "before": "", "report": "no image", "why": "", "mrn": "P3"},
    ]
    columns = Columns(
        image="file", prior="before", reference="report", identity="id", subject="mrn", context={"Indication": "why"}
    )
    steps: dict[str, int] = {}
    samples = list(
        spreadsheet_samples(table(tmp_path, ending, rows), columns, image_root=tmp_path, prompt=PROMPT, steps=steps)
    )
    assert check_suite(samples) == [
        {
            "question_id": 17,
            "image": ["a.png", "b.png"],
            "text": f"{PROMPT} Following clinical context: Indication: Cough",
            "reference": "Clear, heart normal",
            "subject_id": "P1",
            "has_prior": True,
        },
        {
            "question_id": 18,
            "image": ["c.png"],
            "text": PROMPT,
            "reference": "",
            "subject_id": "P2",
            "has_prior": False,
        },
    ]
    assert steps == {"rows": 3, "with an image": 2}


def test_spreadsheets_with_questions_labels_and_further_columns(tmp_path):
    rows = [
        {"image": "a.png", "q": "Which?", "true": "edema; effusion", "site": "A"},
        {"image": "b.png", "q": "", "true": '["no, finding"]', "site": "B"},
    ]
    columns = Columns(image="image", prompt="q", labels="true", keep=("site",))
    samples = list(
        spreadsheet_samples(table(tmp_path, "csv", rows), columns, image_root=tmp_path, prompt=PROMPT, steps={})
    )
    assert [sample["labels"] for sample in samples] == [["edema", "effusion"], ["no, finding"]]
    assert [sample["text"] for sample in samples] == ["Which?", PROMPT]
    assert [sample["site"] for sample in samples] == ["A", "B"]
    assert [sample["question_id"] for sample in samples] == [1, 2]
    assert samples[0]["reference"] == "edema, effusion"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (Columns(image="picture"), "column picture missing; it has: image, id, l"),
        (Columns(image="image", identity="id"), "row 3: id '1' is in row 2 already"),
        (Columns(image="image", labels="l"), "row 2: labels are not a JSON list"),
        (Columns(image="image", keep=("reference",)), "--keep: column reference has a meaning of its own"),
    ],
)
def test_spreadsheets_that_do_not_fit(tmp_path, columns, message):
    path = table(tmp_path, "csv", [{"image": "a", "id": "1", "l": "[x"}, {"image": "b", "id": "1", "l": ""}])
    with pytest.raises(InputError, match=message):
        list(spreadsheet_samples(path, columns, image_root=tmp_path, prompt=PROMPT, steps={}))


def test_training_data_need_references(tmp_path):
    path = table(tmp_path, "csv", [{"image": "a.png", "r": "Clear."}, {"image": "b.png", "r": ""}])
    columns = Columns(image="image", reference="r")
    samples = spreadsheet_samples(path, columns, image_root=tmp_path, prompt=PROMPT, steps={})
    with pytest.raises(InputError, match="sample 2: training data need a reference"):
        write_samples(samples, tmp_path / "t.json")
    assert not (tmp_path / "t.json").exists()


def test_absolute_image_paths_below_the_root_become_relative(tmp_path):
    rows = [{"image": str(tmp_path / "scans" / "a.dcm"), "prior": "scans/a.dcm"}]
    columns = Columns(image="image", prior="prior")
    path = table(tmp_path, "csv", rows)
    samples = list(spreadsheet_samples(path, columns, image_root=tmp_path, prompt=PROMPT, steps={}))
    assert [sample["image"] for sample in samples] == [["scans/a.dcm"]]
    with pytest.raises(InputError, match=r"row 2: image .*a.dcm lies outside .*elsewhere; give --image-root"):
        list(spreadsheet_samples(path, columns, image_root=tmp_path / "elsewhere", prompt=PROMPT, steps={}))
