"""Tower features kept on disk: the same answers without reading an image again, and never another tower's."""

from __future__ import annotations

import copy
import json
import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from repository import GOLDEN

from benchmarks.errors import InputError, StorageError
from benchmarks.schema import Question
from model_adapters.adapter import Decoding, ModelSpec
from model_adapters.libra.adapter import LibraAdapter
from model_adapters.libra.inputs.feature_store import FeatureStore, features_identity
from model_adapters.libra.inputs.image_processing import load_image_processor
from model_adapters.libra.inputs.image_reader import ImageReader
from model_adapters.libra.network.towers import load_tower

MODELS = GOLDEN / "models"
IMAGES = ("cur0.png", "prior0.png", "cur1.png")
GREEDY = Decoding(max_new_tokens=12)


def answers(cache, images, model="tiny-libra-tac", **spec):
    """Texts of two studies, and what became of the images."""
    path = str(GOLDEN / "models" / model)
    given = ModelSpec(model, "libra", path=path, device="cpu", options={"feature_cache_dir": str(cache)}, **spec)
    adapter = LibraAdapter.load(given)
    first, second, third = (Path(image) for image in images)
    questions = [Question(0, "Describe.", (first, second)), Question(1, "Describe.", (third,))]
    texts = {answer.question_id: answer.text for answer in adapter.generate(questions, GREEDY)}
    adapter.generator.prompt_stream._images._tower._pool.shutdown()  # what is written behind the answers
    return texts, adapter.describe()["images"]


@pytest.fixture
def images(tmp_path):
    return [shutil.copy(GOLDEN / "images" / name, tmp_path / name) for name in IMAGES]


def test_a_second_run_reads_no_image_and_says_the_same(tmp_path, images):
    texts, seen = answers(tmp_path / "kept", images)
    assert (seen["loaded"], seen["from_disk"]) == (3, 0)
    moved = [shutil.copy(path, tmp_path / f"moved-{Path(path).name}") for path in images]  # the content decides
    assert answers(tmp_path / "kept", moved) == (texts, {"loaded": 0, "encoded": 0, "reused": 0, "from_disk": 3})


def test_another_picture_under_the_same_name_is_read(tmp_path, images):
    answers(tmp_path / "kept", images)
    shutil.copy(GOLDEN / "images/cur2.png", images[0])
    texts, seen = answers(tmp_path / "kept", images)
    assert (seen["loaded"], seen["from_disk"]) == (1, 2)
    assert texts == answers(tmp_path / "fresh", images)[0]


@pytest.mark.parametrize(("model", "spec"), [("tiny-libra-clip-mlp2x", {}), ("tiny-libra-tac", {"dtype": "bfloat16"})])
def test_features_of_another_tower_or_type_are_not_taken(tmp_path, images, model, spec):
    answers(tmp_path / "kept", images)
    texts, seen = answers(tmp_path / "kept", images, model, **spec)
    assert seen["from_disk"] == 0
    assert texts == answers(tmp_path / "fresh", images, model, **spec)[0]


def test_a_damaged_file_is_made_anew(tmp_path, images, caplog):
    texts, _ = answers(tmp_path / "kept", images)
    stored = sorted((tmp_path / "kept").rglob("*.safetensors"))
    stored[0].write_bytes(stored[0].read_bytes()[:-7])
    assert answers(tmp_path / "kept", images)[0] == texts
    assert "cannot be read" in caplog.text
    assert answers(tmp_path / "kept", images)[1]["from_disk"] == 3


def test_a_folder_that_cannot_be_made_is_refused_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="another folder"):
        FeatureStore(tmp_path / "file", {})


def test_a_full_disk_is_said_once_and_ends_no_run(tmp_path, images, caplog):
    texts, _ = answers(tmp_path / "kept", images)
    for stored in list((tmp_path / "kept").rglob("*.safetensors")):
        stored.unlink()
        stored.with_name(f".{stored.name}.{os.getpid()}.tmp").mkdir()  # in the way of what would be written
    assert answers(tmp_path / "kept", images)[0] == texts
    assert caplog.text.count("no more features are kept") == 1


def test_what_cannot_be_written_is_an_error_of_the_store(tmp_path):
    store = FeatureStore(tmp_path, {"of": "a test"})
    (store._folder / "aa").write_text("in the way")
    with pytest.raises(StorageError):
        store.write("aa1", torch.zeros(2))
    store.write("bb1", torch.zeros(2))
    assert (store.holds("aa1"), store.holds("bb1")) == (False, True)


@pytest.mark.parametrize(("dtype", "kept"), [(None, torch.float32), (torch.float16, torch.float16)])
def test_the_type_that_is_kept(tmp_path, dtype, kept):
    features = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    store = FeatureStore(tmp_path, {"of": "a test"}, dtype)
    store.write("aa1", features)
    found = pickle.loads(pickle.dumps(store)).read("aa1")  # as a worker process gets it
    assert found.dtype == kept
    assert torch.equal(found, features.to(kept))
    assert not FeatureStore(tmp_path, {"of": "a test"}, torch.bfloat16).holds("aa1")


def test_what_decides_the_features_is_in_the_identity():
    tower, processor = load_tower(MODELS / "tiny-clip"), load_image_processor(MODELS / "tiny-clip")
    changed = copy.deepcopy(tower)
    with torch.no_grad():
        next(changed.parameters()).view(-1)[0] += 1
    ways = [
        (tower, ImageReader(processor, "pad")),
        (tower, ImageReader(processor, "pad", (0, 0, 0))),
        (tower, ImageReader(processor, "square")),
        (changed, ImageReader(processor, "pad")),
        (load_tower(MODELS / "tiny-clip", select_layer=-2), ImageReader(processor, "pad")),
        (copy.deepcopy(tower).bfloat16(), ImageReader(processor, "pad")),
        (tower, ImageReader(load_image_processor(MODELS / "tiny-rad-dino"), "pad")),
    ]
    identities = [json.dumps(features_identity(*way)) for way in ways]
    assert len(set(identities)) == len(ways)
    square, black = ImageReader(processor, "square"), ImageReader(processor, "square", (0, 0, 0))
    assert features_identity(tower, square) == features_identity(tower, black)  # nothing is padded
