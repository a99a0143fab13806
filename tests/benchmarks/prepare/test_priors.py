"""The prior images equal those of the published rule; the frontal rule equals its definition."""

from __future__ import annotations

import random

import pandas as pd
import pytest
from repository import GOLDEN

from benchmarks.errors import InputError
from benchmarks.prepare.frames import read_frame
from benchmarks.prepare.priors import PriorCounts, add_priors


def as_csv(frame: pd.DataFrame) -> str:
    return frame.to_csv(index=False, lineterminator="\n")


def test_published_rule_equals_the_oracle_from_the_rows_in_their_first_order():
    oracle = read_frame(GOLDEN / "prior_images.csv", ["input_row", "prior_image"])
    shuffled = oracle.iloc[oracle["input_row"].astype(int).argsort()].drop(columns="prior_image")
    frame, counts = add_priors(shuffled)
    assert as_csv(frame) == (GOLDEN / "prior_images.csv").read_text()
    assert counts == PriorCounts(images=307, with_prior=175, without_prior=132, ambiguous=116)


def test_published_rule_on_single_days():
    frame, counts = add_priors(read_frame(GOLDEN / "prior_images_micro.csv").drop(columns="prior_image"))
    assert as_csv(frame) == (GOLDEN / "prior_images_micro.csv").read_text()
    assert counts.with_prior == 6
    assert add_priors(frame)[0].equals(frame)  # a second time: nothing changes


def metadata(rows: list[tuple[str, str, str, str, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["subject_id", "study_id", "StudyDate", "StudyTime", "ViewPosition"])
    return frame.assign(dicom_id=[f"d{number}" for number in range(len(rows))])


def test_image_is_built_as_mimic_keeps_it():
    frame, _ = add_priors(metadata([("10000032", "50414267", "21800506", "213014.531", "PA")]))
    assert list(frame["image"]) == ["files/p10/p10000032/s50414267/d0.jpg"]
    assert list(frame["prior_image"]) == [""]


def test_an_empty_time_is_the_last_of_its_day_and_texts_are_sorted_as_texts():
    rows = [
        ("A", "1", "2020-01-01", "", "PA"),
        ("A", "2", "2020-01-01", "9", "PA"),
        ("A", "3", "2020-02-01", "1", "PA"),
    ]
    frame, _ = add_priors(metadata(rows).assign(image=["late", "early", "next"]))
    assert list(frame["image"]) == ["early", "late", "next"]
    assert list(frame["prior_image"]) == ["", "", "late"]


def test_frontal_rule_on_a_day_with_several_studies():
    rows = [
        ("1", "10", "20200101", "80000", "PA"),
        ("1", "10", "20200101", "80000", "AP"),
        ("1", "10", "20200101", "80000", "LATERAL"),
        ("1", "11", "20200101", "90000", "AP"),
        ("1", "12", "20200101", "100000", "LATERAL"),  # no frontal image: never a prior
        ("1", "13", "20200103", "70000", "PA"),
        ("2", "14", "20200104", "70000", "PA"),
    ]
    frame, counts = add_priors(metadata(rows).assign(image=list("abcdefg")), "frontal")
    assert dict(zip(frame["image"], frame["prior_image"], strict=True)) == {
        "a": "", "b": "", "c": "", "d": "b", "e": "d", "f": "d", "g": "",
    }  # fmt: skip
    assert counts == PriorCounts(7, 3, 4, 0)


def test_frontal_rule_equals_its_definition_on_random_patients():
    rng = random.Random(3)
    rows = []
    for study in range(400):
        patient, date, time = str(rng.randint(1, 40)), f"2020010{rng.randint(1, 4)}", str(rng.randint(1, 4))
        for _ in range(rng.randint(1, 4)):
            rows.append((patient, str(study), date, time, rng.choice(["PA", "AP", "LATERAL", "AP AXIAL", ""])))
    frame, counts = add_priors(metadata(rows), "frontal")
    records = frame.to_dict("records")
    studies: dict[tuple[str, str], tuple[str, str]] = {}
    for row in records:
        studies.setdefault((row["subject_id"], row["study_id"]), (row["StudyDate"], row["StudyTime"]))
    for row in records:
        now = studies[row["subject_id"], row["study_id"]]
        earlier = [
            r for r in records
            if r["subject_id"] == row["subject_id"] and r["ViewPosition"] in ("PA", "AP")
            and studies[r["subject_id"], r["study_id"]] < now
        ]  # fmt: skip
        if not earlier:
            assert row["prior_image"] == ""
            continue
        latest = max(studies[r["subject_id"], r["study_id"]] for r in earlier)
        last = [r for r in earlier if studies[r["subject_id"], r["study_id"]] == latest]
        same = [r for r in last if r["ViewPosition"] == row["ViewPosition"]]
        better = same or [r for r in last if r["ViewPosition"] == "PA"] or last
        assert row["prior_image"] == better[-1]["image"]
    assert 0 < counts.ambiguous < counts.with_prior < counts.images


@pytest.mark.parametrize("rule", ["published", "frontal"])
def test_no_rows(rule):
    frame, counts = add_priors(metadata([]), rule)
    assert (len(frame), counts) == (0, PriorCounts(0, 0, 0, 0))


def test_what_is_missing_is_named():
    frame = metadata([("1", "2", "", "9", "PA")])
    with pytest.raises(
        InputError, match=r"m.csv: columns missing: StudyTime, study_id, ViewPosition; it has: .*dicom_id"
    ):
        add_priors(frame[["subject_id", "StudyDate", "dicom_id"]], "frontal", where="m.csv")
    with pytest.raises(InputError, match="1 rows have no StudyDate, first row 1"):
        add_priors(frame)
