"""Read a whole JSON file that a data set comes with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.errors import InputError
from benchmarks.files import reading
from benchmarks.files.json_text import parse_json


def read_json(path: Path) -> Any:
    """The value of a JSON file, with or without a byte-order mark.

    Raises:
        InputError: the file is missing, is not JSON, or names a key of an object twice; names the line.
    """
    try:
        with reading(path):
            return parse_json(path.read_bytes(), not_finite="null", unique_keys=True)
    except json.JSONDecodeError as error:
        raise InputError(
            f"not valid JSON ({error.msg})", where=f"{path}:{error.lineno}", hint="download it again"
        ) from error


def read_json_list(path: Path) -> list[dict[str, Any]]:
    """A JSON file that is a list of objects.

    Raises:
        InputError: it is not.
    """
    value = read_json(path)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InputError("is not a list of objects", where=path, hint="give the file as it was published")
    return value


def as_text(value: object) -> str:
    """A field as text; null and NaN are the empty text."""
    return "" if value is None or value != value else str(value).strip()
