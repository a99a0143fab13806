"""DICOM as the original reads it: VOI LUT or window, MONOCHROME1 inverted, scaled by its own range."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.errors import ImageError
from benchmarks.images.depth import stretch
from benchmarks.images.limits import refuse_bomb

if TYPE_CHECKING:
    from PIL import Image

PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def read_dicom(path: Path) -> tuple[Image.Image, list[str]]:
    """One frame as an 8-bit picture ("L" or "RGB"), and what of the record was ignored.

    Raises:
        ImageError: no pixels, several frames, too large. Whatever else pydicom raises for a damaged file.
    """
    import pydicom
    from pydicom.pixels import apply_voi_lut, pixel_array

    record = pydicom.dcmread(path, force=True)
    if not any(name in record for name in PIXELS):
        raise ImageError("is a DICOM file without pixels", where=path, hint="give the image, not a report or index")
    if int(record.get("NumberOfFrames") or 1) > 1:
        raise ImageError(
            f"has {record.NumberOfFrames} frames", where=path, hint="give a single radiograph, not a series"
        )
    refuse_bomb(int(record.Columns), int(record.Rows), path)
    values = apply_voi_lut(pixel_array(record), record)  # colour comes as RGB
    if record.PhotometricInterpretation == "MONOCHROME1":
        values = values.max() - values
    return stretch(values, path), _passed_over(record)


def _passed_over(record: Any) -> list[str]:
    """What the record says about its grey values that the original ignores, and so do we."""
    slope, intercept = float(record.get("RescaleSlope") or 1), float(record.get("RescaleIntercept") or 0)
    windowed = "WindowCenter" in record or "VOILUTSequence" in record
    passed_over = []
    if slope < 0:
        passed_over.append(f"its RescaleSlope of {slope:g} (the picture comes out inverted)")
    if windowed and (slope != 1 or intercept != 0):
        passed_over.append("its rescale slope and intercept (the window is applied to the stored values)")
    if str(record.get("PresentationLUTShape", "")).upper() == "INVERSE" and (
        record.PhotometricInterpretation != "MONOCHROME1"
    ):
        passed_over.append("PresentationLUTShape INVERSE (the picture comes out inverted)")
    if record.PhotometricInterpretation == "PALETTE COLOR":
        passed_over.append("its colour palette (the numbers of the colours become grey values)")
    if "PixelPaddingValue" in record:
        passed_over.append("PixelPaddingValue (the padding counts as the darkest or brightest value)")
    return [f"DICOM: {what} is not heeded" for what in passed_over]
