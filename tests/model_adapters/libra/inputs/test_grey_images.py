"""A grey picture goes through the tower's processor as one channel: the pixels are those of the processor alone."""

from __future__ import annotations

import json

import numpy as np
import pydicom
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import GOLDEN, MODELS
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian
from transformers import BitImageProcessorPil, CLIPImageProcessorPil, SiglipImageProcessorPil, ViTImageProcessorPil

from benchmarks.images import read_grey_or_colour, read_radiograph
from model_adapters.libra.inputs.image_processing import BLACK, grey_once, load_image_processor, mean_colour, preprocess

MEAN, STD = (0.1, 0.52, 0.9), (0.31, 0.2, 0.27)
OPEN_CLIP = {"model_cfg": {"vision_cfg": {"image_size": 40}}, "preprocess_cfg": {"mean": MEAN, "std": STD}}


@pytest.fixture(scope="module")
def processors(tmp_path_factory):
    """Every tower's, and settings that take other branches."""
    folder = tmp_path_factory.mktemp("open_clip")
    (folder / "open_clip_config.json").write_text(json.dumps(OPEN_CLIP))
    normalised = {"image_mean": MEAN, "image_std": STD}
    return {
        "dinov2": load_image_processor(MODELS / "tiny-rad-dino"),
        "clip": load_image_processor(MODELS / "tiny-clip"),
        "open_clip": load_image_processor(folder),
        "siglip": SiglipImageProcessorPil(size={"height": 48, "width": 48}),
        "siglip, not square": SiglipImageProcessorPil(size={"height": 31, "width": 50}, **normalised),
        "crop beyond the picture": BitImageProcessorPil(
            size={"shortest_edge": 21}, crop_size={"height": 37, "width": 34}, **normalised
        ),
        "no resizing": CLIPImageProcessorPil(do_resize=False, crop_size={"height": 30, "width": 41}, **normalised),
        "no arithmetic": CLIPImageProcessorPil(do_rescale=False, do_normalize=False),
        "lanczos, no rescaling": CLIPImageProcessorPil(resample=1, do_rescale=False, **normalised),
        "nearest, no conversion": BitImageProcessorPil(resample=0, do_convert_rgb=False),
    }


NAMES = (
    "dinov2",
    "clip",
    "open_clip",
    "siglip",
    "siglip, not square",
    "crop beyond the picture",
    "no resizing",
    "no arithmetic",
    "lanczos, no rescaling",
    "nearest, no conversion",
)


def alone(picture: Image.Image, processor, aspect_ratio, colour) -> torch.Tensor:
    """The whole way in three channels, nothing of ours in it but where the padding is."""
    values = np.asarray(picture.convert("RGB"))
    if aspect_ratio == "pad":
        height, width, side = *values.shape[:2], max(values.shape[:2])
        square = np.broadcast_to(np.array(colour or mean_colour(processor), dtype=np.uint8), (side, side, 3)).copy()
        top, left = (side - height) // 2, (side - width) // 2
        square[top : top + height, left : left + width] = values
        values = square
    return processor(Image.fromarray(values), return_tensors="pt")["pixel_values"]


def assert_same(found: torch.Tensor, expected: torch.Tensor) -> None:
    assert found.dtype == expected.dtype
    assert found.is_contiguous()
    assert torch.equal(found, expected)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_the_pixels_of_the_processor_alone(processors, name, data):
    width, height = data.draw(st.tuples(st.integers(1, 150), st.integers(1, 150)), label="size")
    if data.draw(st.booleans(), label="square"):
        height = width
    way = data.draw(st.sampled_from(["L", "grey RGB", "one point of colour", "RGB"]), label="way")
    aspect_ratio = data.draw(st.sampled_from(["pad", None]), label="aspect ratio")
    colour = data.draw(st.sampled_from([None, BLACK, (9, 200, 9)]), label="padding")
    random = np.random.default_rng(data.draw(st.integers(0, 1000), label="seed"))
    values = random.integers(0, 256, (height, width, 3 if way == "RGB" else 1), dtype=np.uint8)
    picture = Image.fromarray(values if way == "RGB" else values[..., 0])
    if way in ("grey RGB", "one point of colour"):
        picture = picture.convert("RGB")
    if way == "one point of colour":
        picture.putpixel((width - 1, height - 1), (1, 2, 3))
    found = preprocess([picture], processors[name], aspect_ratio, colour)
    assert_same(found, alone(picture, processors[name], aspect_ratio, colour))


def test_a_large_radiograph(processors):
    random = np.random.default_rng(0)
    picture = Image.fromarray(random.integers(0, 256, (1027, 853), dtype=np.uint8))
    for name in ("dinov2", "clip", "siglip"):
        for aspect_ratio in ("pad", "square"):
            expected = alone(picture, processors[name], aspect_ratio, None)
            assert_same(preprocess([picture], processors[name], aspect_ratio), expected)


def deep_dicom(path, values):
    record = pydicom.dcmread(GOLDEN / "images" / "mono2_window.dcm")
    del record.WindowCenter, record.WindowWidth
    record.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    record.set_pixel_data(values, "MONOCHROME2", 12)
    record.save_as(path)


@pytest.mark.parametrize(
    "kind", ["grey.png", "grey.jpg", "colour.jpg", "deep.png", "deep.dcm", "alpha.png", "bits.png"]
)
def test_from_files(processors, tmp_path, kind):
    """Grey stays one channel from the file on; what others read of the file is the same picture in RGB."""
    random, path = np.random.default_rng(1), tmp_path / kind
    grey = random.integers(3, 250, (61, 47), dtype=np.uint8)
    deep = random.integers(70, 4000, (61, 47), dtype=np.uint16)
    if kind == "deep.dcm":
        deep_dicom(path, deep)
    else:
        pictures = {
            "grey": Image.fromarray(grey),
            "colour": Image.fromarray(random.integers(0, 256, (61, 47, 3), dtype=np.uint8)),
            "deep": Image.fromarray(deep),
            "alpha": Image.merge("LA", [Image.fromarray(grey), Image.fromarray(grey.copy())]),
            "bits": Image.fromarray(grey > 100),
        }
        pictures[kind.split(".")[0]].save(path)
    picture, shown = read_grey_or_colour(path), read_radiograph(path)
    assert picture.mode == ("L" if kind.split(".")[0] in ("grey", "deep") else "RGB")
    assert shown.mode == "RGB"
    assert np.array_equal(np.asarray(picture.convert("RGB")), np.asarray(shown))
    if kind.startswith("deep"):
        scaled = ((deep - float(deep.min())) / float(deep.max() - deep.min()) * 255).astype(np.uint8)
        assert np.array_equal(np.asarray(picture), scaled)
    for name in ("dinov2", "clip"):
        assert_same(preprocess([picture], processors[name]), alone(shown, processors[name], "pad", None))


def test_other_processors_go_their_own_way(processors):
    class Own(CLIPImageProcessorPil):
        pass

    assert all(grey_once(processor) for processor in processors.values())
    assert not any(map(grey_once, (Own(), ViTImageProcessorPil(), CLIPImageProcessorPil(do_pad=True))))
    picture = Image.fromarray(np.random.default_rng(2).integers(0, 256, (90, 70), dtype=np.uint8))
    own = ViTImageProcessorPil(size={"height": 20, "width": 20})
    assert_same(preprocess([picture], own), alone(picture, own, "pad", None))
