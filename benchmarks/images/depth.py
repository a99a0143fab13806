"""Values of any depth become 8 bits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.errors import ImageError

if TYPE_CHECKING:
    from PIL import Image


def stretch(values: Any, path: Path) -> Image.Image:
    """Scale values so that the smallest becomes 0 and the largest 255; fractions are cut off.

    Args:
        values: H x W grey or H x W x 3 colour values of any number type, or a picture of such.
        path: the file, for the message.

    Raises:
        ImageError: values that are not numbers.
    """
    import numpy as np
    from PIL import Image

    deep = np.asarray(values)
    darkest, brightest = deep.min().item(), deep.max().item()
    if deep.dtype in (np.uint8, np.uint16):  # each value that occurs is scaled once, not each pixel
        table = np.zeros(brightest + 1, dtype=np.uint8)
        table[darkest:] = _scaled(np.arange(darkest, brightest + 1), darkest, brightest)
        shallow = table[deep]
    elif np.isfinite(deep).all():
        shallow = _scaled(deep, darkest, brightest)
    else:
        raise ImageError("holds values that are not numbers", where=path, hint="fetch the image again")
    picture = Image.fromarray(shallow)
    return picture if picture.mode in ("L", "RGB") else picture.convert("RGB")


def _scaled(values: Any, darkest: float, brightest: float) -> Any:
    import numpy as np

    above = values.astype(np.float64) - np.float64(darkest)
    span = np.float64(brightest) - np.float64(darkest)
    return (above / span * 255 if span > 0 else above).astype(np.uint8)
