from __future__ import annotations

import pytest
import torch
from oracles import GOLDEN, MODELS, assert_close, records, tensors

from benchmarks.errors import InputError
from benchmarks.images import read_radiograph
from model_adapters.libra.checkpoint.loading import LoadedLibra, load_checkpoint
from model_adapters.libra.inputs.image_processing import preprocess
from model_adapters.libra.network.marks import IMAGE_TOKEN

GENERATION = records("generation.json")["models"]
LOGITS = tensors("logits.safetensors")
BATCHES = tensors("train/batch.safetensors")


@pytest.fixture(scope="module")
def tac() -> LoadedLibra:
    return load_checkpoint(MODELS / "tiny-libra-tac")


def images_of(loaded: LoadedLibra, names: list[str]) -> torch.Tensor:
    pictures = [read_radiograph(GOLDEN / name) for name in names[:2]]  # the original drops a third
    pixels = preprocess(pictures, loaded.image_processor, loaded.image_aspect_ratio)
    return pixels[[0, len(pictures) - 1]][:, None]  # without a prior, current twice


@pytest.mark.parametrize("name", GENERATION)
def test_logits_of_the_original(name):
    loaded = load_checkpoint(MODELS / name)
    for index, case in enumerate(GENERATION[name]["cases"]):
        images = images_of(loaded, case["images"])
        if (key := f"{name}/{index}/images") in LOGITS:
            assert_close(images, LOGITS[key], atol=1e-6, rtol=0)
        with torch.no_grad():
            logits = loaded.model(torch.tensor([case["input_ids"]]), images=images).logits[0]
        assert_close(logits[-4:], LOGITS.get(f"{name}/{index}/logits_last4", logits[-4:]), atol=1e-4)
        if "argmax_all_positions" in case:
            assert logits.argmax(-1).tolist() == case["argmax_all_positions"]


def test_each_step_of_one_study(tac):
    case = GENERATION["tiny-libra-tac"]["cases"][0]
    model, images = tac.model, LOGITS["tiny-libra-tac/0/images"]
    with torch.no_grad():
        features = model.encode_images(images)
        assert_close(features, LOGITS["tiny-libra-tac/0/image_features"])
        # Tower features are those of one image: computed apart, they give the same.
        assert_close(model.connect(model.tower_features(images[0]), model.tower_features(images[1])), features)
        embeddings = model.embed_prompt(case["input_ids"], features[0])
        assert_close(embeddings, LOGITS["tiny-libra-tac/0/inputs_embeds"][0])
        logits = model.language_model(inputs_embeds=embeddings[None]).logits[0]
    assert_close(logits, LOGITS["tiny-libra-tac/0/logits"], atol=1e-4)
    assert len(embeddings) == len(case["input_ids"]) - 1 + model.num_patches


def test_a_prompt_without_image_token_does_not_see_the_images(tac):
    ids = torch.tensor([GENERATION["tiny-libra-tac"]["text_only_input_ids"]])
    with torch.no_grad():
        for images, key in ((None, "none"), (LOGITS["tiny-libra-tac/0/images"], "given")):
            logits = tac.model(ids, images=images).logits[0, -4:]
            assert_close(logits, LOGITS[f"tiny-libra-tac/text_only/logits_images_{key}"], atol=1e-4)


@pytest.mark.parametrize("name", ["tiny-libra-tac", "tiny-libra-clip-mlp2x"])
def test_a_missing_prior_is_the_current_image_again(name):
    model = load_checkpoint(MODELS / name).model
    current = torch.randn(1, 3, 56, 56)
    calls: list[int] = []
    model.tower.register_forward_hook(lambda *_: calls.append(1))
    with torch.no_grad():
        once = model.encode_images(torch.stack([current, current]))
        assert len(calls) == 1  # and is encoded once
        features = model.tower_features(current)
        assert_close(model.connect(features, features), once)
        other = model.encode_images(torch.stack([current, torch.randn(1, 3, 56, 56)]))
    assert torch.equal(once, other) == (name != "tiny-libra-tac")


