"""Texts that stand alone: one per line, or in a JSON array."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.errors import InputError
from benchmarks.files import reading
from benchmarks.files.json_text import parse_json


def text_lines(path: Path, column: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A row per line; an empty line is an empty text, the last line end begins no line.

    Raises:
        InputError: the file cannot be read.
    """
    for number, line in enumerate(_read(path).splitlines(), start=1):
        yield f"{path}:{number}", {column: line.strip()}


def begins_array(path: Path) -> bool:
    """Whether the first character of a file that is no blank opens an array; of a pipe it isn't looked at."""
    if not path.is_file():
        return False
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as stream:
            for line in stream:
                if line.strip():
                    return line.lstrip().startswith("[")
    except OSError:  # whoever reads it says so
        pass
    return False


def array_items(path: Path, column: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A row per item of a JSON array: objects as they are, texts under `column`.

    Raises:
        InputError: the file is no such array.
    """
    try:
        items = parse_json(_read(path))
    except json.JSONDecodeError as error:
        raise InputError(
            f"not valid JSON ({error.msg})", where=f"{path}:{error.lineno}", hint="write one array, or JSON lines"
        ) from error
    for number, item in enumerate(items, start=1):
        place = f"{path}: row {number}"
        if not isinstance(item, dict | str):
            raise InputError("is neither an object nor a text", where=place, hint="make the items of the array alike")
        yield place, {column: item} if isinstance(item, str) else item


def _read(path: Path) -> str:
    with reading(path):
        return path.read_text(encoding="utf-8-sig")
