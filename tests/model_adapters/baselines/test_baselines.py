"""Baselines: what they learn comes from the training file and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.errors import LibraBenchError, ModelError, UnknownNameError
from benchmarks.schema import Question
from benchmarks.suites import load_suite
from model_adapters.adapter import Decoding, ModelSpec
from model_adapters.baselines.prior_report import asked_section
from model_adapters.registry import adapter_class

NORMAL, ILL = "The lungs are clear.", "Large left effusion."


def write(folder: Path, rows: list[dict], name: str = "train.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps({"question_id": place, "text": "Describe.", **row}) + "\n"
                            for place, row in enumerate(rows)))  # fmt: skip
    return path


def texts(name: str, train: Path | None, questions: list[Question], **options) -> list[str]:
    given = {**options, **({"train": str(train)} if train else {})}
    adapter = adapter_class(name).load(ModelSpec(name, name, options=given))
    return [answer.text for answer in adapter.generate(questions, Decoding())]


def ask(prompt: str = "Describe.", images: tuple[Path, ...] = (), question_id: object = 1, **fields) -> Question:
    return Question(question_id, prompt, images, fields)


def test_normal_is_the_most_frequent_report_of_normal_studies(tmp_path):
    labelled = [{"reference": ILL, "finding_labels": ["effusion"]}] * 3 + [
        {"reference": "Once.", "finding_labels": []},
        {"reference": NORMAL, "finding_labels": []},
        {"reference": f"{NORMAL}  ", "finding_labels": ["No Finding"]},
    ]
    assert texts("normal", write(tmp_path, labelled), [ask()]) == [NORMAL]
    plain = [{"reference": ILL}, {"reference": NORMAL}, {"reference": NORMAL}, {"text": "no reference"}]
    assert texts("normal", write(tmp_path, plain), [ask()]) == [NORMAL]
    with pytest.raises(ModelError, match="no study of the training file is normal"):
        texts("normal", write(tmp_path, labelled[:3]), [ask()])


def test_a_random_report_depends_on_seed_and_question_alone(tmp_path):
    train = write(tmp_path, [{"reference": f"report {number}"} for number in range(50)])
    questions = [ask(question_id=number) for number in range(40)]
    drawn = texts("random-report", train, questions)
    assert len(set(drawn)) > 15
    assert texts("random-report", train, questions[::-1]) == drawn[::-1]
    assert texts("random-report", train, questions, seed=1) != drawn


def test_retrieval_by_words_is_that_of_scikit_learn(tmp_path):
    pytest.importorskip("sklearn")
    from sklearn.feature_extraction.text import TfidfVectorizer

    prompts = [
        "Describe. Indication: cough and fever, fever.",
        "Describe. Indication: chest pain after a fall.",
        "Describe. Indication: shortness of breath.",
        "Describe the image. Indication: fever; line placement.",
    ]
    train = write(tmp_path, [{"text": text, "reference": text} for text in prompts])
    asked = ["a fall, with pain", "fever", "Describe the breath.", "line", "cough?", "zebra"]
    vectorizer = TfidfVectorizer(token_pattern=r"\w+")
    matrix = vectorizer.fit_transform(prompts)
    similarity = (vectorizer.transform(asked) @ matrix.T).toarray()
    expected = [prompts[row.argmax()] for row in similarity.round(12)]
    assert texts("retrieval", train, [ask(text) for text in asked]) == expected
    adapter = adapter_class("retrieval").load(ModelSpec("r", "retrieval", options={"train": str(train)}))
    for row, answer in zip(similarity, adapter.generate([ask(text) for text in asked], Decoding()), strict=True):
        assert answer.metadata["similarity"] == pytest.approx(row.max(), abs=1e-6)


def test_retrieval_by_a_field(tmp_path):
    train = write(tmp_path, [{"reference": NORMAL, "indication": "fall"}, {"reference": ILL, "indication": "cough"}])
    assert texts("retrieval", train, [ask("fall", indication="cough")], by="indication") == [ILL]
    with pytest.raises(UnknownNameError, match="did you mean 'indication'"):
        texts("retrieval", train, [ask()], by="indications")


def test_retrieval_by_image_finds_the_same_picture_in_other_light(tmp_path):
    rows = []
    for number in range(4):
        picture = Image.new("L", (64, 64), 20)
        picture.paste(120, (16 * number, 8, 16 * number + 12, 60))
        picture.save(tmp_path / f"{number}.png")
        rows.append({"image": f"{number}.png", "reference": f"bar {number}"})
    train = write(tmp_path, [{"reference": "no image"}, *rows])
    Image.open(tmp_path / "2.png").point(lambda value: value + 90).resize((100, 100)).save(tmp_path / "bright.png")
    assert texts("retrieval", train, [ask(images=(tmp_path / "bright.png",))], by="image") == ["bar 2"]
    adapter = adapter_class("retrieval").load(ModelSpec("r", "retrieval", options={"train": str(train), "by": "image"}))
    (failed,) = adapter.generate([ask()], Decoding())
    assert "without an image" in failed.metadata["error"]


def test_copy_prior_report_repeats_the_suites_field():
    images = (Path("a.png"), Path("b.png"))
    questions = [ask(prior_report=ILL, images=images), ask(images=images[:1]), ask(images=images)]
    adapter = adapter_class("copy-prior-report").load(ModelSpec("c", "copy-prior-report"))
    answers = list(adapter.generate(questions, Decoding()))
    assert [answer.text for answer in answers] == [ILL, "", ""]
    assert [answer.failed for answer in answers] == [False, False, True]
    assert "no 'prior_report'" in answers[2].metadata["error"]


@pytest.mark.parametrize("name", ["demo", "demo-vqa", "demo-diff-vqa"])
def test_copy_prior_report_answers_every_study_of_the_demo(name):
    suite = load_suite(name)
    adapter = adapter_class("copy-prior-report").load(ModelSpec("c", "copy-prior-report"))
    answers = list(adapter.generate([suite.question(sample) for sample in suite.samples], Decoding()))
    assert not any(answer.failed for answer in answers)
    assert [bool(answer.text) for answer in answers] == [sample.has_prior for sample in suite.samples]


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        ("Describe the findings of this image.", "Clear lungs."),
        ("Write the IMPRESSION.", "Nothing acute."),
        ("What changed?", "Findings: Clear lungs. IMPRESSION:  Nothing acute."),
    ],
)
def test_copy_prior_report_repeats_the_section_that_is_asked_for(prompt, text):
    assert asked_section("Findings: Clear lungs. IMPRESSION:  Nothing acute.", prompt) == text
    assert asked_section("Without headings.", prompt) == "Without headings."


@pytest.mark.parametrize("name", ["normal", "random-report", "retrieval"])
def test_what_learns_needs_a_file_and_is_known_by_it(name, tmp_path):
    adapter = adapter_class(name)
    with pytest.raises(LibraBenchError, match="--train FILE"):
        adapter.load(ModelSpec(name, name))
    with pytest.raises(LibraBenchError, match="no such training file"):
        adapter.identity(ModelSpec(name, name, options={"train": str(tmp_path / "gone.jsonl")}))
    first = write(tmp_path, [{"reference": NORMAL}], "a.jsonl")
    second = write(tmp_path, [{"reference": ILL}], "b.jsonl")
    marks = [adapter.identity(ModelSpec(name, name, options={"train": str(path)})) for path in (first, second)]
    assert marks[0] != marks[1]
    with pytest.raises(ModelError, match="no study of it has a reference"):
        adapter.load(ModelSpec(name, name, options={"train": str(write(tmp_path, [{}], "c.jsonl"))}))
