"""From an image file to the pixels that a vision tower reads: one reader for answering questions and for training."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import PIL
from PIL import Image
from torch import Tensor

from benchmarks.images import read_grey_or_colour
from model_adapters.libra.inputs.image_processing import preprocess_one


@dataclass(frozen=True, slots=True)
class ImageReader:
    """How images become pixels."""

    processor: Any
    """The tower's own, see `load_image_processor`."""
    aspect_ratio: str | None
    """The checkpoint's `image_aspect_ratio`: see `preprocess`."""
    pad_colour: tuple[int, int, int] | None = None
    """None: the processor's mean colour, as at inference; the published training pads with `BLACK`."""

    def pixels(self, path: Path) -> Tensor:
        """Pixels [3, H, W], float32, of an image file.

        Raises:
            ImageError: it cannot be read.
        """
        return preprocess_one(read_grey_or_colour(path), self.processor, self.aspect_ratio, self.pad_colour)

    @property
    def pixel_shape(self) -> tuple[int, ...]:
        """(3, H, W), the same for every image."""
        blank = Image.new("RGB", (64, 64))
        return tuple(preprocess_one(blank, self.processor, self.aspect_ratio, self.pad_colour).shape)

    def identity(self) -> dict[str, Any]:
        """Everything besides the image file that decides the pixels, as JSON values."""
        return {
            "processor": type(self.processor).__name__,
            "processor_settings": json.loads(self.processor.to_json_string()),
            "aspect_ratio": self.aspect_ratio,
            "pad_colour": self.pad_colour if self.aspect_ratio == "pad" else None,
            "pillow": PIL.__version__,
        }
