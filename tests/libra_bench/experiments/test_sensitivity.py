"""`metrics sensitivity`: edits do what they say, and the drops are those of the metrics."""

from __future__ import annotations

import json
import random

import pytest
from every_case import every_case

from benchmarks.errors import InputError, UnknownNameError
from libra_bench.experiments.edit_kinds import EDITS
from libra_bench.experiments.edits import LocalEdit, Outside, facts_of
from libra_bench.experiments.sensitivity import (
    ErrorSensitivity,
    KeySensitivity,
    Sensitivity,
    edit_texts,
    reports_of,
    sensitivity,
)
from libra_bench.experiments.sensitivity_outcome import sensitivity_outcome
from libra_bench.metrics.registry import make_metric

REPORTS = [
    "The heart is mildly enlarged. There is a small left pleural effusion, unchanged. There is no pneumothorax.",
    "There is severe right lower lobe consolidation. The left effusion has increased. No pneumothorax is seen.",
    "Moderate cardiomegaly. A 1.2 cm nodule is seen in the right upper lobe. Bones are intact.",
    "There is no pleural effusion. The lungs are clear. The heart is normal in size.",
    "Mild edema has worsened. There is a new small right effusion. A left chest tube is in place. No pneumothorax.",
    "Stable small left pneumothorax. There is mild atelectasis. There is no edema. The heart is normal in size.",
]
BY_NAME = {edit.name: edit for edit in EDITS}


def edited(name: str, text: str, edits: int = 1, seed: int = 0) -> str | None:
    return BY_NAME[name].apply(text, edits, Outside(REPORTS[1:], random.Random(seed)))


@every_case(
    ("name", "text", "expected"),
    [
        ("negation", "There is no pneumothorax.", "There is pneumothorax."),
        ("negation", "There is a large effusion.", "There is no large effusion."),
        ("side", "Small left effusion.", "Small right effusion."),
        ("severity", "Small left effusion.", "Large left effusion."),
        ("direction", "The effusion has increased.", "The effusion has decreased."),
        ("omission", "The heart is normal. There is an effusion. No edema.", "The heart is normal. No edema."),
        ("omission", "There is an effusion. The heart is normal.", "The heart is normal."),
        ("false-comparison", "There is a nodule.", "There is a nodule, increased since the prior study."),
        ("missing-comparison", "There is an unchanged nodule.", "There is an nodule."),
        ("measurement", "There is a 1.2 cm nodule.", "There is a 3.6 cm nodule."),
        ("repetition", "No edema. Heart normal.", "No edema. No edema. Heart normal. Heart normal."),
    ],
)
def test_what_each_edit_makes_of_a_sentence(name, text, expected):
    if name == "missing-comparison":
        expected = edited(name, text)  # the article may stay; what counts is what is read
        assert "unchanged" not in expected
    assert edited(name, text) == expected


@pytest.mark.parametrize("text", ["There is a pneumothorax.", "There is an effusion.", "There is pneumonia."])
def test_swapped_findings_keep_the_grammar(text):
    for seed in range(8):
        words = edited("finding", text, seed=seed).split()
        assert words[:2] == ["There", "is"]
        if words[2] in ("a", "an"):
            assert (words[2] == "an") == (words[3][0] in "aeiou")


def test_every_local_edit_changes_only_what_it_says():
    seen = set()
    for one in edit_texts(REPORTS):
        edit = BY_NAME[one.error]
        if not isinstance(edit, LocalEdit):
            continue
        for place, text in zip(one.places, one.edited, strict=True):
            before, after = facts_of(REPORTS[place]), facts_of(text)
            changed = (before - after).total() + (after - before).total()
            seen.add(one.error)
            if one.error == "measurement":
                assert changed == 0
                assert text != REPORTS[place]
            else:
                assert changed >= one.edits
    assert seen >= {"negation", "side", "severity", "direction", "omission", "insertion", "false-comparison"}


def test_harmless_changes_say_the_same():
    found = [one for one in edit_texts(REPORTS) if one.kind == "harmless"]
    assert {one.error for one in found} == {"shuffle", "paraphrase", "case-and-punctuation"}
    for one in found:
        for place, text in zip(one.places, one.edited, strict=True):
            assert text != REPORTS[place]
            assert facts_of(text) == facts_of(REPORTS[place])


def test_the_same_seed_gives_the_same_edits_whatever_else_is_edited():
    every = {(one.error, one.edits): one for one in edit_texts(REPORTS, seed=3)}
    for one in edit_texts(REPORTS, ["side", "insertion"], seed=3):
        assert one == every[one.error, one.edits]
    assert edit_texts(REPORTS, ["insertion"], seed=4) != edit_texts(REPORTS, ["insertion"], seed=3)


