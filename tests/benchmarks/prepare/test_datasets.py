"""The builders of published data sets, on folders shaped like them with phantoms inside; and files that are wrong."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from every_case import every_case
from repository import load_script

from benchmarks.errors import InputError
from benchmarks.prepare.datasets.chexpert_plus import chexpert_plus
from benchmarks.prepare.datasets.chextemporal import chextemporal
from benchmarks.prepare.datasets.layout import age_in_years, iso_date, sex_letter
from benchmarks.prepare.datasets.ms_cxr_t import ms_cxr_t
from benchmarks.prepare.datasets.padchest_gr import padchest_gr
from benchmarks.prepare.datasets.rexgradient import rexgradient
from benchmarks.prepare.datasets.rexvqa import rexvqa
from benchmarks.prepare.mimic import MimicFolder
from benchmarks.prepare.output import image_paths
from benchmarks.schema import HIDDEN_KEYS
from benchmarks.suites import sample_of

PATIENTS, SEED = 4, 0
REPORT = {"prompt": "Describe.", "context": True}


@pytest.fixture(scope="module")
def fakes(tmp_path_factory):
    """Every data set; read only."""
    folder = tmp_path_factory.mktemp("fakes")
    load_script("make_fake_datasets").write_fakes(folder, patients=PATIENTS, seed=SEED)
    return folder


@pytest.fixture
def fake(fakes, tmp_path):
    """A data set of one's own, to spoil."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(fakes / name, tmp_path / name))

    return copy


def prepared(name: str, folder: Path, steps: dict[str, int], **changed):
    """The data set, its samples as a list."""
    builders = {
        "rexgradient": lambda: rexgradient(folder, "test", "findings", steps=steps, **REPORT | changed),
        "chexpert-plus": lambda: chexpert_plus(folder, "valid", "findings", steps=steps, **REPORT | changed),
        "padchest-gr": lambda: padchest_gr(folder, "test", language="en", prompt="p", steps=steps, **changed),
        "rexvqa": lambda: rexvqa(folder, "test", steps=steps, **changed),
        "ms-cxr-t": lambda: ms_cxr_t(folder, MimicFolder(folder / "mimic"), steps=steps, **REPORT | changed),
        "chextemporal": lambda: chextemporal(folder, data_set=None, prompt="p", steps=steps, **changed),
    }
    found = builders[name]()
    return found, list(found.samples)


NAMES = ("rexgradient", "chexpert-plus", "padchest-gr", "rexvqa", "ms-cxr-t", "chextemporal")


@pytest.mark.parametrize("name", NAMES)
def test_every_sample_is_a_sample_and_its_images_are_there(fakes, name):
    steps: dict[str, int] = {}
    found, samples = prepared(name, fakes / name, steps)
    assert samples
    for built in samples:
        sample = sample_of(built, name)
        assert sample.references or sample.labels
        for image in image_paths(built):
            path = found.image_root / image
            assert (path if found.ending is None else path.with_suffix(found.ending)).is_file()
    assert min(steps.values()) > 0
    assert all(path.exists() for path in found.sources)


def test_rexgradient_studies_fall_out_for_a_reason_and_priors_are_the_patients_earlier_studies(fakes):
    steps: dict[str, int] = {}
    found, samples = prepared("rexgradient", fakes / "rexgradient", steps)
    entries = json.loads((fakes / "rexgradient/metadata/test_metadata_view_position.json").read_text())
    with_findings = [entry for entry in entries.values() if entry["Findings"]]
    frontal = [entry for entry in with_findings if "AP AXIAL" not in entry["ImageViewPosition"]]
    others = sum("AP AXIAL" in entry["ImageViewPosition"] for entry in entries.values())
    assert found.notes == (f"{others} images are neither frontal nor lateral (AP AXIAL {others})",)
    assert len(entries) > len(with_findings) > len(frontal)
    assert steps == {
        "studies in the files": len(entries),
        "with findings": len(with_findings),
        "with a frontal image": len(frontal),
    }
    with_prior = [sample for sample in samples if sample["has_prior"]]
    assert with_prior
    for sample in with_prior:
        entry = entries[sample["question_id"]]
        assert sample["image"].keys() == {"current", "lateral", "prior", "prior_lateral"}
        (prior,) = [one for one in entries.values() if one["ImagePath"][1:] == [f"../{sample['image']['prior']}"]]
        assert prior["PatientID"] == entry["PatientID"] == sample["subject_id"]
        assert prior["StudyDate"] < entry["StudyDate"]
        assert (sample["prior_date"], sample["study_date"]) == (
            iso_date(prior["StudyDate"]),
            iso_date(entry["StudyDate"]),
        )
        assert prior["Impression"] in sample["prior_report"]
        assert (sample["age"], sample["sex"]) == (int(entry["PatientAge"][:3]), entry["PatientSex"])
        assert sample["indication"] == entry["Indication"]
        spelled = {"PA": ("PA", "POSTERO_ANTERIOR"), "AP": ("AP", "ANTERO_POSTERIOR")}
        assert entry["ImageViewPosition"][1] in spelled[sample["view"]]
        assert f"Indication: {entry['Indication']}" in sample["text"]


