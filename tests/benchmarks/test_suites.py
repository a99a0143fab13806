from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.catalog import SUITES
from benchmarks.errors import ImageError, InputError, SuiteError, UnknownNameError
from benchmarks.suites import list_suites, load_suite, read_samples

LINE = {"question_id": 1, "image": ["a.png"], "text": "Describe.", "reference": "Clear."}


def jsonl(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def table(path: Path, *records: dict[str, Any]) -> Path:
    columns = list(dict.fromkeys(key for record in records for key in record))
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        for record in records:
            cells = [record.get(column, "") for column in columns]
            writer.writerow([json.dumps(c) if isinstance(c, list | dict) else c for c in cells])
    return path


def parquet(path: Path, *records: dict[str, Any]) -> Path:
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    from pyarrow import parquet as writer

    writer.write_table(pyarrow.Table.from_pylist(list(records)), path)
    return path


def test_every_key_of_a_line_is_read_as_designed(tmp_path: Path) -> None:
    (sample,) = read_samples(
        jsonl(
            tmp_path / "s.jsonl",
            {
                "question_id": "a",
                "image": "one.png",
                "text": "Describe.",
                "findings": ["Clear.", "Lungs clear."],
                "answer": "unused",
                "labels": [],
                "subject_id": 7,
                "has_prior": True,
            },
        )
    )
    assert sample.question_id == "a"
    assert sample.images == ("one.png",)
    assert sample.references == ("Clear.", "Lungs clear.")
    assert sample.labels == ()
    assert sample.fields == {"answer": "unused", "subject_id": 7, "has_prior": True}
    assert sample.has_prior


@pytest.mark.parametrize(
    ("given", "references"),
    [
        ({"reference": "r", "findings": "f", "impression": "i", "answer": "a"}, ("r",)),
        ({"findings": "f", "impression": "i", "answer": "a"}, ("f",)),
        ({"impression": "i", "answer": "a"}, ("i",)),
        ({"answer": "a"}, ("a",)),
        ({"reference": None, "answer": "a"}, ("a",)),
        ({"reference": ""}, ("",)),
        ({"reference": [], "answer": "a"}, ()),
        ({}, ()),
    ],
)
def test_the_first_reference_key_counts(tmp_path: Path, given: dict[str, Any], references: tuple[str, ...]) -> None:
    (sample,) = read_samples(jsonl(tmp_path / "s.jsonl", {"question_id": 1, "text": "Describe.", **given}))
    assert sample.references == references


@pytest.mark.parametrize(
    ("image", "images"),
    [("a.png", ("a.png",)), (["a", "b"], ("a", "b")), ([], ()), ("", ()), (None, ())],
)
def test_images_may_be_a_path_a_list_or_absent(tmp_path: Path, image: object, images: tuple[str, ...]) -> None:
    (sample,) = read_samples(jsonl(tmp_path / "s.jsonl", {"question_id": 1, "text": "Describe.", "image": image}))
    assert sample.images == images


def test_csv_and_parquet_give_the_samples_of_jsonl(tmp_path: Path) -> None:
    records = [
        {
            "question_id": 17,
            "image": ["a.png", "b.png"],
            "text": 'Describe,\n"please".',
            "reference": "[Clear], true",
            "labels": ["yes"],
            "has_prior": False,
            "view": "PA",
        },
        {
            "question_id": 18,
            "image": ["c.png"],
            "text": "true",
            "reference": "true",
            "labels": [],
            "has_prior": True,
            "view": "AP",
        },
    ]
    expected = read_samples(jsonl(tmp_path / "s.jsonl", *records))
    assert read_samples(table(tmp_path / "s.csv", *records)) == expected
    assert read_samples(parquet(tmp_path / "s.parquet", *records)) == expected


def test_csv_keeps_ids_as_typed_and_takes_a_plain_image_path(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(b"\xef\xbb\xbfquestion_id,image,text,reference\r\n007,a.png,Describe.,\r\n8,,Describe.,Clear.\r\n")
    first, second = read_samples(path)
    assert (first.question_id, first.images, first.references) == ("007", ("a.png",), ())
    assert (second.question_id, second.images, second.references) == (8, (), ("Clear.",))


@pytest.mark.parametrize(
    ("lines", "place", "words"),
    [
        (['{"question_id": 1, "text": "x"}', '{"question_id": 2,'], 2, "not valid JSON"),
        (["[1]"], 1, "expected a JSON object, found list"),
        (['{"text": "x"}'], 1, "missing question_id"),
        (['{"question_id": true, "text": "x"}'], 1, "question_id is true/false, not a whole number or a text"),
        (['{"question_id": 1.5, "text": "x"}'], 1, "question_id is a number"),
        (['{"question_id": 1}'], 1, "the prompt (text) is empty"),
        (['{"question_id": 1, "text": "  "}'], 1, "the prompt (text) is empty"),
        (['{"question_id": 1, "text": ["x"]}'], 1, "text is a list, not a text"),
        (['{"question_id": 1, "text": "x", "image": ["a", "b", "c"]}'], 1, "3 images, at most two"),
        (['{"question_id": 1, "text": "x", "image": 5}'], 1, "image is a number"),
        (['{"question_id": 1, "text": "x", "image": ["a", null]}'], 1, "image is null"),
        (['{"question_id": 1, "text": "x", "image": ["a", ""]}'], 1, "an image path is empty"),
        (['{"question_id": 1, "text": "x", "reference": {"a": 1}}'], 1, "reference is an object"),
        (['{"question_id": 1, "text": "x", "labels": "yes"}'], 1, "labels is a text, not a list of texts"),
        (['{"question_id": 1, "text": "x", "labels": [3]}'], 1, "labels is a number"),
    ],
)
def test_a_faulty_line_is_named(tmp_path: Path, lines: list[str], place: int, words: str) -> None:
    path = tmp_path / "s.jsonl"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError) as caught:
        read_samples(path)
    assert str(caught.value).startswith(f"{path}:{place}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_duplicate_id_names_both_lines(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "s.jsonl", LINE, {**LINE, "question_id": 2}, {**LINE, "question_id": "1"})
    with pytest.raises(SuiteError, match=rf"^{path}:3: duplicate question_id '1', first at {path}:1;"):
        read_samples(path)


def test_a_csv_fault_is_named_by_the_line_where_its_row_starts(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text('question_id,text\n1,"two\nlines"\n2,""\n')
    with pytest.raises(SuiteError, match=rf"^{path}:4 \(row 3\): the prompt"):
        read_samples(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("question_id,text\n1,a,b\n", ":2: 3 cells under 2 columns"),
        ("question_id,text,text\n1,a,b\n", ":1: column 'text' occurs twice"),
        ('question_id,text\n1,"a" b\n', ":2: not valid CSV"),
        ("question_id;text\n1;a\n", ":2: missing question_id"),
        ("question_id,text\n", "holds no samples"),
        ("", "holds no samples"),
    ],
)
def test_a_faulty_csv_is_refused(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        read_samples(path)
    assert words in str(caught.value)


def test_other_encodings_and_missing_files_are_named(tmp_path: Path) -> None:
    for ending in ("csv", "jsonl"):
        path = tmp_path / f"latin.{ending}"
        path.write_bytes('{"question_id": 1, "text": "é"}\n'.encode("latin-1"))
        with pytest.raises(InputError, match="not UTF-8 text"):
            read_samples(path)
    for ending in ("csv", "jsonl", "parquet"):
        with pytest.raises(InputError, match="no such file"):
            read_samples(tmp_path / f"missing.{ending}")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(InputError, match="not a readable Parquet file"):
        read_samples(tmp_path / "bad.parquet")


def test_references_can_do_without_prompts(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "s.jsonl", {"question_id": 1, "reference": "Clear."})
    assert read_samples(path, prompts_required=False)[0].text == ""


def test_an_existing_file_wins_over_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(load_suite("demo").samples) == 66
    (tmp_path / "findings").mkdir()
    with pytest.raises(SuiteError, match="suite 'findings': needs its file"):
        load_suite("findings")
    jsonl(tmp_path / "demo", LINE)
    suite = load_suite("demo")
    assert [sample.question_id for sample in suite.samples] == [1]
    assert suite.name == "demo"


def test_a_suite_without_its_file_says_how_to_get_and_pass_it() -> None:
    for card in SUITES:
        if card.file is None:
            with pytest.raises(SuiteError) as caught:
                load_suite(card.name)
            assert card.source in str(caught.value)
            assert f"libra-bench data build {card.name} " in str(caught.value)
            assert "--data FILE" in str(caught.value)


def test_a_named_suite_takes_its_data(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "test.jsonl", LINE)
    suite = load_suite("findings", data=path)
    assert (suite.name, suite.path, suite.card.published_samples) == ("findings", path, 2461)
    with pytest.raises(SuiteError, match="a suite file and a data file"):
        load_suite(path, data=path)
    with pytest.raises(InputError, match="no such file"):
        load_suite("findings", data=tmp_path / "missing.jsonl")


def test_unknown_names_and_paths_suggest_what_exists(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'findings'"):
        load_suite("finding")
    with pytest.raises(SuiteError, match="no such suite file"):
        load_suite(tmp_path / "missing.jsonl")
    with pytest.raises(SuiteError, match="holds neither images nor a dataset"):
        load_suite(tmp_path)


def test_limit_and_image_root(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "s.jsonl", LINE, {**LINE, "question_id": 2})
    suite = load_suite(path, limit=1)
    assert len(suite.samples) == 1
    assert suite.image_root == tmp_path
    assert suite.sha256 == load_suite(path).sha256
    with pytest.raises(InputError, match="the limit must be at least 1"):
        load_suite(path, limit=0)
    with pytest.raises(SuiteError, match="no such folder"):
        load_suite(path, image_root=tmp_path / "missing")


def test_a_question_holds_no_truth_and_existing_images(tmp_path: Path) -> None:
    hidden = {"findings": "f", "impression": "i", "answer": "a", "labels": ["x"], "changes": [], "finding_labels": []}
    path = jsonl(tmp_path / "s.jsonl", {**LINE, **hidden, "view": "PA"})
    suite = load_suite(path)
    with pytest.raises(ImageError, match=r"a\.png"):
        suite.question(suite.samples[0])
    (tmp_path / "a.png").write_bytes(b"x")
    question = suite.question(suite.samples[0])
    assert question.metadata == {"view": "PA"}
    assert [image.name for image in question.images] == ["a.png"]
    assert all(image.is_file() for image in question.images)


def test_an_installed_package_adds_a_suite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jsonl(tmp_path / "theirs.jsonl", LINE)
    (tmp_path / "their_suites.py").write_text(
        "from pathlib import Path\nfrom benchmarks.catalog import SuiteCard\n"
        "CARD = SuiteCard('any', 'theirs', file=Path(__file__).with_name('theirs.jsonl'))\nWRONG = 5\n"
    )
    info = tmp_path / "theirs-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[libra_bench.suites]\ntheirs = their_suites:CARD\nbroken = no_such_module:CARD\nwrong = their_suites:WRONG\n"
        "demo = their_suites:CARD\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "their_suites", raising=False)
    assert load_suite("theirs").name == "theirs"
    assert len(load_suite("demo").samples) == 66
    with pytest.raises(SuiteError, match="'broken' cannot be imported"):
        load_suite("broken")
    with pytest.raises(SuiteError, match="'wrong' is not a SuiteCard but of type int"):
        load_suite("wrong")
    descriptions = {card.name: card.description for card in list_suites()}
    assert descriptions["theirs"] == "theirs"
    assert "cannot be imported" in descriptions["broken"]


@pytest.mark.parametrize(("name", "samples"), [("demo", 66), ("demo-vqa", 255), ("demo-diff-vqa", 138)])
def test_the_shipped_suites_are_whole(name: str, samples: int) -> None:
    suite = load_suite(name)
    assert len(suite.samples) == samples
    assert len({sample.fields["subject_id"] for sample in suite.samples}) == 20
    for sample in suite.samples:
        assert sample.references
        assert suite.question(sample).images
        assert sample.has_prior == (len(sample.images) == 2)
