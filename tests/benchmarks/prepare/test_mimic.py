"""From a tree shaped like MIMIC-CXR to suites: joins, prompts, priors, DICOM, and files that do not belong together."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from pathlib import Path

import pytest
from fake_mimic import write_fake_mimic

from benchmarks.errors import InputError, UnknownNameError
from benchmarks.images import read_radiograph
from benchmarks.prepare.choices import one_of
from benchmarks.prepare.frames import read_frame
from benchmarks.prepare.mimic import SPLITS, MimicFolder
from benchmarks.prepare.mimic_tasks import MimicChoice, build_mimic
from benchmarks.prepare.reports import cut_reports, write_sections
from benchmarks.suites import load_suite

FINDINGS = "Provide a detailed description of the findings in the radiology image."


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    root = tmp_path_factory.mktemp("mimic")
    write_fake_mimic(root, patients=40, seed=5)
    return root


@pytest.fixture
def copy(tree, tmp_path):
    return Path(shutil.copytree(tree, tmp_path / "copy"))


def build(task, root, out, **choice):
    folder = {key: choice.pop(key) for key in ("metadata", "splits", "reports", "image_root") if key in choice}
    allow = choice.pop("allow_absent_images", False)
    chosen = MimicChoice(MimicFolder(root, **folder), choice.pop("split", "test"), **choice)
    return build_mimic(task, chosen, out, allow_absent_images=allow)


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def metadata_of(root: Path) -> dict[str, dict[str, str]]:
    frame = read_frame(root / "mimic-cxr-jpg" / "2.0.0" / "mimic-cxr-2.0.0-metadata.csv.gz")
    return {row["dicom_id"]: row for row in frame.to_dict("records")}


def test_findings_are_the_join_of_reports_splits_views_and_priors(tree, tmp_path):
    out = tmp_path / "findings.jsonl"
    report = build("findings", tree, out)
    metadata = metadata_of(tree)
    splits = read_frame(tree / "mimic-cxr-jpg" / "2.0.0" / "mimic-cxr-2.0.0-split.csv.gz")
    test = {row["dicom_id"] for row in splits.to_dict("records") if row["split"] == "test"}
    cut = {one.study: one.sections for one in cut_reports(tree / "mimic-cxr" / "2.0.0" / "mimic-cxr-reports.zip")}
    wanted = {
        dicom: cut[f"s{row['study_id']}"]
        for dicom, row in metadata.items()
        if dicom in test and row["ViewPosition"] in ("AP", "PA") and (cut[f"s{row['study_id']}"] or [""])[0]
    }
    samples = {row["question_id"]: row for row in rows(out)}
    assert samples.keys() == wanted.keys()
    for dicom, sample in samples.items():
        findings, _, indication, comparison, technique, history, *_ = (
            " ".join((text or "").split()) for text in wanted[dicom]
        )
        context = {"Indication": indication, "History": history, "Comparison": comparison, "Technique": technique}
        told = " ".join(f"{label}: {text}" for label, text in context.items() if text)
        assert sample["text"] == (f"{FINDINGS} Following clinical context: {told}" if told else FINDINGS)
        assert sample["reference"] == findings
        assert str(sample["subject_id"]) == metadata[dicom]["subject_id"]
        assert sample["view"] == metadata[dicom]["ViewPosition"]
        assert sample["has_prior"] is (len(sample["image"]) == 2)
    assert report.samples == len(samples) == list(report.steps.values())[-1]
    assert report.published == 2461
    steps = list(report.steps.values())
    assert f"{len(samples) - 2461:,} samples against the published 2,461" in report.notes[0]
    assert f"list {len(metadata)} of MIMIC-CXR's 377,110 images; of the split's {steps[1]} frontal" in report.notes[0]
    assert f"and {steps[2] - steps[3]} have a report without this section" in report.notes[0]
    assert {sample["has_prior"] for sample in samples.values()} == {True, False}
    suite = load_suite(out, image_root=report.image_root)
    assert all(suite.question(sample).images for sample in suite.samples)


def test_the_prior_report_the_dates_and_the_context_are_fields(tree, tmp_path):
    build("findings", tree, tmp_path / "f.jsonl")
    build("findings", tree, tmp_path / "bare.jsonl", context=False)
    cut = {one.study: one.sections for one in cut_reports(tree / "mimic-cxr" / "2.0.0" / "mimic-cxr-reports.zip")}
    day = {f"s{row['study_id']}": row["StudyDate"] for row in metadata_of(tree).values()}
    told = 0
    for sample, bare in zip(rows(tmp_path / "f.jsonl"), rows(tmp_path / "bare.jsonl"), strict=True):
        studies = [Path(image).parent.name for image in sample["image"]]
        dates = [sample.get(name, "").replace("-", "") for name in ("study_date", "prior_date")]
        assert dates == [*(day[study] for study in studies), ""][:2]
        for name in ("indication", "technique"):
            assert (f"{name.capitalize()}: {sample[name]}" in sample["text"]) if name in sample else True
            assert name not in bare
        sections = (cut[studies[1]] or ("", "")) if len(studies) > 1 else ("", "")
        findings, impression = (" ".join((text or "").split()) for text in sections[:2])
        parts = [f"Findings: {findings}"] * bool(findings) + [f"Impression: {impression}"] * bool(impression)
        assert sample.get("prior_report", "") == " ".join(parts) == bare.get("prior_report", "")
        told += bool(parts)
    assert told > 1


def test_lateral_images_are_named_by_their_role(tree, tmp_path):
    report = build("findings", tree, tmp_path / "f.jsonl", laterals=True)
    build("findings", tree, tmp_path / "plain.jsonl")
    view = {dicom: row["ViewPosition"] for dicom, row in metadata_of(tree).items()}
    suite = load_suite(tmp_path / "f.jsonl", image_root=report.image_root)
    plain = load_suite(tmp_path / "plain.jsonl", image_root=report.image_root)
    assert [sample.images for sample in suite.samples] == [sample.images for sample in plain.samples]
    assert {role for sample in suite.samples for role in sample.laterals} == {"lateral", "prior_lateral"}
    for sample in suite.samples:
        for role, path in suite.question(sample).laterals.items():
            assert view[path.stem] in ("LATERAL", "LL")
            frontal = sample.by_role["current" if role == "lateral" else "prior"]
            assert path.parent.name == Path(frontal).parent.name


def test_prior_images_are_those_of_the_whole_metadata(tree, tmp_path):
    from benchmarks.prepare.priors import add_priors

    build("findings", tree, tmp_path / "f.jsonl")
    build("findings", tree, tmp_path / "frontal.jsonl", rule="frontal")
    for name, rule in (("f", "published"), ("frontal", "frontal")):
        frame, _ = add_priors(read_frame(tree / "mimic-cxr-jpg" / "2.0.0" / "mimic-cxr-2.0.0-metadata.csv.gz"), rule)
        prior = dict(zip(frame["image"], frame["prior_image"], strict=True))
        for sample in rows(tmp_path / f"{name}.jsonl"):
            assert sample["image"][1:] == ([prior[sample["image"][0]]] if prior[sample["image"][0]] else [])


def test_impressions_say_that_their_prompt_is_ours(tree, tmp_path):
    report = build("impressions", tree, tmp_path / "i.jsonl")
    assert any("prompt of the impressions is unknown" in note for note in report.notes)
    assert report.published is None
    report = build("impressions", tree, tmp_path / "i.jsonl", prompt="Impression?", context=False)
    assert report.notes == []
    assert {row["text"] for row in rows(tmp_path / "i.jsonl")} == {"Impression?"}


def test_the_same_suite_from_a_sections_table_a_reports_folder_and_dicom(tree, tmp_path):
    plain, table, other = (tmp_path / name for name in ("a.jsonl", "b.jsonl", "c.jsonl"))
    build("findings", tree, plain)
    write_sections(cut_reports(tree / "mimic-cxr" / "2.0.0" / "mimic-cxr-reports.zip"), tmp_path / "sections.csv")
    build("findings", tree, table, sections=tmp_path / "sections.csv")
    assert table.read_bytes() == plain.read_bytes()
    dicom_tree = tmp_path / "dicom"
    write_fake_mimic(dicom_tree, patients=40, seed=5, images="dcm", reports="files")
    report = build("findings", dicom_tree, other)
    assert other.read_text() == plain.read_text().replace(".jpg", ".dcm")
    suite = load_suite(other, image_root=report.image_root)
    assert read_radiograph(suite.question(suite.samples[0]).images[0]).size == (32, 24)


def test_training_data_are_conversations(tree, tmp_path):
    out = tmp_path / "train.json"
    build("findings", tree, tmp_path / "train.jsonl", split="train")
    build("findings", tree, out, split="train")
    records = json.loads(out.read_text())
    for record, sample in zip(records, rows(tmp_path / "train.jsonl"), strict=True):
        human, gpt = record["conversations"]
        assert (record["id"], record["image"]) == (sample["question_id"], sample["image"])
        assert human == {"from": "human", "value": f"<image>\n{sample['text']}"}
        assert gpt == {"from": "gpt", "value": sample["reference"]}
        assert record["subject_id"] == sample["subject_id"]
        assert "reference" not in record


def test_vqa_answers_become_labels(tree, tmp_path):
    report = build("vqa", tree, tmp_path / "v.jsonl", split="validate")
    items = json.loads((tree / "mimic-ext-mimic-cxr-vqa/1.0.0/dataset/valid.json").read_text())
    samples = rows(tmp_path / "v.jsonl")
    assert [sample["labels"] for sample in samples] == [item["answer"] for item in items]
    assert {sample["reference"] for sample in samples if not sample["labels"]} == {"none"}
    assert samples[0]["image"] == [f"files/{items[0]['image_path']}"]
    assert samples[0]["semantic_type"] == "query"
    assert (report.samples, report.with_prior, report.published) == (len(items), 0, None)
    assert load_suite(tmp_path / "v.jsonl").samples[0].labels == tuple(items[0]["answer"])


def test_diff_vqa_takes_the_main_study_as_current_and_the_reference_study_as_prior(tree, tmp_path):
    build("diff-vqa", tree, tmp_path / "d.jsonl")
    samples = rows(tmp_path / "d.jsonl")
    assert samples
    metadata = metadata_of(tree)
    for sample in samples:
        current, prior = (metadata[Path(image).stem] for image in sample["image"])
        assert (current["study_id"], prior["study_id"]) == (str(sample["study_id"]), str(sample["ref_id"]))
        frontal = [row["ViewPosition"] for row in metadata.values() if row["study_id"] == current["study_id"]]
        assert current["ViewPosition"] == ("PA" if "PA" in frontal else "AP")
        assert sample["question_type"] in ("difference", "presence")


def test_diff_vqa_takes_the_images_that_mimic_all_names(copy, tmp_path):
    lateral = [row for row in metadata_of(copy).values() if row["ViewPosition"] in ("LATERAL", "LL")]
    with (copy / "mimic-diff-vqa" / "1.0.0" / "mimic_all.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ["study_id", "dicom_id"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(lateral)
    build("diff-vqa", copy, tmp_path / "d.jsonl", split="train")
    assert {row["view"] for row in rows(tmp_path / "d.jsonl")} <= {"LATERAL", "LL"}


def test_alignment_mixes_the_tasks_and_keeps_ids_apart(tree, tmp_path):
    report = build("alignment", tree, tmp_path / "a.json", split="train")
    records = json.loads((tmp_path / "a.json").read_text())
    assert {record["task"] for record in records} == {"findings", "impressions", "vqa", "diff-vqa"}
    assert len({record["id"] for record in records}) == len(records) == report.samples
    assert all(record["conversations"][1]["value"] for record in records)
    with pytest.raises(InputError, match=r"end the output in .json"):
        build("alignment", tree, tmp_path / "a.jsonl", split="train")
    with pytest.raises(UnknownNameError, match="unknown task 'finding'; did you mean 'findings'"):
        build("alignment", tree, tmp_path / "a.json", split="train", tasks=("finding",))


def test_lateral_images_only_when_asked_for(tree, tmp_path):
    build("findings", tree, tmp_path / "a.jsonl")
    report = build("findings", tree, tmp_path / "b.jsonl", all_views=True)
    assert {row["view"] for row in rows(tmp_path / "a.jsonl")} == {"AP", "PA"}
    assert "LATERAL" in {row["view"] for row in rows(tmp_path / "b.jsonl")}
    assert report.published is None  # another selection: nothing to compare with


def test_absent_images_are_counted_and_the_first_few_named(copy, tmp_path):
    out = tmp_path / "f.jsonl"
    build("findings", copy, out, split="train")
    gone = list(dict.fromkeys(image for row in rows(out) for image in row["image"]))[3:15]
    root = copy / "mimic-cxr-jpg" / "2.0.0"
    for image in gone:
        (root / image).unlink()
    out.unlink()
    with pytest.raises(
        InputError, match=rf"{len(gone)} of \d+ images are not there \({gone[0]}.* and \d+ more\)"
    ) as error:
        build("findings", copy, out, split="train")
    assert sum(image in str(error.value) for image in gone) == 5
    assert list(tmp_path.glob("*f.jsonl*")) == []
    assert build("findings", copy, out, split="train", allow_absent_images=True).absent_images == len(gone)


def regzip(path: Path, change) -> None:
    path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()))))


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(copy, tree, tmp_path):
    for name in ("metadata", "split"):
        path = copy / "mimic-cxr-jpg" / "2.0.0" / f"mimic-cxr-2.0.0-{name}.csv.gz"
        regzip(path, lambda data: b"\xef\xbb\xbf" + data.replace(b"\n", b"\r\n"))
    build("findings", copy, tmp_path / "a.jsonl")
    build("findings", tree, tmp_path / "b.jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("metadata", lambda d: d.replace(b"StudyTime", b"Time"), r"metadata.csv.gz: columns missing: StudyTime"),
        ("metadata", lambda d: d.replace(b"ViewPosition", b"View"), r"metadata.csv.gz: column ViewPosition missing"),
        ("split", lambda d: d.replace(b",split", b",fold"), r"split.csv.gz: column split missing; it has: dicom_id"),
        ("split", lambda d: d.replace(b"validate", b"valid"), r"split.csv.gz: unknown split 'valid'"),
        ("split", lambda d: b"\n".join(d.split(b"\n")[:9]) + b"\n", r"split.csv.gz: \d+ of \d+ images of .* no split"),
    ],
    ids=["no time", "no view", "no split column", "another word", "another version"],
)
def test_tables_that_do_not_fit_are_named(copy, tmp_path, name, change, message):
    regzip(copy / "mimic-cxr-jpg" / "2.0.0" / f"mimic-cxr-2.0.0-{name}.csv.gz", change)
    with pytest.raises(InputError, match=message):
        build("findings", copy, tmp_path / "f.jsonl")
    assert not (tmp_path / "f.jsonl").exists()


def test_a_part_of_the_data_set_is_said(copy, tmp_path):
    path = copy / "mimic-cxr-jpg" / "2.0.0" / "mimic-cxr-2.0.0-metadata.csv.gz"
    regzip(path, lambda data: b"\n".join(data.split(b"\n")[:-5]) + b"\n")
    assert any("4 images of the split file" in note for note in build("findings", copy, tmp_path / "f.jsonl").notes)


def test_a_root_of_links_is_looked_through_once(tree, tmp_path):
    root = tmp_path / "links"
    root.mkdir()
    for folder in tree.iterdir():
        (root / folder.name).symlink_to(folder)
    (root / "loop").symlink_to(root)
    build("findings", root, tmp_path / "a.jsonl")
    build("findings", tree, tmp_path / "b.jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_what_is_not_below_the_root_is_named(tree, tmp_path):
    with pytest.raises(InputError, match=r"no such folder"):
        build("findings", tmp_path / "absent", tmp_path / "f.jsonl")
    with pytest.raises(InputError, match=r"no mimic-cxr-\*-metadata.csv.gz found below it; give --metadata"):
        build("findings", tmp_path, tmp_path / "f.jsonl")
    bare = tmp_path / "bare"
    shutil.copytree(tree / "mimic-cxr-jpg", bare)
    with pytest.raises(InputError, match="no reports found"):
        build("findings", bare, tmp_path / "f.jsonl")
    shutil.copytree(tree / "mimic-cxr-jpg", bare / "again")
    with pytest.raises(InputError, match="2 files match"):
        build("findings", bare, tmp_path / "f.jsonl")
    with pytest.raises(UnknownNameError, match="unknown split 'val'; did you mean"):
        one_of("split", "val", SPLITS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"question": "q"}]', "item 1: answer is missing"),
        ('[{"question": "q", "answer": "yes", "image_path": "x.jpg"}]', "item 1: answer is not a list of texts"),
        ('{"a": 1}', "is not a list of objects"),
        ('[\n{"a": }]', r"v.json:2: not valid JSON"),
    ],
)
def test_question_files_that_are_not_what_they_should_be(tree, tmp_path, text, message):
    (tmp_path / "v.json").write_text(text)
    with pytest.raises(InputError, match=message):
        build("vqa", tree, tmp_path / "v.jsonl", vqa_source=tmp_path / "v.json")
