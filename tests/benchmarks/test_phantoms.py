from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from benchmarks.errors import InputError, StorageError
from benchmarks.phantoms import write_phantoms
from benchmarks.phantoms.drawing import draw_study
from benchmarks.phantoms.history import Finding, Patient, Visit, direction
from benchmarks.phantoms.lateral import draw_lateral
from benchmarks.phantoms.stream import Stream
from benchmarks.phantoms.wording import change_of, changes
from benchmarks.phantoms.writing import ALIGNMENT, TASKS, findings_records, impression_records, phantom_studies
from benchmarks.suites import read_samples

STUDIES = list(phantom_studies(60, seed=3))
SIZE = 96


def picture(levels: dict[Finding, int], patient: int = 1) -> np.ndarray:
    return draw_study(Patient(9, patient, "PA", ()), Visit(1, levels, ""), SIZE).astype(float)


def zone(image: np.ndarray, side: str, top: float, bottom: float) -> np.ndarray:
    """The lateral part of one half of the picture, between two heights (0 top, 1 bottom)."""
    columns = (
        slice(int(0.12 * SIZE), int(0.32 * SIZE)) if side == "right" else slice(int(0.68 * SIZE), int(0.88 * SIZE))
    )
    return image[int(top * SIZE) : int(bottom * SIZE), columns]


def test_raw_bits_are_those_of_the_documented_generator() -> None:
    # Written down once: should numpy ever change them, every phantom would change with them.
    stream = Stream(1, 2, 3)
    assert [round(stream.uniform(), 12) for _ in range(3)] == [0.670472262652, 0.111014636669, 0.511509082395]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    counts = [write_phantoms(tmp_path / name, patients=2, seed=4, image_size=56) for name in ("a", "b")]
    assert counts[0] == counts[1]
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert len(files) == counts[0]["images"] + 7
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_more_patients_do_not_change_the_first(tmp_path: Path) -> None:
    few = [record for study in phantom_studies(2, 7) for record in findings_records(study)]
    many = [record for study in phantom_studies(4, 7) for record in findings_records(study)]
    assert many[: len(few)] == few
    other = [record for study in phantom_studies(2, 8) for record in findings_records(study)]
    assert not {record["question_id"] for record in few} & {record["question_id"] for record in other}


def test_the_picture_is_pinned() -> None:
    digest = hashlib.sha256(draw_study(STUDIES[0].patient, STUDIES[0].visit, 64).tobytes()).hexdigest()
    assert digest == "ae353dc6228b76c229f87d00937c53a92a9c5b2ac1e3c24efab9c2f4d556aef9"


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_larger_effusion_is_whiter_from_the_bottom_up(side: str) -> None:
    bright = [
        (zone(picture({Finding("pleural effusion", side): level}), side, 0.3, 0.8) > 130).mean() for level in range(4)
    ]
    assert bright == sorted(bright)
    assert min(np.diff(bright)) > 0.08


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_larger_pneumothorax_is_blacker(side: str) -> None:
    dark = [(zone(picture({Finding("pneumothorax", side): level}), side, 0.1, 0.6) < 30).mean() for level in range(4)]
    assert dark == sorted(dark)
    assert min(np.diff(dark)) > 0.08


