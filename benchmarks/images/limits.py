"""How large an image may be; checked before it is decoded."""

from __future__ import annotations

from pathlib import Path

from benchmarks.errors import ImageError

MAX_PIXELS = 100_000_000
"""A large radiograph has about 25 million pixels."""
MAX_SIDE = 10_000
"""Pixels. A picture is padded to a square, so a long, thin one would take the square of its longer side."""


def refuse_bomb(width: int, height: int, path: Path) -> None:
    """Make sure that a picture can be unpacked and padded in a bounded amount of memory.

    Args:
        width: pixels.
        height: pixels.
        path: the file, for the message.

    Raises:
        ImageError: too many pixels, or a side that is too long.
    """
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"has {width * height:,} pixels; more than {MAX_PIXELS:,} are refused",
            where=path,
            hint="give a smaller image",
        )
    if max(width, height) > MAX_SIDE:
        raise ImageError(
            f"is {width:,} x {height:,} pixels; a side of more than {MAX_SIDE:,} is refused",
            where=path,
            hint="give a smaller image",
        )