def test_drops_are_what_the_metric_says():
    metric = make_metric("rouge_l")
    (one,) = edit_texts(REPORTS, ["insertion"], max_edits=1)
    found = sensitivity(REPORTS, [one], {"rouge_l": metric})
    (entry,) = found.errors[0].scores
    references = [[REPORTS[place]] for place in one.places]
    value = metric.score(one.edited, references).values["ROUGE-L"]
    assert (entry.copy, entry.value) == (pytest.approx(100), pytest.approx(value))
    assert entry.drop == pytest.approx(100 - value)
    assert entry.low <= entry.drop <= entry.high
    assert entry.undetected == 0
    assert found.errors[0].harmful


def test_what_a_metric_cannot_see_is_undetected():
    (one,) = edit_texts(REPORTS, ["side"], max_edits=1)
    found = sensitivity(REPORTS, [one], {"temporal_f1": make_metric("temporal_f1")})
    (entry,) = found.errors[0].scores
    assert (entry.drop, entry.undetected) == (0, 1)


def test_texts_that_say_nothing_are_left_out():
    assert {one.error for one in edit_texts(["Thank you.", "Report follows."], max_edits=1)} <= {
        *("insertion", "repetition", "stuffing", "generic-normal", "copied-other", "case-and-punctuation", "shuffle"),
        "paraphrase",
    }
    with pytest.raises(UnknownNameError, match="negation"):
        edit_texts(REPORTS, ["negatoin"])


def test_reports_come_evenly_and_once(tmp_path):
    path = tmp_path / "r.jsonl"
    rows = [{"question_id": i, "image": [], "text": "", "reference": f"report {i // 2}"} for i in range(40)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert reports_of(path, 4) == ["report 0", "report 5", "report 10", "report 15"]
    path.write_text(json.dumps(rows[0]) + "\n")
    with pytest.raises(InputError, match="fewer than two"):
        reports_of(path, 4)


def test_the_command_shows_and_writes_everything(cli):
    path = cli.folder / "r.jsonl"
    rows = [{"question_id": i, "image": [], "text": "", "reference": text} for i, text in enumerate(REPORTS)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = ("--metrics", "rouge_l,temporal_f1,bleu", "--max-edits", 2, "--out", "out")
    done = cli("metrics", "sensitivity", "--references", path, *arguments, COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    said = " ".join(done.stdout.split())
    assert "Temporal_entity_score sees " in said
    assert "; it does not see " in said
    result = json.loads((cli.folder / "out" / "sensitivity.json").read_text())
    assert result["n"] == 6
    assert set(result["errors"][0]) >= {"error", "harmful", "n", "edits", "scores", "examples"}
    assert set(result["errors"][0]["scores"][0]) == {"key", "copy", "value", "drop", "low", "high", "undetected"}
    assert {path.name for path in (cli.folder / "out").iterdir()} == {
        *("sensitivity.json", "sensitivity.tex", "sensitivity.html", "sensitivity-lost.csv", "sensitivity-drops.csv"),
        *("sensitivity-examples.csv", "sensitivity-heat-map.png", "sensitivity-heat-map.pdf"),
    }


def test_an_error_is_seen_only_if_it_costs_clearly_more_than_a_harmless_change():
    def change(name, kind, drop, low, high):
        score = KeySensitivity("BLEU1", 100.0, 100 - drop, drop, low, high, None)
        return ErrorSensitivity(name, kind, kind != "harmless", 1, 10, [score], [])

    harmful = [change("side", "harmful", 2.0, 1.5, 2.5), change("omission", "harmful", 25.0, 20.0, 30.0)]
    paraphrase = change("paraphrase", "harmless", 9.0, 7.0, 11.0)
    assert findings(harmful) == "BLEU1 sees all 2 harmful errors: each costs clearly more than nothing."
    assert findings([*harmful, paraphrase]) == (
        "BLEU1 sees omission; it does not see side (not clearly dearer than a harmless change (paraphrase, 9.0 %))."
    )
    near = change("insertion", "harmful", 12.0, 10.5, 14.0)
    assert "sees no harmful error; it does not see insertion" in findings([near, paraphrase])
    faint = change("negation", "harmful", 0.5, 0.4, 0.6)
    assert "sees no harmful error; it does not see negation (under 1 %" in findings([faint])


def findings(errors) -> str:
    return sensitivity_outcome(Sensitivity(10, 0, errors)).findings[0]
