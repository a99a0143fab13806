"""Radiographs: finding the files that a suite names, and reading them as 8-bit RGB pictures.

Formats: what Pillow reads (PNG, JPEG, TIFF, ...) and DICOM, told apart by content first and by name second. No
process-wide setting is changed, so any number of threads may read at once.

More than 8 bits of grey are scaled so that the file's own darkest value becomes black and its brightest white: a
12-bit radiograph in a 16-bit file is then neither black (scaled by 65,535) nor white (clipped at 255). Libra clips
here; this is a deliberate difference. DICOM is read as Libra does: VOI LUT or window, MONOCHROME1 inverted, the same
scaling, fractions cut off.
"""

from __future__ import annotations

import os.path
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.errors import ImageError

if TYPE_CHECKING:
    from PIL import Image

MAX_IMAGES = 2
"""The current and the prior image."""

MAX_PIXELS = 100_000_000
"""Larger pictures are refused before they are unpacked; a large radiograph has about 25 million pixels."""

DICOM_SUFFIXES = (".dcm", ".dicom")
DEEP_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
"""Pillow's modes with more than 8 bits of grey."""


def resolve_images(images: Sequence[str], root: Path, *, follow_links: bool = False) -> tuple[Path, ...]:
    """The files of a study: its image names, looked up below the image root.

    Args:
        images: none, the current image, or current and prior; relative to `root`.
        root: the image root.
        follow_links: allow symbolic links that lead out of the root.

    Raises:
        ImageError: more than two images, a name that is absolute or leads out of the root, a missing file.
    """
    if len(images) > MAX_IMAGES:
        raise ImageError(
            f"{len(images)} images in one study", hint="give the current image, or the current and the prior one"
        )
    return tuple(_resolve(name, root, follow_links) for name in images)


def _resolve(name: str, root: Path, follow_links: bool) -> Path:
    inside = os.path.normpath(name)
    if not name.strip() or "\0" in name:
        raise ImageError(f"{name!r} is no image name", where=root, hint="give a path relative to the image root")
    if "://" in name:
        raise ImageError("is an address, and images are not fetched", where=name, hint="download it and give its path")
    if Path(name).is_absolute() or Path(inside).parts[0] == os.pardir:
        raise ImageError(
            f"lies outside the image root {root}", where=name, hint="give a path below it, or another --image-root"
        )
    path = root / inside
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # missing, or a loop of links
        raise ImageError("no such image", where=path, hint="check the name and --image-root") from error
    if not follow_links and not real.is_relative_to(root.resolve()):
        raise ImageError(
            f"is a link out of the image root, to {real}", where=path, hint="pass --follow-links if you trust it"
        )
    if not real.is_file():
        raise ImageError("is not a file", where=path, hint="give the image file")
    return path


def read_radiograph(path: Path) -> Image.Image:
    """Read one radiograph as an RGB picture of 8 bits; transparency is dropped, not composited.

    Raises:
        ImageError: missing, empty, truncated, no image, too large, or several frames; one line.
    """
    picture = read_grey_or_colour(path)
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def read_grey_or_colour(path: Path) -> Image.Image:
    """The same picture with one channel (mode "L") where the file has only grey, else RGB.

    Raises:
        ImageError: as `read_radiograph`.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(132)
    except OSError as error:
        raise ImageError(f"cannot be read ({error.strerror or error})", where=path, hint="check the path") from error
    if not head:
        raise ImageError("is an empty file", where=path, hint="fetch the image again")
    if head[128:132] == b"DICM" or path.suffix.lower() in DICOM_SUFFIXES:
        return _read_dicom(path)
    return _read_picture(path)


def _read_picture(path: Path) -> Image.Image:
    from PIL import Image, ImageFile, UnidentifiedImageError

    if ImageFile.LOAD_TRUNCATED_IMAGES:  # another package's doing: a damaged image would come out half grey
        raise ImageError(
            "Pillow is set to accept truncated images", where=path, hint="set ImageFile.LOAD_TRUNCATED_IMAGES = False"
        )
    try:
        with Image.open(path) as picture:
            _refuse_bomb(picture.width * picture.height, path)
            if picture.format != "MPO" and getattr(picture, "n_frames", 1) > 1:  # MPO: a photo with its previews
                raise ImageError("holds several pictures", where=path, hint="save the radiograph on its own")
            picture.load()
            if picture.mode in DEEP_MODES:
                return _stretch(picture, path)
            return picture if picture.mode == "L" else picture.convert("RGB")
    except UnidentifiedImageError as error:
        raise ImageError("is no image that can be read", where=path, hint="give PNG, JPEG, TIFF or DICOM") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError("is too large to be a radiograph", where=path, hint="give a smaller image") from error
    except (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, struct.error, zlib.error) as error:
        raise ImageError(f"is damaged ({_line(error)})", where=path, hint="fetch the image again") from error


def _read_dicom(path: Path) -> Image.Image:
    import pydicom
    from pydicom.pixels import apply_voi_lut, pixel_array

    try:
        record = pydicom.dcmread(path, force=True)
        if not any(name in record for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
            raise ImageError("is a DICOM file without pixels", where=path, hint="give the image, not a report or index")
        if int(record.get("NumberOfFrames") or 1) > 1:
            raise ImageError(
                f"has {record.NumberOfFrames} frames", where=path, hint="give a single radiograph, not a series"
            )
        _refuse_bomb(int(record.Rows) * int(record.Columns), path)
        values = apply_voi_lut(pixel_array(record), record)  # colour comes as RGB
        if record.PhotometricInterpretation == "MONOCHROME1":
            values = values.max() - values
        return _stretch(values, path)
    except (OSError, EOFError, ValueError, TypeError, AttributeError, LookupError, NotImplementedError, struct.error,
            RuntimeError) as error:  # fmt: skip
        # pydicom and its decoders raise all of these for damaged or unusual files.
        raise ImageError(
            f"is a DICOM file that cannot be decoded ({_line(error)})", where=path, hint="fetch the image again"
        ) from error


def _stretch(values: Any, path: Path) -> Image.Image:
    """Scale grey values of any depth so that the smallest becomes 0 and the largest 255; fractions are cut off."""
    import numpy as np
    from PIL import Image

    deep = np.asarray(values)
    darkest, brightest = deep.min().item(), deep.max().item()
    if deep.dtype in (np.uint8, np.uint16):  # each value that occurs is scaled once, not each pixel
        table = np.zeros(brightest + 1, dtype=np.uint8)
        table[darkest:] = _scaled(np.arange(darkest, brightest + 1), darkest, brightest)
        grey = table[deep]
    elif np.isfinite(deep).all():
        grey = _scaled(deep, darkest, brightest)
    else:
        raise ImageError("holds values that are not numbers", where=path, hint="fetch the image again")
    picture = Image.fromarray(grey)
    return picture if picture.mode in ("L", "RGB") else picture.convert("RGB")


def _scaled(values: Any, darkest: float, brightest: float) -> Any:
    import numpy as np

    above = values.astype(np.float64) - np.float64(darkest)
    span = np.float64(brightest) - np.float64(darkest)
    return (above / span * 255 if span > 0 else above).astype(np.uint8)


def _refuse_bomb(pixels: int, path: Path) -> None:
    if pixels > MAX_PIXELS:
        raise ImageError(
            f"has {pixels:,} pixels; more than {MAX_PIXELS:,} are refused", where=path, hint="give a smaller image"
        )


def _line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), "") or type(error).__name__