def test_chexpert_plus_takes_one_sample_per_study_and_the_ending_that_is_there(fakes):
    found, samples = prepared("chexpert-plus", fakes / "chexpert-plus", {})
    assert (found.image_root, found.ending) == (fakes / "chexpert-plus/PNG", ".png")
    assert len({sample["question_id"] for sample in samples}) == len(samples)
    assert {sample["split"] for sample in samples} == {"valid"}
    for sample in samples:
        assert sample["question_id"].startswith(f"{sample['subject_id']}_study")
        assert sample["sex"] in ("F", "M")
        assert sample["race"] == "Unknown"
        number = int(sample["question_id"].rpartition("study")[2])
        if sample["has_prior"]:
            assert int(sample["image"]["prior"].split("/")[2].removeprefix("study")) < number
    assert "no dates" in found.notes[0]


def test_padchest_gr_keeps_sentences_boxes_and_progression_where_no_model_sees_them(fakes):
    _, samples = prepared("padchest-gr", fakes / "padchest-gr", {})
    first = next(sample for sample in samples if sample.get("labels"))
    assert first["reference"] == " ".join(sentence["text"] for sentence in first["sentences"])
    assert first["sentences"][0]["boxes"] == [[0.1, 0.2, 0.4, 0.6]]
    assert all(label.rpartition(": ")[2] in ("new", "worsened", "stable", "improved") for label in first["labels"])
    assert {"sentences", "labels", "reference"} <= HIDDEN_KEYS
    assert first["image"][1].endswith("_img.png")
    assert first["prior_date"] < first["study_date"]
    spanish = list(padchest_gr(fakes / "padchest-gr", "test", language="es", prompt="p", steps={}).samples)
    assert spanish[0]["reference"].startswith("Phantom: ")


def test_rexvqa_asks_with_its_options_and_takes_letter_or_text(fakes):
    _, samples = prepared("rexvqa", fakes / "rexvqa", {})
    _, *options, instruction = samples[0]["text"].splitlines()
    assert options[0] == "A. A right pleural effusion"
    assert instruction == "Answer with the letter of the correct option."
    assert samples[1]["answer"] == ["B", "B. A pneumothorax", "A pneumothorax"]
    assert samples[1]["options"][1] == "A pneumothorax"
    assert "It was drawn so." not in json.dumps(samples)  # the explanation
    assert not any("Findings" in sample or "findings" in sample for sample in samples)


def test_ms_cxr_t_has_the_labels_of_the_pair_and_what_mimic_has_of_it(fakes):
    _, samples = prepared("ms-cxr-t", fakes / "ms-cxr-t", {})
    sample = samples[0]
    assert sample["labels"]
    assert all(label.rpartition(": ")[2] in ("improving", "stable", "worsening") for label in sample["labels"])
    assert sample["image"][0].startswith(f"files/p10/p{sample['subject_id']}/s{sample['study_id']}/")
    assert f"/s{sample['prior_study_id']}/" in sample["image"][1]
    assert sample["reference"]
    assert sample["prior_report"].startswith(("Findings: ", "Impression: "))
    assert f"Indication: {sample['indication']}" in sample["text"]


