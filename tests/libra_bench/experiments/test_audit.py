"""`audit`: the same studies asked otherwise; models that do not look show no difference at all."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from benchmarks.catalog import CONTEXT, FINDINGS_PROMPT
from benchmarks.errors import UnknownNameError
from benchmarks.images import read_grey_or_colour
from benchmarks.schema import Sample
from libra_bench.experiments.arm_images import REDRAWN
from libra_bench.experiments.arms import ARMS, ask_arm, chosen_arms, studies_of

LOOKER = """
from PIL import Image
def describe(questions):
    texts = []
    for question in questions:
        grey = [sum(Image.open(path).convert("L").resize((8, 8)).tobytes()) for path in question.images]
        severity = ["Mild", "Moderate", "Severe"][grey[0] % 3]
        change = "is seen" if len(grey) < 2 else ("has increased" if grey[0] > grey[1] else "has decreased")
        texts.append(f"{severity} edema {change}.")
    return texts
"""


def sample(number: int, patient: str, prior: bool = False, context: str = "") -> Sample:
    images = (f"{number}.png", f"{number}-prior.png") if prior else (f"{number}.png",)
    text = f"{FINDINGS_PROMPT} {CONTEXT} {context}" if context else FINDINGS_PROMPT
    return Sample(number, images, text, ("No edema.",), fields={"subject_id": patient, "view": "AP"})


SAMPLES = [
    *(sample(1, "a", prior=True, context="Indication: cough."), sample(2, "a")),
    *(sample(3, "b", prior=True, context="Indication: pain."), sample(4, "c"), sample(5, "d", prior=True)),
]


def asked(name: str, samples=SAMPLES, seed: int = 0):
    (arm,) = chosen_arms([name])
    return ask_arm(arm, studies_of(samples, seed)).samples


def test_other_patients_images_are_never_the_patients_own():
    for seed in range(10):
        for before, after in zip(SAMPLES, asked("other-patient", seed=seed), strict=True):
            donor = next(one for one in SAMPLES if one.images == after.images)
            assert donor.fields["subject_id"] != before.fields["subject_id"]
            assert len(after.images) == len(before.images)
            assert after.text == before.text
    assert len({tuple(one.images for one in asked("other-patient", seed=seed)) for seed in range(10)}) > 1
    assert asked("other-patient") == asked("other-patient")


def test_arms_of_the_prior_are_about_studies_with_one():
    assert [one.images for one in asked("no-prior")] == [("1.png",), ("3.png",), ("5.png",)]
    assert asked("repeated-prior")[0].images == ("1.png", "1.png")
    assert asked("swapped-order")[0].images == ("1-prior.png", "1.png")
    for one in asked("other-prior"):
        assert one.images[0] == f"{one.question_id}.png"
        assert one.images[1] != f"{one.question_id}-prior.png"


def test_the_prior_report_and_the_lateral_images_go_with_the_images():
    told = [
        replace(one, fields={**one.fields, "prior_report": f"of {one.question_id}"}, laterals={"lateral": "l", **more})
        if len(one.images) == 2
        else one
        for one, more in zip(SAMPLES, [{"prior_lateral": "pl"}, {}, {}, {}, {}], strict=True)
    ]
    assert [one.fields.get("prior_report") for one in asked("no-prior", told)] == [None] * 3
    assert [one.fields["prior_report"] for one in asked("repeated-prior", told)] == ["of 1", "of 3", "of 5"]
    for one in asked("other-prior", told):
        assert one.fields["prior_report"] == f"of {one.images[1].removesuffix('-prior.png')}"
        assert one.laterals == {"lateral": "l"}
    for before, after in zip(told, asked("other-patient", told), strict=True):
        donor = next(one for one in told if one.images == after.images)
        assert (after.laterals, after.fields) == (donor.laterals, before.fields)


def test_arms_of_the_words():
    bare = asked("no-context")
    assert [one.question_id for one in bare] == [1, 3]
    assert {one.text for one in bare} == {FINDINGS_PROMPT}
    others = asked("other-context")
    assert {one.text for one in others} <= {FINDINGS_PROMPT} | {one.text for one in SAMPLES}
    assert all(one.text != SAMPLES[one.question_id - 1].text for one in others)
    for number in (1, 2, 3):
        reworded = asked(f"other-prompt-{number}")
        assert len(reworded) == 5
        assert reworded[0].text.endswith(f"{CONTEXT} Indication: cough.")
        assert FINDINGS_PROMPT not in reworded[0].text


def test_what_cannot_be_asked_says_why():
    lonely = [sample(1, "a"), sample(2, "a")]
    assert asked("other-patient", lonely) == []
    assert asked("no-prior", lonely) == []
    assert all(arm.why_not for arm in ARMS)
    with pytest.raises(UnknownNameError, match="blank"):
        chosen_arms(["blnk"])
    assert {arm.name for arm in chosen_arms(["robustness"])} == {*REDRAWN} - {"blank", "noise"}


@pytest.mark.parametrize("how", REDRAWN)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_redrawn_pictures(how, mode, tmp_path):
    shape = (40, 60) if mode == "L" else (40, 60, 3)
    values = np.random.default_rng(0).integers(40, 200, shape, dtype=np.uint8)
    drawn = REDRAWN[how](Image.fromarray(values), "0:x.png")
    drawn.save(tmp_path / "x.png")
    back = np.asarray(read_grey_or_colour(tmp_path / "x.png"), dtype=float)
    assert drawn.size == ((54, 36) if how == "crop" else (60, 40))
    if how in ("blank", "noise"):
        assert back.mean() == pytest.approx(values.mean(), abs=2)
        assert back.std() == pytest.approx(0 if how == "blank" else values.std(), abs=3)
    assert (np.asarray(REDRAWN[how](Image.fromarray(values), "0:x.png")) == np.asarray(drawn)).all()
    if how == "noise":
        assert (np.asarray(REDRAWN[how](Image.fromarray(values), "1:x.png")) != np.asarray(drawn)).any()


def audit(program, *arguments, **environment):
    done = program("audit", "--suite", "demo", *arguments, "--metrics", "rouge_l,temporal_f1", "--json", **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done


@pytest.mark.slow
def test_a_model_that_does_not_look_shows_no_difference(cli):
    found, _ = audit(cli, "--model", "constant", "--n", 8)
    assert {arm["arm"] for arm in found["arms"]} == {arm.name for arm in ARMS if arm.subject != "robustness"}
    for arm in found["arms"]:
        assert arm["identical_texts"] == 1
        assert {score["difference"] for score in arm["scores"]} == {0}
    assert found["verdicts"][0].endswith("No: all texts are identical.")
    (folder,) = (cli.folder / "audits/demo/constant").iterdir()
    assert "What the model looks at" in (folder / "runs/baseline/report.html").read_text()
    assert {path.name for path in folder.iterdir()} >= {
        "audit.json",
        "audit.html",
        "audit.tex",
        "audit-arms.constant.png",
    }


def test_a_model_that_looks_turns_its_directions_and_a_second_call_asks_nothing(cli):
    (cli.folder / "looker.py").write_text(LOOKER)
    arguments = ("--model", "looker:describe", "--n", 24, "--arms", "blank,swapped-order,no-prior", "--out", "out")
    found, _ = audit(cli, *arguments)
    arms = {arm["arm"]: arm for arm in found["arms"]}
    flips = arms["swapped-order"]["direction_flips"]
    assert flips["n"] > 0
    assert flips["share"] > 0.9
    assert arms["no-prior"]["comparisons"] == {"n": arms["no-prior"]["n"], "share": 0}
    assert arms["blank"]["direction_flips"] is None
    (cli.folder / "looker.py").write_text("def describe(questions):\n    raise SystemExit('asked again')\n")
    answers = [path.read_text() for path in sorted((cli.folder / "out").glob("runs/*/answers.jsonl"))]
    again = cli("audit", "--suite", "demo", *arguments, "--metrics", "rouge_l,temporal_f1", "--json")
    if again.returncode == 0:  # another function is another model, so the folder may refuse it instead
        assert json.loads(again.stdout)["arms"] == found["arms"]
    else:
        assert "another run" in again.stderr
    assert [path.read_text() for path in sorted((cli.folder / "out").glob("runs/*/answers.jsonl"))] == answers


def test_an_arm_that_the_model_cannot_be_asked_is_named_and_left_out(cli):
    (cli.folder / "picky.py").write_text(
        "def describe(questions):\n"
        "    if any(len(question.images) == 1 and question.metadata['has_prior'] for question in questions):\n"
        "        raise ValueError('two images, please')\n"
        "    return ['No effusion.' for question in questions]\n"
    )
    found, _ = audit(cli, "--model", "picky:describe", "--n", 8, "--arms", "no-prior,swapped-order", "--out", "out")
    assert [arm["arm"] for arm in found["arms"]] == ["swapped-order"]
    assert "two images, please" in found["skipped"]["no-prior"]


def test_the_same_command_generates_nothing_twice(cli):
    arguments = ("--model", "constant", "--n", 8, "--arms", "blank,no-prior", "--out", "out")
    first, _ = audit(cli, *arguments)
    second, done = audit(cli, *arguments)
    assert second == first
    assert "8 of them answered already" in done.stderr


@pytest.mark.slow
def test_libra_tiny_looks_at_the_image_and_the_prior(program):
    found, _ = audit(program, "--model", "libra-tiny")
    arms = {arm["arm"]: arm for arm in found["arms"]}
    for name in ("blank", "other-patient"):
        for score in arms[name]["scores"]:
            assert score["difference"] < 0, (name, score)
            assert score["high"] < 0
    assert arms["swapped-order"]["direction_flips"]["share"] > 0.4
    assert arms["repeated-prior"]["same_as"] == "no-prior"
    assert arms["repeated-prior"]["scores"] == arms["no-prior"]["scores"]


@pytest.mark.slow
def test_labels_turn_around_with_the_images(program):
    asked = ("--suite", "demo-temporal", "--model", "libra-tiny", "--n", 16, "--arms", "swapped-order")
    done = program("audit", *asked, "--metrics", "temporal_labels", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    (arm,) = found["arms"]
    assert arm["labels_reversed"]["n"] > 20
    assert arm["labels_reversed"]["share"] > 0.4
    assert any("then said to have reversed" in verdict for verdict in found["verdicts"])
