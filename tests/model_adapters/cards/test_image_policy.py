"""Which images a model sees, and what of a suite it leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.errors import InputError
from benchmarks.schema import Question, Sample
from model_adapters.adapter import ModelSpec
from model_adapters.cards.image_policy import POLICY_ROLES, left_out, parts_read, shown_images
from model_adapters.models import resolve_model
from model_adapters.registry import adapter_class

FILES = {role: Path(f"{role}.png") for role in ("current", "lateral", "prior", "prior_lateral")}
FULL = Question(
    1, "Describe.", (FILES["current"], FILES["prior"]), {}, {role: FILES[role] for role in ("lateral", "prior_lateral")}
)
ALONE = Question(1, "Describe.", (FILES["current"],))


@pytest.mark.parametrize("policy", POLICY_ROLES)
def test_a_policy_shows_its_roles_in_one_order(policy):
    assert shown_images(FULL, policy) == {role: FILES[role] for role in POLICY_ROLES[policy]}
    expected = {"current": FILES["current"]} | ({"prior": FILES["current"]} if policy == "dummy-prior" else {})
    assert shown_images(ALONE, policy) == expected
    assert shown_images(Question(1, "Describe.", ()), policy) == {}


def test_three_frontal_images_are_refused():
    with pytest.raises(InputError, match="3 images in one study"):
        shown_images(Question(1, "x", (Path("a"),) * 3), "prior")


def test_what_a_model_does_not_read_is_counted():
    samples = [
        Sample(1, ("a", "b"), "x", fields={"prior_report": "Clear."}, laterals={"lateral": "l"}),
        Sample(2, ("c", "c"), "x", fields={"prior_report": ""}),
        Sample(3, (), "x"),
    ]
    assert left_out(samples, {"current"}) == {"lateral": 1, "prior": 1, "prior_report": 1}
    assert left_out(samples, {"current", "lateral", "prior", "prior_report"}) == {}
    assert left_out(samples, None) == {}


def test_models_say_what_they_read():
    spec = ModelSpec("m", "hf_vlm", card={"prompt_hook": "maira_2", "image_policy": "lateral-prior"})
    assert parts_read(spec) == {"current", "lateral", "prior", "prior_report"}
    assert parts_read(ModelSpec("m", "hf_vlm")) == {"current", "prior"}
    tiny = resolve_model("libra-tiny")
    assert adapter_class("libra").reads(tiny) == {"current", "prior"}
    assert adapter_class("echo").reads(resolve_model("echo")) is None
