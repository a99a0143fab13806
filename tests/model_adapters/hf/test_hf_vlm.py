"""Vision-language models in Hugging Face's format, held to transformers' own processor and generate."""

from __future__ import annotations

import functools
import importlib.util
import json
from pathlib import Path

import pytest
import tiny_vlms
import torch
from PIL import Image

from benchmarks.catalog import DEMO
from benchmarks.errors import InputError, LibraBenchError, ModelError
from benchmarks.schema import Question
from model_adapters.adapter import Decoding, ModelSpec
from model_adapters.hf.adapter import HFVisionLanguageAdapter

IMAGES = sorted((DEMO / "images").rglob("*.png"))[:8]
FAMILIES = {
    make.__name__: make for make in (tiny_vlms.llava, tiny_vlms.llava_next, tiny_vlms.gemma3, tiny_vlms.idefics3)
}
PROMPT = "provide a description of the findings in the radiology image"


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vlms")
    return {name: make(folder / name) for name, make in FAMILIES.items()}


def load(folder: Path, batch_size: int = 1, card: dict | None = None, **spec) -> HFVisionLanguageAdapter:
    return HFVisionLanguageAdapter.load(
        ModelSpec("x", "hf_vlm", path=str(folder), device="cpu", batch_size=batch_size, card=card or {}, **spec)
    )


def questions(n: int = 5) -> list[Question]:
    """One and two images, prompts of several lengths."""
    return [
        Question(number, PROMPT + " no effusion" * (number % 3), tuple(IMAGES[number : number + 1 + number % 2]))
        for number in range(n)
    ]


@functools.cache
def of_transformers(folder: Path) -> tuple:
    """A checkpoint's processor and model as transformers loads them."""
    from transformers import AutoModelForImageTextToText, AutoProcessor, GenerationConfig

    model = AutoModelForImageTextToText.from_pretrained(folder)
    model.generation_config = GenerationConfig(eos_token_id=2, pad_token_id=0)
    return AutoProcessor.from_pretrained(folder, backend="pil"), model


def plain(folder: Path, question: Question, **settings) -> str:
    """What transformers itself writes, one study at a time."""
    processor, model = of_transformers(folder)
    content = [{"type": "image", "image": Image.open(path).convert("RGB")} for path in question.images]
    conversation = [{"role": "user", "content": [*content, {"type": "text", "text": question.prompt}]}]
    inputs = processor.apply_chat_template(
        conversation, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    output = model.generate(**inputs, max_new_tokens=16, do_sample=False, **settings)
    return processor.tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True).strip()


@pytest.mark.parametrize(
    ("family", "beams"),
    [
        *((family, 3) for family in FAMILIES),
        ("llava", 1),
        *(pytest.param(family, 1, marks=pytest.mark.slow) for family in FAMILIES if family != "llava"),
    ],
)
def test_the_text_is_that_of_transformers_at_any_batch_size(checkpoints, family, beams):
    expected = {
        question.question_id: plain(
            checkpoints[family], question, num_beams=beams, length_penalty=2.0, no_repeat_ngram_size=3
        )
        for question in questions()
    }
    assert len(set(expected.values())) > 1
    decoding = Decoding(num_beams=beams, length_penalty=2.0, no_repeat_ngram_size=3, max_new_tokens=16)
    for batch_size in (1, 3, 5):
        answers = list(load(checkpoints[family], batch_size).generate(questions(), decoding))
        assert {answer.question_id: answer.text for answer in answers} == expected


def test_it_says_why_a_text_ends(checkpoints):
    decoding = Decoding(max_new_tokens=100)
    answers = list(load(checkpoints["llava"], 5).generate(questions(), decoding))
    assert {answer.finish for answer in answers} == {"stop", "length"}
    for answer in answers:
        if answer.finish == "length":
            assert answer.metadata["new_tokens"] == 100
        else:
            shorter = Decoding(max_new_tokens=answer.metadata["new_tokens"])
            asked = [question for question in questions() if question.question_id == answer.question_id]
            (again,) = load(checkpoints["llava"]).generate(asked, shorter)
            assert (again.finish, again.text) == ("stop", answer.text)  # the end token counts as a token


def test_beams_are_kept_as_alternatives_best_first(checkpoints):
    decoding = Decoding(num_beams=4, num_return_sequences=3, max_new_tokens=6)
    for answer in load(checkpoints["llava"], 2).generate(questions(3), decoding):
        scores = [entry["score"] for entry in answer.metadata["alternatives"]]
        assert len(scores) == 3
        assert scores == sorted(scores, reverse=True)
        assert answer.metadata["alternatives"][0]["text"] == answer.text


