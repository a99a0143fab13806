"""The cases as a page has them: all in the page, or in pieces beside it, with their images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from reports.cases import Cases
from reports.cases.pieces import CASES_PER_PIECE, INDEX, WORDS, PieceWriter, new_pieces, piece_name, pieces_folder
from reports.cases.thumbnails import PageImages

ShowImages: TypeAlias = Callable[[Sequence[str]], PageImages]
"""Names of images -> what a page shows for them."""


@dataclass(frozen=True, slots=True)
class PageCases:
    """The cases of a page."""

    data: Mapping[str, Any]
    """What the page has of them: all, or where the pieces are."""
    images: Mapping[str, str]
    """Name -> source of the images that are in the page."""
    n_images: int
    """Images in the page or its pieces."""
    n_missing: int
    """Images that could not be shown."""
    version: str | None = None
    """Of the pieces; None: all cases are in the page."""


def in_the_page(cases: Cases, show_images: ShowImages) -> PageCases:
    """All cases as a part of the page."""
    found = list(cases)
    images = show_images(cases.image_names)
    data = {
        **cases.head,
        "folder": None,
        "index": cases.index.as_json(),
        "words": cases.words.as_json() if cases.head["text"] else None,
        "cases": found,
        "images": bool(images.sources or images.missing),
        "missing": images.missing,
    }
    return PageCases(data, images.sources, len(images.sources), len(images.missing))


def in_pieces(cases: Cases, page: Path, show_images: ShowImages) -> PageCases:
    """The cases as files beside the page, of some cases each; only as many are in memory at a time.

    Raises:
        StorageError: they cannot be written; nothing is left.
    """
    shown: set[str] = set()
    missing: set[str] = set()

    def write(writer: PieceWriter, number: int, some: Sequence[Mapping[str, Any]]) -> None:
        images = show_images(list(dict.fromkeys(name for case in some for name in case["images"])))
        shown.update(images.sources)
        missing.update(images.missing)
        writer.write(piece_name(number), {"cases": some, "images": images.sources, "missing": images.missing})

    with new_pieces(page) as writer:
        number, some = 0, []
        for case in cases:
            some.append(case)
            if len(some) == CASES_PER_PIECE:
                write(writer, number, some)
                number, some = number + 1, []
        if some:
            write(writer, number, some)
        if cases.head["text"]:
            writer.write(WORDS, cases.words.as_json())
        writer.write(INDEX, cases.index.as_json())
    data = {
        **cases.head,
        "folder": f"{pieces_folder(page).name}/{writer.version}",
        "size": CASES_PER_PIECE,
        "images": bool(shown or missing),
    }
    return PageCases(data, {}, len(shown), len(missing), writer.version)
