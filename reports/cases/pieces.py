"""The cases of a large report as files beside it, which the page loads when they are looked at.

`report.html` has `report_cases/VERSION/`, named by the hash of what is in it. A new version is written as a whole under
another name, then the page that names it takes the place of the old one, then the old version is removed: whenever a
process dies, the page that is there has its cases. Pieces are scripts, since a page opened from disk can load no other
kind of file; each hands one JSON text to the page.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.errors import StorageError
from benchmarks.files import atomic_write
from benchmarks.files.folder_lock import remove_leftovers

CASES_PER_PIECE = 50
AT_ONCE = 1_000
"""Items of a longer list, or characters of a text, that become JSON together."""
INDEX, WORDS = "index", "words"
"""The pieces that are about all cases."""
_VERSION = re.compile(r"[0-9a-f]{12}")
PIECE_NAME = re.compile(r"(?:\d{4,}|index|words)\.js")


def pieces_folder(page: Path) -> Path:
    """Where the pieces of a page are."""
    return page.with_name(f"{page.stem}_cases")


def piece_name(number: int) -> str:
    """The name of the piece with this number, from 0."""
    return f"{number:04d}"


class PieceWriter:
    """Writes pieces into a folder that has no name yet."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._hash = folder, hashlib.sha256()

    def write(self, name: str, value: Any) -> None:
        """Write a piece.

        Raises:
            StorageError: it cannot be written.
        """
        with atomic_write(self._folder / f"{name}.js", private=True) as stream:
            for part in _source(name, value):
                self._hash.update(part.encode())
                stream.write(part)

    @property
    def version(self) -> str:
        """The hash of what was written."""
        return self._hash.hexdigest()[:12]


def _source(name: str, value: Any) -> Iterator[str]:
    yield f'reportPiece({json.dumps(name)}, "'
    yield from (json.dumps(part)[1:-1] for part in _json_parts(value))
    yield '");\n'


def _json_parts(value: Any) -> Iterator[str]:
    """JSON in parts of bounded length; any sequence is a list."""
    if isinstance(value, Mapping):
        yield "{"
        for number, (key, item) in enumerate(value.items()):
            yield f"{',' if number else ''}{_json(key)}:"
            yield from _json_parts(item)
        yield "}"
    elif isinstance(value, str):
        yield '"'
        yield from (_json(value[start : start + AT_ONCE])[1:-1] for start in range(0, len(value), AT_ONCE))
        yield '"'
    elif isinstance(value, Sequence):
        yield "["
        for start in range(0, len(value), AT_ONCE):
            some = [*value[start : start + AT_ONCE]]
            yield "," if start else ""
            if len(value) > AT_ONCE:
                yield _json(some)[1:-1]
                continue
            for number, item in enumerate(some):
                yield "," if number else ""
                yield from _json_parts(item)
        yield "]"
    else:
        yield _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


@contextmanager
def new_pieces(page: Path) -> Iterator[PieceWriter]:
    """A writer of the pieces of a page; at the end of the block they are there under their version's name.

    Raises:
        StorageError: they cannot be written; nothing is left.
    """
    folder = pieces_folder(page)
    unnamed = folder / f".new.{os.getpid()}.tmp"
    try:
        shutil.rmtree(unnamed, ignore_errors=True)  # of a process that was killed and had this number: in a container
        page.parent.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(page.parent.stat().st_mode)
        for place in (folder, unnamed):
            place.mkdir(exist_ok=True)
            if place == unnamed or not any(place.iterdir()):
                place.chmod(mode)  # who may write beside the page may write here
        remove_leftovers(folder)
        writer = PieceWriter(unnamed)
        yield writer
        if not (folder / writer.version).exists():
            unnamed.rename(folder / writer.version)
    except OSError as error:
        raise StorageError(
            f"cannot write ({error.strerror or error})", where=folder, hint="free some space or choose another folder"
        ) from error
    finally:
        shutil.rmtree(unnamed, ignore_errors=True)


def remove_other_pieces(page: Path, version: str | None) -> None:
    """Remove the pieces of earlier versions of a page; None: it has none any more. Nothing else is touched."""
    folder = pieces_folder(page)
    if not folder.is_dir():
        return
    remove_leftovers(folder)
    for place in folder.iterdir():
        if _VERSION.fullmatch(place.name) and place.name != version and _holds_pieces(place):
            shutil.rmtree(place, ignore_errors=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def _holds_pieces(folder: Path) -> bool:
    return folder.is_dir() and all(PIECE_NAME.fullmatch(path.name) for path in folder.iterdir())
