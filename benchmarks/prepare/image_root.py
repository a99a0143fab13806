"""Which of several folders holds the images of a suite, and with which ending."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

ENDINGS = (".jpg", ".dcm", ".png", ".jpeg")
LOOKED_FOR = 50


def find_image_root(roots: Sequence[Path], images: Sequence[str], default: Path) -> tuple[Path, str]:
    """The folder that image paths are relative to, and the ending that the images have there.

    Args:
        roots: folders to look in; of several that hold as many images the first counts.
        images: paths; the first fifty are looked for.
        default: the folder if there are no roots.
    """
    best, chosen = 0, (roots[0] if roots else default, Path(images[0]).suffix if images else ENDINGS[0])
    for root in roots:
        for ending in dict.fromkeys((chosen[1], *ENDINGS)):
            there = sum((root / path).with_suffix(ending).is_file() for path in images[:LOOKED_FOR])
            if there > best:
                best, chosen = there, (root, ending)
    return chosen
