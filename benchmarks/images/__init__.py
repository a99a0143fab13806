"""Radiographs: finding the files that a suite names, and reading them as 8-bit images.

Formats: PNG, JPEG, TIFF, BMP, WebP and DICOM, told apart by content first and by name second. No process-wide setting
is changed, so any number of threads may read at once.

More than 8 bits are scaled so that the file's own darkest value becomes black and its brightest white: a 12-bit
radiograph in a 16-bit file is then neither black (scaled by 65,535) nor white (clipped at 255). Libra clips grey and
blackens colour here; this is a deliberate difference. DICOM is read as Libra does: VOI LUT or window, MONOCHROME1
inverted, the same scaling, fractions cut off. What a file says and is ignored (a rescale slope, a
rotation, ...) is warned of once per kind (`ImageWarning`), and `remarks_on` tells it of one file.
"""

from benchmarks.images.limits import MAX_PIXELS, MAX_SIDE
from benchmarks.images.locate import ImageFinder, resolve_images
from benchmarks.images.read import read_grey_or_colour, read_radiograph, remarks_on

__all__ = [
    "MAX_PIXELS",
    "MAX_SIDE",
    "ImageFinder",
    "read_grey_or_colour",
    "read_radiograph",
    "remarks_on",
    "resolve_images",
]
