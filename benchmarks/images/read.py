"""Reading one radiograph of any format as an 8-bit image."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.errors import ImageError, ImageWarning
from benchmarks.images.deep_png import is_deep, read_deep
from benchmarks.images.depth import stretch
from benchmarks.images.dicom import read_dicom
from benchmarks.images.limits import refuse_bomb
from benchmarks.wording import first_line

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
"""What Pillow may take a file for. It knows more, and starts Ghostscript for one of them."""
DICOM_SUFFIXES = (".dcm", ".dicom")
DEEP_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
"""Pillow's modes with more than 8 bits of grey."""
ORIENTATION = 0x0112
"""The Exif tag that says how to turn a picture."""


def read_radiograph(path: Path) -> Image.Image:
    """Read one radiograph as an RGB picture of 8 bits; transparency is dropped, not composited.

    Warns (`ImageWarning`, once per kind) about what the file says and is ignored.

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
    picture, remarks = _read(path)
    for remark in remarks:
        warnings.warn(f"images: {remark}, as in the original", ImageWarning, stacklevel=1)  # one place: once per kind
    return picture


def remarks_on(path: Path) -> list[str]:
    """What a file says and is ignored: a rotation, a rescale slope, ...

    Raises:
        ImageError: as `read_radiograph`.
    """
    return _read(path)[1]


def _read(path: Path) -> tuple[Image.Image, list[str]]:
    try:
        with path.open("rb") as stream:
            head = stream.read(132)
    except OSError as error:
        raise ImageError(f"cannot be read ({error.strerror or error})", where=path, hint="check the path") from error
    if not head:
        raise ImageError("is an empty file", where=path, hint="fetch the image again")
    is_dicom = head[128:132] == b"DICM" or path.suffix.lower() in DICOM_SUFFIXES
    try:
        return read_dicom(path) if is_dicom else _read_picture(path, is_deep(head))
    except ImageError:
        raise
    except Exception as error:  # decoders raise anything for a damaged file
        what = "is a DICOM file that cannot be decoded" if is_dicom else "is damaged"
        raise ImageError(f"{what} ({first_line(error)})", where=path, hint="fetch the image again") from error


def _read_picture(path: Path, deep: bool) -> tuple[Image.Image, list[str]]:
    from PIL import Image, ImageFile, UnidentifiedImageError

    if ImageFile.LOAD_TRUNCATED_IMAGES:  # another package's doing: a damaged image would come out half grey
        raise ImageError(
            "Pillow is set to accept truncated images", where=path, hint="set ImageFile.LOAD_TRUNCATED_IMAGES = False"
        )
    try:
        with Image.open(path, formats=FORMATS) as picture:
            refuse_bomb(picture.width, picture.height, path)
            if picture.format != "MPO" and getattr(picture, "n_frames", 1) > 1:  # MPO: a photo with its previews
                raise ImageError("holds several images", where=path, hint="save the radiograph on its own")
            picture.load()
            return _in_8_bits(picture, path, deep), _passed_over(picture)
    except UnidentifiedImageError as error:
        raise ImageError(
            "is no image that can be read", where=path, hint=f"give {', '.join(FORMATS)} or DICOM"
        ) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError("is too large to be a radiograph", where=path, hint="give a smaller image") from error


def _in_8_bits(picture: Image.Image, path: Path, deep: bool) -> Image.Image:
    if picture.mode in DEEP_MODES:
        return stretch(picture, path)
    if deep:
        return stretch(read_deep(path.read_bytes()), path)
    return picture if picture.mode == "L" else picture.convert("RGB")


def _passed_over(picture: Image.Image) -> list[str]:
    turned = picture.getexif().get(ORIENTATION, 1) != 1
    return ["the rotation that Exif data asks for is ignored"] if turned else []
