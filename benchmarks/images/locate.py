"""Finding the files that a suite names, below the image root and nowhere else."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from functools import cached_property
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
    return ImageFinder(root, follow_links=follow_links).find(images)


class ImageFinder:
    """Looks up the images of many studies; each folder is resolved once.

    Args:
        root: the image root.
        follow_links: allow symbolic links that lead out of the root.
    """

    def __init__(self, root: Path, *, follow_links: bool = False) -> None:
        self._root, self._follow_links = root, follow_links
        self._folders: dict[str, tuple[str, bool]] = {}
        """Folder below the root -> where it really is, and whether that is below the root."""

    def find(self, images: Sequence[str]) -> tuple[Path, ...]:
        """The files of a study, see `resolve_images`.

        Raises:
            ImageError: as `resolve_images`.
        """
        if len(images) > MAX_IMAGES:
            raise ImageError(
                f"{len(images)} images in one study", hint="give the current image, or the current and the prior one"
            )
        return tuple(map(self._find, images))

    def _find(self, name: str) -> Path:
        inside = os.path.normpath(name)
        if not name.strip() or inside == os.curdir or "\0" in name:
            raise ImageError(
                f"{name!r} is no image name", where=self._root, hint="give a path relative to the image root"
            )
        if "://" in name:
            raise ImageError(
                "is an address, and images are not fetched", where=name, hint="download it and give its path"
            )
        if os.path.isabs(name) or inside.partition(os.sep)[0] == os.pardir:
            raise ImageError(
                f"lies outside the image root {self._root}",
                where=name,
                hint="give a path below it, or another --image-root",
            )
        path = self._root / inside
        try:
            real, is_below, is_file = self._look(inside)
        except (OSError, RuntimeError) as error:  # missing, or a loop of links
            raise ImageError("no such image", where=path, hint="check the name and --image-root") from error
        if not self._follow_links and not is_below:
            raise ImageError(
                f"is a link out of the image root, to {real}", where=path, hint="pass --follow-links if you trust it"
            )
        if not is_file:
            raise ImageError("is not a file", where=path, hint="give the image file")
        return path

    def _look(self, inside: str) -> tuple[str, bool, bool]:
        """Where an image really is, whether that is below the root, and whether it is a file."""
        folder, name = os.path.split(inside)
        if folder not in self._folders:
            self._folders[folder] = self._resolved(folder)
        place, is_below = self._folders[folder]
        mode = os.lstat(os.path.join(place, name)).st_mode
        if not stat.S_ISLNK(mode):
            return os.path.join(place, name), is_below, stat.S_ISREG(mode)
        real, is_below = self._resolved(inside)
        return real, is_below, os.path.isfile(real)

    def _resolved(self, inside: str) -> tuple[str, bool]:
        real = (self._root / inside).resolve(strict=True)
        return str(real), real.is_relative_to(self._real_root)

    @cached_property
    def _real_root(self) -> Path:
        return self._root.resolve()