@pytest.mark.parametrize("place", ["upper", "mid"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_larger_opacity_is_whiter_on_its_side_alone(side: str, place: str) -> None:
    images = [picture({Finding("lung opacity", side, place): level}) for level in range(4)]
    white = [zone(image, side, 0.15, 0.7).mean() for image in images]
    assert min(np.diff(white)) > 2
    other = "left" if side == "right" else "right"
    assert all(abs(zone(image, other, 0.15, 0.7) - zone(images[0], other, 0.15, 0.7)).max() < 1 for image in images)


def test_a_larger_heart_is_wider() -> None:
    width = [(picture({Finding("cardiomegaly"): level})[int(0.65 * SIZE)] > 150).sum() for level in range(4)]
    assert min(np.diff(width)) >= 4


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_line_is_seen_on_its_side(side: str) -> None:
    bare, line = (zone(picture(levels), side, 0.1, 0.45) for levels in ({}, {Finding("PICC", side): 1}))
    assert line.max() > bare.max() + 40
    assert (line > bare + 40).sum() > 15


def test_two_shots_of_the_same_state_differ_a_little() -> None:
    patient, levels = Patient(9, 1, "PA", ()), {Finding("cardiomegaly"): 1}
    first, second = (draw_study(patient, Visit(number, levels, ""), SIZE).astype(int) for number in (1, 2))
    assert 1 < abs(first - second).mean() < 25


def test_directions() -> None:
    table = {
        (0, 0): "none",
        (0, 2): "new",
        (1, 3): "larger",
        (3, 1): "smaller",
        (2, 2): "unchanged",
        (2, 0): "resolved",
    }
    assert {pair: direction(*pair) for pair in table} == table


def test_text_says_what_changed() -> None:
    words = {
        "new": {"new"},
        "larger": {"increased", "larger"},
        "smaller": {"decreased", "smaller"},
        "resolved": {"resolved", "cleared", "removed", "removal"},
        "unchanged": {"unchanged", "stable"},
    }
    every = set().union(*words.values())
    for study in STUDIES:
        (record,) = findings_records(study)
        sentences = [sentence.lower() for sentence in record["reference"].split(". ")]
        told = set(record["reference"].lower().replace(".", "").split())
        if study.prior is None:
            assert not told & every
            assert record["changes"] == []
        for finding in study.visit.levels:
            change = change_of(finding, study.visit, study.prior)
            about = [sentence for sentence in sentences if finding.name.lower() in sentence]
            about = [sentence for sentence in about if not sentence.startswith(("no ", "there is no "))]
            assert len(about) == (change != "none"), (finding, record["reference"])
            if change in words:
                assert set(about[0].rstrip(".").split()) & every <= words[change]
                assert set(about[0].rstrip(".").split()) & words[change]


def test_the_recorded_changes_are_those_of_the_visits() -> None:
    seen = Counter(way for study in STUDIES for _, way in changes(study.visit, study.prior))
    assert set(seen) == {"new", "larger", "smaller", "resolved", "unchanged"}
    assert max(seen.values()) / seen.total() < 0.3
    for study in STUDIES:
        (record,) = findings_records(study)
        assert record["has_prior"] == (study.prior is not None) == ("prior_report" in record)
        assert {(change["finding"], change["side"]) for change in record["changes"]} <= {
            (finding.kind, finding.side or None) for finding in study.visit.levels
        }


def test_answers_follow_from_the_drawing() -> None:
    presence: Counter[str] = Counter()
    for study in STUDIES:
        names = {finding.name for finding in study.visit.present}
        for record in TASKS["vqa"](study):
            if record["question_type"] == "abnormality":
                assert set(record["labels"]) == names
            if record["question_type"] == "presence":
                asked = record["text"].removeprefix("Is there ").removeprefix("a ").removesuffix("?")
                assert record["answer"] == ("yes" if asked in names else "no")
                presence[record["answer"]] += 1
        if study.prior is None:
            assert TASKS["diff-vqa"](study) == []
            continue
        difference = TASKS["diff-vqa"](study)[0]
        changed = [way for _, way in changes(study.visit, study.prior) if way != "unchanged"]
        assert len(difference["labels"]) == len(changed)
        assert (difference["answer"] == "Nothing has changed.") == (not changed)
    assert 0.35 < presence["yes"] / presence.total() < 0.65


def test_the_vocabulary_is_small() -> None:
    words = {
        word
        for study in STUDIES
        for make in TASKS.values()
        for record in make(study)
        for word in (record["text"] + " " + (record.get("reference") or record["answer"])).lower().split()
    }
    assert len(words) < 300


def test_written_files_are_suites_and_training_data(tmp_path: Path) -> None:
    counts = write_phantoms(tmp_path, patients=3, seed=0, image_size=56)
    for task in TASKS:
        assert len(read_samples(tmp_path / f"{task}.jsonl")) == counts[task]
    train = json.loads((tmp_path / "train.json").read_text())
    assert len(train) == counts["findings"] == counts["train.json"]
    assert train[0]["conversations"][0]["value"].startswith("<image>\nProvide a detailed description of the findings")
    assert [turn["from"] for turn in train[0]["conversations"]] == ["human", "gpt"]
    everything = json.loads((tmp_path / "train-align.json").read_text())
    assert len(everything) == sum(counts[task] for task in ALIGNMENT)
    assert len({sample["id"] for sample in train}) == len(train)
    assert all((tmp_path / image).is_file() for sample in everything for image in sample["image"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"patients": 0, "seed": 0}, "--patients: patients must be at least 1"),
        ({"patients": 1, "seed": -1}, "--seed: the seed must be 0 or more"),
        ({"patients": 1, "seed": 0, "image_size": 8}, "--image-size: the image size must be at least 28"),
    ],
)
def test_senseless_numbers_are_refused(tmp_path: Path, arguments: dict[str, int], words: str) -> None:
    with pytest.raises(InputError, match=words):
        write_phantoms(tmp_path, **arguments)


def test_the_prior_report_is_that_of_the_visit_before() -> None:
    written = {
        study.patient.study_id(study.visit): (findings_records(study)[0], impression_records(study)[0])
        for study in STUDIES
    }
    for study in STUDIES:
        if study.prior is not None:
            findings, impression = written[study.patient.study_id(study.prior)]
            (record,) = findings_records(study)
            told = f"Findings: {findings['reference']} Impression: {impression['reference']}"
            assert record["prior_report"] == told


def test_patients_who_stand_have_lateral_views_that_show_the_findings(tmp_path: Path) -> None:
    write_phantoms(tmp_path, patients=6, seed=3, image_size=56)
    samples = read_samples(tmp_path / "findings.jsonl")
    assert {bool(sample.laterals) for sample in samples} == {True, False}
    for sample in samples:
        assert bool(sample.laterals) == (sample.fields["view"] == "PA")
        assert ("prior_lateral" in sample.laterals) == (bool(sample.laterals) and sample.has_prior)
        assert all((tmp_path / path).is_file() for path in sample.by_role.values())
    patient = Patient(9, 1, "PA", ())
    clear, fluid = (
        draw_lateral(patient, Visit(1, {Finding("pleural effusion", "left"): level}, ""), 96).astype(float)
        for level in (0, 3)
    )
    assert (fluid - clear)[45:70, 50:75].mean() > 20


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write"):
        write_phantoms(tmp_path / "file", patients=1, seed=0)