def test_sampling_depends_on_seed_and_study_and_not_on_the_batch(checkpoints):
    def texts(batch_size: int, asked: list[Question], seed: int = 0) -> dict:
        decoding = Decoding(temperature=1.0, top_p=0.9, seed=seed, max_new_tokens=8)
        return {a.question_id: a.text for a in load(checkpoints["llava"], batch_size).generate(asked, decoding)}

    everything = texts(1, questions())
    assert texts(4, questions()[::-1]) == everything
    assert texts(4, questions()[3:]) == {key: everything[key] for key in (3, 4)}
    assert texts(4, questions(), seed=1) != everything


def test_the_image_policy_decides_what_is_seen(checkpoints):
    study = Question(1, PROMPT, tuple(IMAGES[:2]))
    alone = Question(1, PROMPT, tuple(IMAGES[:1]))

    def tokens(question: Question, policy: str | None) -> int | None:
        return load(checkpoints["llava"], card={"image_policy": policy}).render(question).num_tokens

    assert tokens(study, "prior") == tokens(alone, "dummy-prior") > tokens(study, "one") == tokens(alone, "prior")
    assert tokens(study, None) == tokens(study, "prior")  # without a card, nothing is left out


def test_a_hook_places_the_images_and_stretches_their_grey(checkpoints, tmp_path):
    Image.new("L", (40, 40), 50).save(tmp_path / "flat.png")
    ramp = Image.linear_gradient("L").point(lambda value: 60 + value // 4)
    ramp.save(tmp_path / "ramp.png")
    adapter = load(checkpoints["llava"], card={"prompt_hook": "maira_2", "image_policy": "prior"})
    question = Question(1, "Describe.", (tmp_path / "ramp.png", tmp_path / "flat.png"), {"indication": "fever"})
    text = adapter.render(question).text
    assert "Given the current frontal image <image>  and the prior frontal image <image>  PRIOR_REPORT: N/A" in text
    assert "INDICATION: fever TECHNIQUE: N/A" in text
    current, prior = adapter.generator.prompts.prepare(question).images
    assert current.getextrema() == (0, 255)
    assert prior.getextrema() == (0, 0)
    expected = [int((value - 60) / 63 * 255) for value in ramp.tobytes()]
    assert list(current.tobytes()) == expected


def test_other_types_of_weights(checkpoints):
    adapter = load(checkpoints["llava"], 2, dtype="bfloat16")
    assert adapter.describe()["dtype"] == "bfloat16"
    assert not any(answer.failed for answer in adapter.generate(questions(2), Decoding(max_new_tokens=3)))


def test_a_template_can_be_named_instead_of_the_chat_template(checkpoints):
    adapter = load(checkpoints["llava"], conv_mode="vicuna_v1")
    text = adapter.render(questions()[0]).text
    assert text.endswith(f"USER: <image>\n{PROMPT} ASSISTANT:")
    (answer,) = adapter.generate(questions(1), Decoding(max_new_tokens=4))
    assert not answer.failed


def test_a_study_that_cannot_be_asked_harms_no_other(checkpoints, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    asked = [*questions(2), Question("broken", PROMPT, (tmp_path / "broken.png",)), Question("empty", " ", ())]
    asked.append(Question("long", "effusion " * 600, (IMAGES[0],)))
    answers = {a.question_id: a for a in load(checkpoints["llava"], 4).generate(asked, Decoding(max_new_tokens=3))}
    assert {key for key, answer in answers.items() if answer.failed} == {"broken", "empty", "long"}
    assert "the model has 512" in answers["long"].metadata["error"]


def test_the_identity_names_every_file_and_setting(checkpoints, tmp_path):
    def identity(**spec) -> dict:
        given = {"path": str(checkpoints["llava"]), "device": "cpu", **spec}
        return dict(HFVisionLanguageAdapter.identity(ModelSpec("x", "hf_vlm", **given)))

    assert {"model.safetensors", "tokenizer.json", "chat_template.jinja"} <= set(identity()["checkpoint"])
    for change in ({"dtype": "bfloat16"}, {"conv_mode": "v1"}, {"options": {"image_policy": "one"}}):
        assert identity(**change) != identity()


def refused(folder: Path, *words: str, **spec) -> None:
    with pytest.raises(LibraBenchError) as caught:
        load(folder, **spec)
    for word in words:
        assert word in str(caught.value), str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def copy(checkpoints, tmp_path) -> Path:
    import shutil

    return Path(shutil.copytree(checkpoints["llava"], tmp_path / "copy"))


def edit(file: Path, **fields) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def test_what_cannot_be_loaded_is_said_in_one_line(copy):
    refused(copy, "--model-base", "whole checkpoints", model_base="y")
    refused(copy, "unknown conversation mode 'vicuna_v2'", conv_mode="vicuna_v2")
    refused(copy, "4-bit weights need a CUDA device", options={"bits": 4})
    refused(copy, "unknown dtype", dtype="float64")
    edit(copy / "config.json", model_type="not_a_model")
    refused(copy, "'not_a_model' is no vision-language model", "openai:NAME")


def test_code_of_a_checkpoint_is_not_run_unasked(copy):
    (copy / "own.py").write_text(f"open({str(copy / 'was_run')!r}, 'w')\n")
    edit(
        copy / "config.json", model_type="own_model", auto_map={"AutoConfig": "own.C", "AutoModelForCausalLM": "own.M"}
    )
    refused(copy, "brings code of its own", "--trust-remote-code")
    assert not (copy / "was_run").exists()


OWN_CODE = """
from transformers import LlavaConfig, LlavaForConditionalGeneration

class OwnConfig(LlavaConfig):
    model_type = "own_vlm"

class OwnModel(LlavaForConditionalGeneration):
    config_class = OwnConfig
"""


def test_code_of_a_checkpoint_runs_when_asked(checkpoints, copy, monkeypatch, tmp_path):
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    (copy / "own.py").write_text(OWN_CODE)
    own = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
    edit(copy / "config.json", model_type="own_vlm", auto_map=own)
    adapter = load(copy, 3, options={"trust_remote_code": True})
    assert adapter.describe()["architecture"] == "OwnModel"
    texts = {a.question_id: a.text for a in adapter.generate(questions(3), Decoding(max_new_tokens=8))}
    native = load(checkpoints["llava"], 3).generate(questions(3), Decoding(max_new_tokens=8))
    assert texts == {answer.question_id: answer.text for answer in native}
    spec = ModelSpec("x", "hf_vlm", path=str(copy), device="cpu", options={"trust_remote_code": True})
    assert "own.py" in HFVisionLanguageAdapter.identity(spec)["checkpoint"]


def test_weights_that_do_not_fit_are_named(copy):
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    taken = next(key for key in weights if key.endswith("layers.1.mlp.down_proj.weight"))
    save_file({key: value for key, value in weights.items() if key != taken}, copy / "model.safetensors")
    refused(copy, "1 missing key", "layers.1.mlp.down_proj.weight")
    save_file({**weights, "stray": torch.zeros(1)}, copy / "model.safetensors")
    assert load(copy).describe()["unused_keys"] == ["stray"]


def test_a_processor_that_is_missing_is_named(copy):
    for name in ("processor_config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"):
        (copy / name).unlink(missing_ok=True)
    refused(copy, "preprocessor_config.json")


def test_a_checkpoint_without_chat_template_asks_for_one(copy):
    (copy / "chat_template.jinja").unlink()
    refused(copy, "no chat template", "--conv-mode")
    assert load(copy, conv_mode="v1").render(questions()[0]).text.startswith("A chat between")


def test_marks_must_fit_the_images(checkpoints):
    adapter = load(checkpoints["llava"])
    two = Question(1, "first <image> then <image> end", tuple(IMAGES[:2]))
    assert adapter.render(two).text.count("<image>") == 2
    with pytest.raises(InputError, match="3 image marks"):
        adapter.render(Question(1, "<image> <image> <image>", tuple(IMAGES[:2])))


def test_processors_that_need_torchvision_are_refused_in_one_line(copy):
    edit(copy / "config.json", model_type="llama4")
    kinds = {"processor_class": "Llama4Processor", "image_processor_type": "Llama4ImageProcessor"}
    for name in ("processor_config.json", "preprocessor_config.json"):
        (copy / name).write_text(json.dumps(kinds))
    if importlib.util.find_spec("torchvision") is not None:
        pytest.skip("torchvision is installed")
    with pytest.raises(ModelError, match="its processor needs torchvision"):
        load(copy)
