"""Images by role: current, lateral, prior, prior_lateral, in every format and wherever samples are written again."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.errors import ImageError, InputError, SuiteError
from benchmarks.prepare.export import write_csv
from benchmarks.suites import load_suite, read_samples

ALL = {"current": "c.png", "lateral": "l.png", "prior": "p.png", "prior_lateral": "q.png"}


def suite(path: Path, image: object, **fields: object) -> Path:
    line = {"question_id": 1, "image": image, "text": "Describe.", "reference": "Clear.", **fields}
    path.write_text(json.dumps(line) + "\n")
    return path


def test_an_object_names_the_role_of_each_image(tmp_path: Path) -> None:
    (sample,) = read_samples(suite(tmp_path / "s.jsonl", {role: ALL[role] for role in reversed(ALL)}))
    assert sample.images == ("c.png", "p.png")
    assert sample.laterals == {"lateral": "l.png", "prior_lateral": "q.png"}
    assert list(sample.by_role.items()) == list(ALL.items())
    assert sample.image_value == ALL
    assert sample.has_prior


@pytest.mark.parametrize(
    ("image", "same_as"), [({"current": "a"}, ["a"]), ({"prior": "b", "current": "a"}, ["a", "b"])]
)
def test_an_object_without_laterals_is_the_same_study_as_the_list(
    tmp_path: Path, image: object, same_as: object
) -> None:
    assert read_samples(suite(tmp_path / "a.jsonl", image)) == read_samples(suite(tmp_path / "b.jsonl", same_as))


def test_csv_and_parquet_hold_the_same_object(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    from pyarrow import parquet

    lines = [{"question_id": n, "image": image, "text": "D."} for n, image in enumerate([ALL, {"current": "x"}])]
    (tmp_path / "s.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    expected = read_samples(tmp_path / "s.jsonl")
    with (tmp_path / "s.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerows(
            [["question_id", "image", "text"], *([n, json.dumps(i), t] for n, i, t in map(dict.values, lines))]
        )
    parquet.write_table(pyarrow.Table.from_pylist(lines), tmp_path / "s.parquet")
    assert read_samples(tmp_path / "s.csv") == expected
    assert read_samples(tmp_path / "s.parquet") == expected


def test_a_question_has_the_files_of_every_role(tmp_path: Path) -> None:
    for name in ALL.values():
        (tmp_path / name).touch()
    loaded = load_suite(suite(tmp_path / "s.jsonl", ALL))
    question = loaded.question(loaded.samples[0])
    assert question.by_role == {role: tmp_path / name for role, name in ALL.items()}
    (tmp_path / "q.png").unlink()
    with pytest.raises(ImageError, match=r"q\.png: no such image"):
        loaded.question(loaded.samples[0])


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ({"lateral": "l"}, "a lateral image without a current one"),
        ({"current": "c", "prior_lateral": "q"}, "a prior_lateral image without a prior one"),
        ({"current": "c", "latral": "l"}, "'latral'; did you mean 'lateral'"),
        ({"current": "c", "lateral": ["l", "m"]}, "the lateral image is a list, not a text"),
        ({"current": "c", "lateral": ""}, "the path of the lateral image is empty"),
        ({"current": "c", "lateral": "c"}, "one file as current and as lateral: c"),
        (["a", "b", "c"], "3 images, at most two are possible in a list"),
    ],
)
def test_roles_that_make_no_study_are_refused_with_their_line(tmp_path: Path, image: object, message: str) -> None:
    with pytest.raises(InputError, match=r"s\.jsonl:1: .*") as refused:
        read_samples(suite(tmp_path / "s.jsonl", image))
    assert message in str(refused.value)


def test_a_role_twice_is_refused_in_every_format(tmp_path: Path) -> None:
    (tmp_path / "s.jsonl").write_text('{"question_id": 1, "image": {"current": "a", "current": "b"}, "text": "D."}\n')
    with pytest.raises(InputError, match="'current' occurs twice in one object"):
        read_samples(tmp_path / "s.jsonl")
    (tmp_path / "s.csv").write_text('question_id,image,text\n1,"{""current"": ""a"", ""current"": ""b""}",D.\n')
    with pytest.raises(SuiteError, match="each role once"):
        read_samples(tmp_path / "s.csv")


@pytest.mark.parametrize(
    ("dates", "message"),
    [
        ({"study_date": "2024-01-01", "prior_date": "2024-02-01"}, "is newer than the current one"),
        ({"study_date": "yesterday"}, "study_date is 'yesterday', not an ISO date"),
        ({"study_date": 20240101}, "study_date is a number, not a text"),
        ({"age": [50]}, "age is a list"),
        ({"sex": 1}, "sex is a number, not a text"),
    ],
)
def test_dates_and_the_patients_facts_are_checked(tmp_path: Path, dates: dict[str, object], message: str) -> None:
    with pytest.raises(SuiteError, match=message):
        read_samples(suite(tmp_path / "s.jsonl", ["a", "b"], **dates))


def test_a_prior_of_the_same_day_is_a_prior(tmp_path: Path) -> None:
    dates = {"study_date": "20240501", "prior_date": "2024-05-01T23:00"}
    (sample,) = read_samples(suite(tmp_path / "s.jsonl", ["a", "b"], **dates, age=61, sex="F"))
    assert sample.fields["age"] == 61


def test_an_exported_table_has_a_column_per_role(tmp_path: Path) -> None:
    samples = read_samples(suite(tmp_path / "s.jsonl", ALL))
    write_csv(samples, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(encoding="utf-8-sig") as stream:
        (row,) = csv.DictReader(stream)
    found = [row[name] for name in ("image", "lateral_image", "prior_image", "prior_lateral_image")]
    assert found == list(ALL.values())
    assert [*read_samples(tmp_path / "t.csv")] == [*samples]


@pytest.mark.parametrize(
    ("row", "by_role"),
    [
        ({"image": "c", "prior_image": "p"}, {"current": "c", "prior": "p"}),
        ({"image": ["c"], "prior_image": "p", "lateral_image": "l"}, {"current": "c", "lateral": "l", "prior": "p"}),
        ({"image": ["c", "p"], "prior_image": "p"}, {"current": "c", "prior": "p"}),
        ({"image": {"current": "c", "prior": "p"}, "prior_lateral_image": "q"},
         {"current": "c", "prior": "p", "prior_lateral": "q"}),
        ({"image": "c", "prior_image": ""}, {"current": "c"}),
    ],
)  # fmt: skip
def test_an_image_may_have_a_field_of_its_own(tmp_path: Path, row: dict[str, Any], by_role: dict[str, str]) -> None:
    (tmp_path / "s.jsonl").write_text(json.dumps({"question_id": 1, "text": "q", **row}))
    (sample,) = read_samples(tmp_path / "s.jsonl")
    assert sample.by_role == by_role
    assert not any(sample.fields.values())


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"image": ["c", "p"], "prior_image": "other"}, "two prior images: p and other"),
        ({"prior_image": "p"}, "a prior image without a current one"),
        ({"image": "c", "prior_lateral_image": "q"}, "a prior_lateral image without a prior one"),
    ],
)
def test_images_in_fields_must_go_together(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    (tmp_path / "s.jsonl").write_text(json.dumps({"question_id": 1, "text": "q", **row}))
    with pytest.raises(SuiteError, match=message):
        read_samples(tmp_path / "s.jsonl")
