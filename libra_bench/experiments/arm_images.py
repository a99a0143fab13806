"""Images for the arms of an audit: without content, or with harmless changes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.errors import ImageError
from benchmarks.files import atomic_write
from benchmarks.images import read_grey_or_colour, resolve_images
from benchmarks.images.read import DICOM_SUFFIXES
from benchmarks.schema import Sample

if TYPE_CHECKING:
    from PIL import Image

BRIGHTER, CONTRASTED = 1.2, 1.2
DEGREES = 5
CROPPED = 0.05
"""Of each side."""
JPEG_QUALITY = 30


def redraw_images(
    samples: Sequence[Sample], image_root: Path, folder: Path, how: str, *, seed: int, follow_links: bool = False
) -> None:
    """Write each image of the samples, changed, into a folder; those that are there stay.

    Args:
        samples: whose images.
        image_root: where they are.
        folder: where they go: the image root of the arm.
        how: a key of `REDRAWN`.
        seed: of the noise.
        follow_links: as for a run.

    Raises:
        StorageError: one cannot be written.
    """
    for name in dict.fromkeys(name for sample in samples for name in sample.by_role.values()):
        target = folder / _new_name(name)
        if target.exists():
            continue
        try:
            (path,) = resolve_images([name], image_root, follow_links=follow_links)
            picture = read_grey_or_colour(path)
        except ImageError:
            continue  # the run says what is wrong with it
        changed = REDRAWN[how](picture, f"{seed}:{name}")
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(target, "wb") as stream:
            changed.save(stream, format="PNG")  # whatever its name: pictures are told apart by content


def with_redrawn(samples: Sequence[Sample]) -> list[Sample]:
    """The samples with the names of their redrawn images."""
    return [
        replace(
            sample,
            images=tuple(map(_new_name, sample.images)),
            laterals={role: _new_name(name) for role, name in sample.laterals.items()},
        )
        for sample in samples
    ]


def _new_name(name: str) -> str:
    """DICOM is known by its name, too, and a picture is none."""
    return f"{name}.png" if name.lower().endswith(DICOM_SUFFIXES) else name


def _blank(picture: Image.Image, mark: str) -> Image.Image:
    """Its mean colour everywhere."""
    import numpy as np
    from PIL import Image

    mean = np.asarray(picture, dtype=float).reshape(-1, len(picture.getbands())).mean(axis=0).round().astype(int)
    return Image.new(picture.mode, picture.size, tuple(mean.tolist()) if len(mean) > 1 else int(mean[0]))


def _noise(picture: Image.Image, mark: str) -> Image.Image:
    """Independent pixels of the same mean and variance."""
    import numpy as np
    from PIL import Image

    values = np.asarray(picture, dtype=float)
    generator = np.random.default_rng(int.from_bytes(hashlib.sha256(mark.encode()).digest()[:8]))
    drawn = generator.normal(values.mean(), values.std(), values.shape)
    return Image.fromarray(np.clip(drawn.round(), 0, 255).astype(np.uint8))


def _brightness(picture: Image.Image, mark: str) -> Image.Image:
    from PIL import ImageEnhance

    return ImageEnhance.Brightness(picture).enhance(BRIGHTER)


def _contrast(picture: Image.Image, mark: str) -> Image.Image:
    from PIL import ImageEnhance

    return ImageEnhance.Contrast(picture).enhance(CONTRASTED)


def _rotation(picture: Image.Image, mark: str) -> Image.Image:
    from PIL import Image

    return picture.rotate(DEGREES, resample=Image.Resampling.BICUBIC)


def _crop(picture: Image.Image, mark: str) -> Image.Image:
    width, height = picture.size
    left, top = round(CROPPED * width), round(CROPPED * height)
    return picture.crop((left, top, width - left, height - top))


def _jpeg(picture: Image.Image, mark: str) -> Image.Image:
    from PIL import Image

    stream = io.BytesIO()
    picture.save(stream, format="JPEG", quality=JPEG_QUALITY)
    return Image.open(stream, formats=("JPEG",))


def _half_resolution(picture: Image.Image, mark: str) -> Image.Image:
    from PIL import Image

    width, height = picture.size
    half = picture.resize((max(1, width // 2), max(1, height // 2)), Image.Resampling.BICUBIC)
    return half.resize((width, height), Image.Resampling.BICUBIC)


REDRAWN: Mapping[str, Callable[[Image.Image, str], Image.Image]] = {
    "blank": _blank,
    "noise": _noise,
    "brightness": _brightness,
    "contrast": _contrast,
    "rotation": _rotation,
    "crop": _crop,
    "jpeg": _jpeg,
    "half-resolution": _half_resolution,
}
"""Name -> what it does to a picture ("L" or "RGB"); the text decides the noise."""
