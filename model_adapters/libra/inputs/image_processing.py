"""From a picture to the pixels that a vision tower reads.

The tower's own processor does resizing, cropping and normalising, through PIL: other resamplers give other
pixels, and other pixels give other reports.

A radiograph is grey, and the processor would do everything three times on three equal channels. So it resizes and
crops one 8-bit channel, and its arithmetic (rescaling, normalising) is looked up in a table that it has made itself
from the 256 values there are. The pixels are the same to the last bit: resizing knows no other channel, arithmetic no
other pixel. Only padding may differ between channels; then each shade of padding is resized once. Colour goes the
processor's own way, and so does everything for a processor that `grey_once` does not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageChops
from torch import Tensor

from benchmarks.errors import ModelError
from model_adapters.checkpoints.files import read_json
from model_adapters.checkpoints.foreign import handed_over
from model_adapters.libra.network.towers import OPEN_CLIP_CONFIG

BLACK = (0, 0, 0)


def load_image_processor(folder: Path) -> Any:
    """The image processor of a tower's folder, in its PIL form (never torchvision's).

    Raises:
        ModelError: no preprocessor_config.json, or one that names an unknown processor, or settings that none can use.
    """
    from transformers import AutoImageProcessor, CLIPImageProcessorPil

    with handed_over(folder, "no usable image processor", "the tower's folder needs its preprocessor_config.json"):
        if (folder / OPEN_CLIP_CONFIG).is_file():
            settings = read_json(folder / OPEN_CLIP_CONFIG)
            side = settings["model_cfg"]["vision_cfg"].get("image_size", 224)
            statistics = settings["preprocess_cfg"]
            processor = CLIPImageProcessorPil(
                size={"shortest_edge": side},
                crop_size={"height": side, "width": side},
                image_mean=statistics["mean"],
                image_std=statistics["std"],
            )
        else:
            processor = AutoImageProcessor.from_pretrained(folder, backend="pil", local_files_only=True)
        preprocess_one(Image.new("L", (1, 2)), processor)  # settings of a wrong kind fail here, not at the first study
        return processor


def preprocess(
    images: Sequence[Image.Image],
    processor: Any,
    aspect_ratio: str | None = "pad",
    pad_colour: tuple[int, int, int] | None = None,
) -> Tensor:
    """Pixels [B, 3, H, W], float32, one per image.

    Args:
        images: RGB or grey (mode "L") images of any size.
        processor: from `load_image_processor`.
        aspect_ratio: "pad" makes the image square first; None or "square" leaves it to the processor, whose
            centre crop then loses the edges.
        pad_colour: None is the processor's mean colour, as at inference; the published training pads with BLACK.

    Raises:
        ModelError: an aspect ratio that this model family doesn't have ("anyres").
    """
    return torch.stack([preprocess_one(image, processor, aspect_ratio, pad_colour) for image in images])


def preprocess_one(
    image: Image.Image,
    processor: Any,
    aspect_ratio: str | None = "pad",
    pad_colour: tuple[int, int, int] | None = None,
) -> Tensor:
    """Pixels [3, H, W] of one image: see `preprocess`.

    For threads beside a model: it begins no parallel work of torch, whose threads would get in the way of the model's
    own from then on (OpenMP lets waiting threads sleep at once where there are more of them than cores).
    """
    if aspect_ratio not in ("pad", "square", None):
        raise ModelError(f"image_aspect_ratio {aspect_ratio!r} is not supported", hint='use "pad"')
    colour = None
    if aspect_ratio == "pad":
        colour = mean_colour(processor) if pad_colour is None else pad_colour
    grey = one_channel(image) if grey_once(processor) else None
    if grey is None:
        return _processed(image.convert("RGB"), processor, colour)
    return _processed_grey(grey, processor, colour)


def grey_once(processor: Any) -> bool:
    """Whether a processor is known to resize, crop, and then do arithmetic on each value alone, in this order."""
    from transformers import BitImageProcessorPil, CLIPImageProcessorPil, SiglipImageProcessorPil

    known = (BitImageProcessorPil, CLIPImageProcessorPil, SiglipImageProcessorPil)
    return type(processor) in known and not processor.do_pad


def one_channel(image: Image.Image) -> Image.Image | None:
    """The grey channel of a picture without colour (mode "L", or RGB with three equal channels), else None."""
    if image.mode == "L":
        return image
    if image.mode != "RGB":
        return None
    red, green, blue = image.split()
    equal = all(ImageChops.difference(red, other).getbbox() is None for other in (green, blue))
    return red if equal else None


def _processed(image: Image.Image, processor: Any, colour: tuple[int, int, int] | None) -> Tensor:
    """Pixels [3, H, W] of an RGB picture, the processor's own way; it is padded if there is a `colour`."""
    square = image if colour is None else pad_to_square(image, colour)
    return torch.from_numpy(processor(square, return_tensors="np")["pixel_values"][0])


def _processed_grey(grey: Image.Image, processor: Any, colour: tuple[int, int, int] | None) -> Tensor:
    """The same pixels from one channel."""
    every_value = Image.fromarray(np.arange(256, dtype=np.uint8)[None]).convert("RGB")
    arithmetic = processor(every_value, do_resize=False, do_center_crop=False, return_tensors="np")
    table_3V = arithmetic["pixel_values"][0][:, 0]
    shades = (0, 0, 0) if colour is None or grey.width == grey.height else colour
    values_HW: dict[int, Any] = {}
    for shade in set(shades):
        square = grey if colour is None else pad_to_square(grey, shade)
        geometry = processor(square, do_convert_rgb=False, do_rescale=False, do_normalize=False, return_tensors="np")
        values_HW[shade] = geometry["pixel_values"][0][0]
    channels = [np.take(table_V, values_HW[shade]) for table_V, shade in zip(table_3V, shades, strict=True)]
    return torch.from_numpy(np.stack(channels))


def mean_colour(processor: Any) -> tuple[int, int, int]:
    """The processor's mean as an 8-bit colour, rounded down."""
    red, green, blue = (int(255 * mean) for mean in processor.image_mean)
    return red, green, blue


def pad_to_square(image: Image.Image, colour: tuple[int, int, int] | int) -> Image.Image:
    """Centre the image on a square of its longer side; an odd pixel goes to the right or the bottom."""
    side = max(image.size)
    if image.size == (side, side):
        return image
    square = Image.new(image.mode, (side, side), colour)
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square
