"""Finding the files that a suite names, below the image root and nowhere else."""

from __future__ import annotations

import os.path
from collections.abc import Sequence
from pathlib import Path

from benchmarks.errors import ImageError

MAX_IMAGES = 2
"""The current and the prior image."""


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
    if not name.strip() or inside == os.curdir or "\0" in name:
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
