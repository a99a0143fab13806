"""What people have: predictions in any common form, datasets on disk, folders of images."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.errors import InputError, SuiteError
from benchmarks.predictions import read_answers
from benchmarks.suites import load_suite, read_samples
from benchmarks.suites.folders import suite_of_folder

TEXTS = ["No change.", "", 'He said "worse", [1] it is.', "true"]
IDS = [3, 1, "b", 7]


@pytest.fixture
def references(tmp_path: Path) -> Path:
    path = tmp_path / "references.jsonl"
    rows = [{"question_id": name, "reference": f"Reference {name}."} for name in IDS]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def csv_of(column: str, *, ids: bool) -> str:
    quoted = ['"' + text.replace('"', '""') + '"' for text in TEXTS]
    rows = [f"{name},{text}" if ids else text for name, text in zip(IDS, quoted, strict=True)]
    return "\n".join([f"question_id,{column}" if ids else column, *rows]) + "\n"


FORMS = {
    "lines.txt": "\n".join(TEXTS) + "\n",
    "array.json": json.dumps(TEXTS),
    "objects.json": json.dumps([{"question_id": n, "generated": t} for n, t in zip(IDS, TEXTS, strict=True)]),
    "no_ids.json": json.dumps([{"output": text} for text in TEXTS]),
    "lines.jsonl": "".join(
        json.dumps({"question_id": n, "prediction": t}) + "\n" for n, t in zip(reversed(IDS), TEXTS[::-1], strict=True)
    ),
    "lines.json": "".join(json.dumps({"question_id": n, "text": t}) + "\n" for n, t in zip(IDS, TEXTS, strict=True)),
    "ids.csv": csv_of("prediction", ids=True),
    "no_ids.csv": csv_of("generated", ids=False),
}


@pytest.mark.parametrize("name", FORMS)
def test_predictions_in_every_form_are_the_same_answers(tmp_path: Path, references: Path, name: str) -> None:
    (tmp_path / name).write_text(FORMS[name])
    answers = read_answers(tmp_path / name, read_samples(references, prompts_required=False))
    assert {str(answer.question_id): answer.text for answer in answers} == dict(zip(map(str, IDS), TEXTS, strict=True))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("short.txt", "one\ntwo\n", ["2 answers without question_id, but 4 references", "short.txt"]),
        ("both.jsonl", '{"question_id": 3, "text": "a", "output": "b"}\n', ["which is the answer: text, output?"]),
        ("none.jsonl", '{"question_id": 3, "answer": "a"}\n', ["is missing", "text, prediction, generated, output"]),
        ("mixed.json", '["a", 1]', ["row 2", "neither an object nor a text"]),
        ("broken.json", '["a", ', ["broken.json:1", "not valid JSON"]),
        ("empty.txt", "", ["holds no answers"]),
    ],
)
def test_what_cannot_be_matched_is_one_line(tmp_path, references, name, content, words) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError) as caught:
        read_answers(tmp_path / name, read_samples(references, prompts_required=False))
    for word in words:
        assert word in str(caught.value)


def test_references_may_be_texts_alone(tmp_path: Path) -> None:
    (tmp_path / "r.txt").write_text("One.\nTwo.\n")
    (tmp_path / "r.json").write_text('["One.", "Two."]')
    for name in ("r.txt", "r.json"):
        samples = read_samples(tmp_path / name, prompts_required=False)
        assert [(one.question_id, one.references) for one in samples] == [(1, ("One.",)), (2, ("Two.",))]
        with pytest.raises(SuiteError):
            load_suite(tmp_path / "r.jsonl")


def phantom(path: Path, shade: int) -> None:
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (8, 8), shade).save(path)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_folder_of_images_is_a_suite_with_priors_by_name(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "wards"
    for number, name in enumerate(["a.png", "a_prior.jpg", "a-lateral.png", "deep/b.png", "c_prior.png"]):
        phantom(folder / name, 10 * number)
    (folder / "a.txt").write_text("Clear.\n")
    suite = load_suite(folder)
    assert suite.name == "wards"
    found = {one.question_id: one for one in suite.samples}
    assert found.keys() == {"a", "deep/b", "c_prior"}
    assert dict(found["a"].by_role) == {"current": "a.png", "lateral": "a-lateral.png", "prior": "a_prior.jpg"}
    assert found["a"].references == ("Clear.",)
    assert found["deep/b"].references == ()
    assert suite.question(found["deep/b"]).images == (folder / "deep/b.png",)
    assert "3 studies, 1 with a prior, 1 with a lateral, 1 with a reference" in suite.note
    assert suite.path.is_relative_to(cache)
    again = load_suite(suite.path, image_root=suite.image_root)
    assert (again.name, again.samples) == (suite.name, suite.samples)


def test_a_folder_without_images_is_no_suite(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SuiteError, match="neither images nor a dataset"):
        load_suite(tmp_path / "empty")
    phantom(tmp_path / "twice/x.png", 1)
    phantom(tmp_path / "twice/x.jpg", 1)
    with pytest.raises(SuiteError, match="two images of one name"):
        load_suite(tmp_path / "twice")


def test_a_dataset_on_disk_is_a_suite_and_a_file_of_predictions(tmp_path: Path, cache: Path) -> None:
    datasets = pytest.importorskip("datasets")
    for number in range(3):
        phantom(tmp_path / f"{number}.png", 50 * number)
    pictures = [str(tmp_path / f"{number}.png") for number in range(3)]
    content = {
        "image": pictures,
        "prior_image": [None, pictures[0], None],
        "impression": ["One.", "Two.", "Three."],
        "view": ["AP", None, "PA"],
    }
    image = datasets.Image()
    features = {"image": image, "prior_image": image, "impression": datasets.Value("string")}
    features = datasets.Features({**features, "view": datasets.Value("string")})
    table = datasets.Dataset.from_dict(content, features=features)
    table = table.map(lambda row: row)  # which embeds the bytes of the images
    splits = datasets.DatasetDict({"train": table, "test": table})
    splits.save_to_disk(str(tmp_path / "set"))
    suite = load_suite(tmp_path / "set")
    assert suite.name == "set"
    assert [one.question_id for one in suite.samples] == [1, 2, 3]
    assert [len(one.images) for one in suite.samples] == [1, 2, 1]
    assert suite.samples[0].references == ("One.",)
    assert "impression" in suite.samples[0].text
    assert suite.samples[2].fields["view"] == "PA"
    for sample, picture in zip(suite.samples, pictures, strict=True):
        assert suite.question(sample).images[0].read_bytes() == Path(picture).read_bytes()
    assert suite_of_folder(tmp_path / "set").file == suite.path
    (tmp_path / "set/test").rename(tmp_path / "set/validation")
    with pytest.raises(InputError, match="splits train, validation"):
        load_suite(tmp_path / "set")
    datasets.Dataset.from_dict({"generated": ["a", "b", "c"]}).save_to_disk(str(tmp_path / "answers"))
    assert [one.text for one in read_answers(tmp_path / "answers", suite.samples)] == ["a", "b", "c"]
    (tmp_path / "answers/state.json").write_text('{"_data_files": [{"filename": "gone.arrow"}]}')
    with pytest.raises(InputError, match="cannot be read as a dataset"):
        read_answers(tmp_path / "answers", suite.samples)
