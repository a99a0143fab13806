"""From a picture to the pixels that a vision tower reads.

The tower's own processor does resizing, cropping and normalising, through PIL: other resamplers give other
pixels, and other pixels give other reports.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from benchmarks.errors import ModelError
from model_adapters.libra.towers import OPEN_CLIP_CONFIG
from model_adapters.libra.weights import read_json

BLACK = (0, 0, 0)


def load_image_processor(folder: Path) -> Any:
    """The image processor of a tower's folder, in its PIL form (never torchvision's).

    Raises:
        ModelError: no preprocessor_config.json, or one that names an unknown processor.
    """
    from transformers import AutoImageProcessor, CLIPImageProcessorPil

    if (folder / OPEN_CLIP_CONFIG).is_file():
        settings = read_json(folder / OPEN_CLIP_CONFIG)
        side = settings["model_cfg"]["vision_cfg"].get("image_size", 224)
        statistics = settings["preprocess_cfg"]
        return CLIPImageProcessorPil(
            size={"shortest_edge": side},
            crop_size={"height": side, "width": side},
            image_mean=statistics["mean"],
            image_std=statistics["std"],
        )
    try:
        return AutoImageProcessor.from_pretrained(folder, backend="pil", local_files_only=True)
    except (OSError, ValueError, ImportError) as error:
        line = str(error).strip().splitlines()[0]
        raise ModelError(
            f"no usable image processor ({line})",
            where=folder,
            mend="the tower's folder needs its preprocessor_config.json",
        ) from error


def preprocess(
    images: Sequence[Image.Image],
    processor: Any,
    aspect_ratio: str | None = "pad",
    pad_colour: tuple[int, int, int] | None = None,
) -> Tensor:
    """Pixels [B, 3, H, W], float32, one picture an image.

    Args:
        images: RGB images of any size.
        processor: from `load_image_processor`.
        aspect_ratio: "pad" makes the image square first; None or "square" leaves it to the processor, whose
            centre crop then loses the edges.
        pad_colour: None is the processor's mean colour, as at inference; the published training pads with BLACK.

    Raises:
        ModelError: an aspect ratio that this model family doesn't have ("anyres").
    """
    if aspect_ratio not in ("pad", "square", None):
        raise ModelError(f"image_aspect_ratio {aspect_ratio!r} is not supported", mend='use "pad"')
    if aspect_ratio == "pad":
        colour = mean_colour(processor) if pad_colour is None else pad_colour
        images = [pad_to_square(image, colour) for image in images]
    pictures = [processor(image, return_tensors="pt")["pixel_values"][0] for image in images]
    return torch.stack(pictures)


def mean_colour(processor: Any) -> tuple[int, int, int]:
    """The processor's mean as an 8-bit colour, rounded down."""
    red, green, blue = (int(255 * mean) for mean in processor.image_mean)
    return red, green, blue


def pad_to_square(image: Image.Image, colour: tuple[int, int, int]) -> Image.Image:
    """Centre the image on a square of its longer side; an odd pixel goes to the right or the bottom."""
    side = max(image.size)
    if image.size == (side, side):
        return image
    square = Image.new("RGB", (side, side), colour)
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square
