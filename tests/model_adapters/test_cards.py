"""Model cards: those that ship, and a user's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from every_case import every_case

from benchmarks.errors import LibraBenchError
from model_adapters.cards import card_names, read_card, shipped_card
from model_adapters.cards.image_policy import image_policy
from model_adapters.cards.prompt_hooks import HOOKS
from model_adapters.models import resolve_model
from model_adapters.registry import adapter_targets
from model_adapters.templates import TEMPLATES

REQUIRED = {
    "libra-v1.0-7b", "libra-v1.0-3b", "Med-CXRGen-F", "Med-CXRGen-I", "libra-llava-med-v1.5", "libra-llava-rad",
    "libra-maira-2", "llava-1.5-7b", "llava-med", "MAIRA-2", "LLaVA-Rad", "MedGemma-4b", "Qwen2.5-VL", "CheXagent-2",
    "libra-tiny",
}  # fmt: skip


def test_the_models_of_the_field_are_there():
    assert set(card_names()) >= REQUIRED


@every_case("name", sorted(REQUIRED))
def test_a_shipped_card_names_things_that_exist(name):
    from libra_bench.runs.protocols import PROTOCOLS

    card = shipped_card(name)
    assert card.id == name
    assert card.adapter in adapter_targets()
    assert card.hub_id or card.path
    assert card.conv_mode is None or card.conv_mode in TEMPLATES
    assert card.prompt_hook is None or card.prompt_hook in HOOKS
    assert card.protocol is None or card.protocol in PROTOCOLS
    assert name.startswith("libra-l") is False or "ported weights" in (card.note or "")


def test_a_tower_that_reads_two_images_has_a_dummy_prior():
    for name in card_names():
        card = shipped_card(name)
        assert (card.projector == "TAC") == (card.image_policy == "dummy-prior"), name


def test_a_card_that_names_no_policy_leaves_no_image_out(tmp_path: Path):
    (tmp_path / "own.yaml").write_text("id: own\nadapter: hf_vlm\npath: somewhere\n")
    spec = resolve_model(str(tmp_path / "own.yaml"))
    assert (image_policy(spec), image_policy(spec, default="dummy-prior")) == ("prior", "dummy-prior")
    one = resolve_model(str(tmp_path / "own.yaml"), options={"image_policy": "one"})
    assert image_policy(one, default="dummy-prior") == "one"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("adapter: echo\n", "has no 'id'"),
        ("id: x\n", "has no 'adapter'"),
        ("id:\nadapter: echo\n", "has no 'id'"),
        ("id: x\nadapter: echo\nimage_polisy: one\n", "did you mean 'image_policy'?"),
        ("id: x\nadapter: echo\nimage_policy: both\n", "unknown image_policy"),
        ("id: x\nadapter: echo\ntrained_on: MIMIC-CXR\n", "'trained_on' must be a list"),
        ("id: x\nadapter: echo\ntrust_remote_code: 'yes'\n", "must be true or false"),
        ("id: 7\nadapter: echo\n", "'id' must be text"),
        ("- id\n", "list of `field: value` lines"),
        ("id: [\n", "not a YAML file"),
    ],
)
def test_a_wrong_card_is_refused_in_one_line(tmp_path: Path, text, words):
    path = tmp_path / "card.yaml"
    path.write_text(text)
    with pytest.raises(LibraBenchError) as caught:
        read_card(path)
    assert words in str(caught.value)
    assert "card.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)
