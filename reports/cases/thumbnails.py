"""Radiographs as thumbnails inside an HTML file, or as links to the files."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from benchmarks.errors import ImageError
from benchmarks.machine import core_count

if TYPE_CHECKING:
    from benchmarks.images import ImageFinder

THUMBNAIL_PIXELS = 320
QUALITY = 70
SHOWN_BY_BROWSERS = (".png", ".jpg", ".jpeg", ".webp", ".gif")

How = Literal["embed", "link", "serve", "none"]


@dataclass(frozen=True, slots=True)
class PageImages:
    """What a page shows for each image name."""

    sources: dict[str, str] = field(default_factory=dict)
    """Name -> data URL or relative link."""
    missing: dict[str, str] = field(default_factory=dict)
    """Name -> why it cannot be shown."""


def page_images(
    names: Iterable[str],
    root: Path,
    *,
    how: How = "embed",
    page: Path,
    follow_links: bool = False,
    embeds_others: bool = True,
    on_image: Callable[[], None] = lambda: None,
) -> PageImages:
    """Make every image ready for a page.

    Args:
        names: image names as the suite has them.
        root: the image root.
        how: "embed" thumbnails, "link" to what browsers can show (others are embedded), or "serve": the page's server
            makes the thumbnails when they are looked at.
        page: the page's file; links are relative to it.
        follow_links: allow symbolic links that lead out of the root.
        embeds_others: whether "link" embeds what browsers cannot show; else it is missing.
        on_image: called once per image.
    """
    from benchmarks.images import ImageFinder

    found, finder = PageImages(), ImageFinder(root, follow_links=follow_links)

    def one(name: str) -> tuple[str, str | None, str]:
        try:
            return name, _source(name, finder, how, page, embeds_others), ""
        except ImageError as error:
            return name, None, error.what

    with ThreadPoolExecutor(core_count()) as threads:  # decoding leaves Python's lock
        for name, source, problem in threads.map(one, dict.fromkeys(names)):
            if source is None:
                found.missing[name] = problem
            else:
                found.sources[name] = source
            on_image()
    return found


def _source(name: str, finder: ImageFinder, how: How, page: Path, embeds_others: bool) -> str:
    (path,) = finder.find([name])
    if how == "serve":
        return f"image?name={quote(name, safe='')}"
    if how == "link" and path.suffix.lower() in SHOWN_BY_BROWSERS:
        return quote(os.path.relpath(path.absolute(), page.absolute().parent))
    if how == "link" and not embeds_others:
        raise ImageError("browsers do not show this kind of file; `libra-bench serve` does", where=path)
    return "data:image/webp;base64," + base64.b64encode(thumbnail(path)).decode()


def thumbnail(path: Path, pixels: int = THUMBNAIL_PIXELS) -> bytes:
    """A radiograph as a small WebP image.

    Raises:
        ImageError: it cannot be read.
    """
    from benchmarks.images import read_radiograph

    picture = read_radiograph(path)
    picture.thumbnail((pixels, pixels))
    stream = io.BytesIO()
    picture.save(stream, "WEBP", quality=QUALITY)
    return stream.getvalue()
