from __future__ import annotations

import json

import pytest
from every_case import every_case
from oracles import GOLDEN, MODELS, assert_close, tensors
from PIL import Image

from benchmarks.errors import ModelError
from benchmarks.images import read_radiograph
from model_adapters.libra.inputs.image_processing import (
    BLACK,
    load_image_processor,
    mean_colour,
    pad_to_square,
    preprocess,
)

PIXELS = tensors("vision_pixels.safetensors")
FOLDERS = {"dino": MODELS / "tiny-rad-dino", "clip": MODELS / "tiny-clip"}
CASES = [key for key in PIXELS if key.split("/")[0].split("_")[0] in FOLDERS and not key.endswith("gray16.png")]


@every_case("case", CASES)
def test_pixels_of_the_original(case):
    way, name = case.split("/")
    processor = load_image_processor(FOLDERS[way.split("_")[0]])
    found = preprocess(
        [read_radiograph(GOLDEN / "images" / name)],
        processor,
        aspect_ratio=None if "nopad" in way else "pad",
        pad_colour=BLACK if "black" in way else None,
    )
    assert_close(found[0], PIXELS[case], atol=1e-6, rtol=0)


def test_the_geometry_of_the_real_rad_dino(tmp_path):
    settings = json.loads((FOLDERS["dino"] / "preprocessor_config.json").read_text())
    settings |= {"size": {"shortest_edge": 518}, "crop_size": {"height": 518, "width": 518}}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings))
    found = preprocess([read_radiograph(GOLDEN / "images/tall.png")], load_image_processor(tmp_path))
    expected = PIXELS["raddino518_pad_channel0_every7th/tall.png"]
    assert_close(found[0, 0, ::7, ::7], expected, atol=1e-6, rtol=0)


def test_the_pil_form_is_taken():
    assert type(load_image_processor(FOLDERS["dino"])).__name__ == "BitImageProcessorPil"


def test_images_of_different_sizes_make_one_batch():
    images = [Image.new("RGB", size) for size in ((40, 30), (100, 200), (56, 56))]
    assert preprocess(images, load_image_processor(FOLDERS["clip"])).shape == (3, 3, 56, 56)


def test_padding_is_centred_and_rounds_down():
    padded = pad_to_square(Image.new("RGB", (3, 6), (9, 9, 9)), (1, 2, 3))
    row = [padded.getpixel((x, 0)) for x in range(6)]
    assert row == [(1, 2, 3)] + [(9, 9, 9)] * 3 + [(1, 2, 3)] * 2
    assert mean_colour(load_image_processor(FOLDERS["clip"])) == (122, 116, 104)


def test_an_aspect_ratio_that_we_do_not_have():
    with pytest.raises(ModelError, match="anyres"):
        preprocess([Image.new("RGB", (4, 4))], load_image_processor(FOLDERS["clip"]), "anyres")


def test_no_processor_in_the_folder(tmp_path):
    with pytest.raises(ModelError, match=r"preprocessor_config\.json") as caught:
        load_image_processor(tmp_path)
    assert "\n" not in str(caught.value)