def test_ms_cxr_t_without_reports_has_labels_alone(fake):
    folder = fake("ms-cxr-t")
    for report in (folder / "mimic").rglob("*.txt"):
        report.unlink()
    found, samples = prepared("ms-cxr-t", folder, {})
    assert "no reports of MIMIC-CXR found" in found.notes[0]
    assert not any("reference" in sample for sample in samples)
    assert samples[0]["text"] == "Describe."


def test_chextemporal_gathers_the_findings_of_a_pair(fakes):
    steps: dict[str, int] = {}
    _, samples = prepared("chextemporal", fakes / "chextemporal", steps)
    frame = pd.read_parquet(fakes / "chextemporal/gold_progression_pairs.parquet")
    assert steps == {
        "rows in the table": len(frame),
        "pairs": frame["img_path_curr"].nunique(),
        "labels": len(frame),
    }
    first = frame.iloc[0]
    assert f"{first['disease_name'].lower()}: {first['progression'].lower()}" in samples[0]["labels"]
    assert samples[0]["image"] == [first["img_path_curr"], first["img_path_prev"]]
    with pytest.raises(InputError, match="no pairs of 'mimic'; it has: chexpert"):
        chextemporal(fakes / "chextemporal", data_set="mimic", prompt="p", steps={})


VERSIONS = {
    "rexgradient": ("metadata/test_metadata_view_position.json", "metadata/test_metadata.json"),
    "chexpert-plus": ("df_chexpert_plus_240401.csv", "df_chexpert_plus_250901.csv"),
    "padchest-gr": ("grounded_reports_20240819.json", "grounded_reports_20270101.json"),
    "rexvqa": ("metadata/test_vqa_data.json", "metadata/test_vqa_data_v2.json"),
    "ms-cxr-t": (
        "MS_CXR_T_temporal_image_classification_v1.0.0.csv",
        "MS_CXR_T_temporal_image_classification_v2.0.0.csv",
    ),
    "chextemporal": ("gold_progression_pairs.parquet", "silver_progression_pairs.parquet"),
}
"""Data set -> its file, and a file of another version."""