def test_a_batch_encodes_a_prior_only_where_it_is_another_image(tac):
    current, prior = torch.randn(3, 3, 56, 56), torch.randn(3, 3, 56, 56)
    prior[1] = current[1]
    encoded: list[int] = []
    with torch.no_grad():
        expected = tac.model.connect(tac.model.tower_features(current), tac.model.tower_features(prior))
        hook = tac.model.tower.register_forward_hook(lambda _, inputs, __: encoded.append(len(inputs[0])))
        found = tac.model.encode_images(torch.stack([current, prior]))
        hook.remove()
    assert encoded == [3, 2]
    assert_close(found, expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("batch", ["b1", "b2", "mixed"])
def test_a_training_batch(tac, batch):
    recorded = {key.removeprefix(f"{batch}."): value for key, value in BATCHES.items() if key.startswith(f"{batch}.")}
    model = load_checkpoint(MODELS / "tiny-libra-tac").model.requires_grad_(True)
    ids, mask, images, labels = (recorded[key] for key in ("input_ids", "attention_mask", "images", "labels"))
    _, extended_mask, extended_labels = model.splice(ids, mask, model.encode_images(images), labels)
    assert torch.equal(extended_mask, recorded["extended_attention_mask"])
    assert torch.equal(extended_labels, recorded["extended_labels"])
    out = model(ids, mask, images, labels)
    assert_close(out.loss, recorded["loss"], atol=1e-5)
    if "logits_last4" in recorded:
        assert_close(out.logits[:, -4:], recorded["logits_last4"], atol=1e-4)
    out.loss.backward()
    ours = {"model.mm_projector.": "connector.", "model.layers.": "language_model.model.layers."}
    found = dict(model.named_parameters())
    for key, expected in recorded.items():
        if key.startswith("grad."):
            name = key.removeprefix("grad.")
            for original, prefix in ours.items():
                name = name.replace(original, prefix)
            assert_close(found[name].grad, expected, atol=1e-6, rtol=1e-4)
    assert all(parameter.grad is None for parameter in model.tower.parameters())


def test_rows_of_a_batch_do_not_touch_each_other(tac):
    ids = torch.tensor([[1, 5, IMAGE_TOKEN, 7, 8, 9], [1, IMAGE_TOKEN, 6, 0, 0, 0]])
    mask = torch.tensor([[1] * 6, [1, 1, 1, 0, 0, 0]])
    images = torch.randn(2, 2, 3, 56, 56)
    with torch.no_grad():
        together = tac.model(ids, mask, images).logits[1, : 3 - 1 + 16]
        alone = tac.model(ids[1:, :3], images=images[:, 1:]).logits[0]
    assert_close(together, alone, atol=1e-4)


def test_wrong_input_is_one_line(tac):
    model = tac.model
    features = torch.zeros(16, 64)
    for ids, given, what in [
        ([1, IMAGE_TOKEN, 2, IMAGE_TOKEN], features, "2 image tokens"),
        ([1, IMAGE_TOKEN, 2], None, "no image is given"),
        ([1, 1700], None, "outside the vocabulary of 1700"),
        ([1, -1], None, "outside the vocabulary"),
    ]:
        with pytest.raises(InputError, match=what):
            model.embed_prompt(ids, given)
    with pytest.raises(InputError, match=r"\[1, 2, 3, 56, 56\]"):
        model.encode_images(torch.zeros(1, 2, 3, 56, 56))


@pytest.mark.parametrize("name", ["tiny-libra-tac", "tiny-libra-v1.0-3b"])  # the second has tied embeddings
@pytest.mark.parametrize("change", [3, -2])
def test_the_vocabulary_grows_and_shrinks(name, change):
    model = load_checkpoint(MODELS / name).model
    ids = torch.tensor([[1, 2, 3]])
    with torch.no_grad():
        before = model(ids).logits
        size = model.vocabulary_size + change
        model.resize_vocabulary(size)
        after = model(ids).logits
    assert model.vocabulary_size == after.shape[-1] == size
    kept = min(size, before.shape[-1])
    assert_close(after[..., :kept], before[..., :kept])
    if change > 0:  # a new token is as likely as the mean of all, never the best
        assert_close(after[..., kept:], before.mean(-1, keepdim=True).expand(-1, -1, change), atol=1e-4)