@pytest.mark.parametrize("name", NAMES)
def test_another_version_is_refused_by_name_and_read_if_it_is_given(fake, name):
    folder = fake(name)
    ours, other = VERSIONS[name]
    (folder / ours).rename(folder / other)
    with pytest.raises(InputError) as caught:
        prepared(name, folder, {})
    said = str(caught.value)
    assert "another version" in said
    assert Path(ours).name in said
    assert Path(other).name in said
    if name != "padchest-gr":  # whose second file is looked for beside the first
        mimic = {"folder": MimicFolder(folder / "mimic")}
        if name == "ms-cxr-t":
            assert list(ms_cxr_t(folder / other, **mimic, steps={}, **REPORT).samples)
        else:
            assert prepared(name, folder / other, {})[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_of_something_else_says_what_is_missing_and_what_is_there(tmp_path, name):
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(InputError, match=rf"no {Path(VERSIONS[name][0]).name} of .*; found: holiday.jpg"):
        prepared(name, tmp_path, {})


def rewrite(path: Path, change) -> None:
    """Change a JSON file or a table."""
    if path.suffix == ".json":
        value = json.loads(path.read_text(encoding="utf-8"))
        changed = change(value)
        path.write_text(json.dumps(value if changed is None else changed))
    elif path.suffix == ".parquet":
        change(pd.read_parquet(path)).to_parquet(path)
    else:
        change(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False)


def first_entry(change):
    """Change the first entry of an object, or item of a list."""

    def changed(value):
        change(value[0] if isinstance(value, list) else next(iter(value.values())))

    return changed


def set_cell(column, value):
    return lambda frame: frame.assign(**{column: [value, *frame[column][1:]]})


def every_sentence(**change):
    def changed(studies):
        for study in studies:
            for sentence in study["findings"]:
                sentence.update(change)

    return changed


def twice(frame):
    return pd.concat([frame, frame[:1]])


def other_word(frame):
    row = frame[:1].assign(progression="New" if frame["progression"].iloc[0] != "New" else "Worse")
    return pd.concat([frame, row])


WRONG = [
    (
        "rexgradient",
        first_entry(lambda e: e.pop("ImageViewPosition")),
        "ImageViewPosition missing: not the known layout",
    ),
    ("rexgradient", lambda entries: [*entries.values()], "expected an object with one object per id, found a list of"),
    ("rexgradient", first_entry(lambda e: e.update(ImagePath="a.png")), "ImagePath is not a list of texts"),
    ("rexvqa", first_entry(lambda e: e.update(correct_answer="F")), "correct_answer 'F' is none of A, B, C, D"),
    ("rexvqa", first_entry(lambda e: e.update(options={"A": "x"})), "options is not a list of texts"),
    ("rexvqa", first_entry(lambda e: e.update(options=["A. x", "A. y"])), "are not one per letter"),
    ("chexpert-plus", lambda frame: frame.drop(columns="section_findings"), "column section_findings missing"),
    ("chexpert-plus", twice, "is listed twice"),
    ("chexpert-plus", set_cell("split", "test"), "unknown split 'test'; expected train, valid"),
    ("padchest-gr", first_entry(lambda e: e.pop("findings")), "findings missing: not the known layout of PadChest-GR"),
    ("padchest-gr", first_entry(lambda e: e.update(findings=["x"])), "findings is no list of objects"),
    ("padchest-gr", first_entry(lambda e: e.update(findings=5)), "findings is no list of objects"),
    ("padchest-gr", every_sentence(labels=5), "labels of a sentence is no list"),
    ("padchest-gr", every_sentence(progression="larger"), "unknown progression 'larger' of a sentence"),
    ("ms-cxr-t", lambda frame: frame.drop(columns="edema_progression"), "column edema_progression missing"),
    ("ms-cxr-t", set_cell("edema_progression", "resolved"), "unknown progression 'resolved' of edema"),
    ("ms-cxr-t", twice, "is listed twice"),
    ("chextemporal", lambda frame: frame.rename(columns={"disease_name": "finding"}), "column disease_name missing"),
    ("chextemporal", set_cell("progression", "Larger"), "unknown progression 'larger'"),
    ("chextemporal", other_word, "of one pair is both"),
]


@pytest.mark.parametrize(("name", "change", "words"), WRONG, ids=[f"{name}-{n}" for n, (name, *_) in enumerate(WRONG)])
def test_unknown_layouts_are_refused(fake, name, change, words):
    folder = fake(name)
    rewrite(folder / VERSIONS[name][0], change)
    with pytest.raises(InputError) as caught:
        prepared(name, folder, {})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_split_of_padchest_gr_names_those_there_are(fakes):
    with pytest.raises(InputError, match="no study of the split 'validation'; it has: test, train"):
        list(padchest_gr(fakes / "padchest-gr", "validation", language="en", prompt="p", steps={}).samples)


@pytest.mark.parametrize("name", ["chexpert-plus", "ms-cxr-t"])
def test_a_table_in_another_encoding_is_refused(fake, name):
    folder = fake(name)
    path = folder / VERSIONS[name][0]
    path.write_bytes(path.read_bytes().replace(b"\r\n", "\r\nBüro".encode("cp1252"), 1))
    with pytest.raises(InputError, match="not UTF-8 text"):
        prepared(name, folder, {})


def test_the_same_study_twice_in_a_json_is_refused(fake):
    folder = fake("rexgradient")
    path = folder / VERSIONS["rexgradient"][0]
    entry = next(iter(json.loads(path.read_text()).items()))
    again = json.dumps(dict([entry]))[1:-1]
    path.write_text(path.read_text().rstrip().removesuffix("}") + f", {again}}}")
    with pytest.raises(InputError, match="occurs twice in one object"):
        prepared("rexgradient", folder, {})


@every_case(
    ("value", "years"),
    [("014Y", 14), ("006M", 0.5), ("77.0", 77), (77.0, 77), ("010D", 0.03), ("", None), ("old", None), (None, None)],
)
def test_ages(value, years):
    assert age_in_years(value) == years


def test_dates_and_sexes():
    assert [iso_date(text) for text in ("20140903", "2014-09-03", "2014", "", "20141399")] == ["2014-09-03"] * 2 + [
        ""
    ] * 3
    assert [sex_letter(text) for text in ("Male", "F", "Unknown", None)] == ["M", "F", "", ""]
