"""Find the files of a data set, make sure that they are the version whose layout is known, and read their values."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.errors import InputError
from benchmarks.prepare.json_file import as_text, read_json
from benchmarks.prepare.output import Built
from benchmarks.wording import first_few

_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([YMWD]?)", re.IGNORECASE)
_YEARS = {"": 1.0, "Y": 1.0, "M": 1 / 12, "W": 1 / 52, "D": 1 / 365}
_DEPTHS = ("", "*/", "*/*/")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a builder hands out: the samples of a data set, and where they come from."""

    samples: Iterator[Built]
    image_root: Path
    """The folder that image paths are relative to, as it was found."""
    sources: Sequence[Path]
    """The files that were read."""
    ending: str | None = None
    """Of every image file there; None: as the samples have it."""
    notes: Sequence[str] = ()


def find_file(source: Path, name: str, other_versions: str, data_set: str) -> Path:
    """The file of a data set: `source` itself, or the file of this name in it or at most two folders below.

    Args:
        source: a file (taken as it is), or a folder.
        name: the file whose layout is known.
        other_versions: a pattern of file names; one that matches and is not `name` is another version.
        data_set: its name, for messages.

    Raises:
        InputError: there is none, there are several, or there is only another version.
    """
    if source.is_file():
        return source
    if not source.is_dir():
        raise InputError("no such file or folder", where=source, hint=f"give the folder of {data_set}")
    found = [path for depth in _DEPTHS for path in sorted(source.glob(depth + name)) if path.is_file()]
    if len(found) == 1:
        return found[0]
    if found:
        raise InputError(f"{len(found)} files are called {name} ({first_few(found)})", where=source, hint="name one")
    others = [path for depth in _DEPTHS for path in sorted(source.glob(depth + other_versions)) if path.is_file()]
    if others:
        raise InputError(
            f"another version of {data_set}: expected {name}, found {first_few([path.name for path in others])}",
            where=source,
            hint=f"give {others[0].name} itself to read it all the same: its columns are checked",
        )
    here = first_few(sorted(path.name for path in source.iterdir())) or "nothing"
    raise InputError(f"no {name} of {data_set}; found: {here}", where=source, hint="give the file or its folder")


def need_keys(row: Mapping[str, Any], keys: Iterable[str], where: object, data_set: str) -> None:
    """Make sure that an entry has what the data set's documentation names.

    Raises:
        InputError: it lacks something; says what was expected and what was found.
    """
    missing = [key for key in keys if key not in row]
    if missing:
        raise InputError(
            f"{', '.join(missing)} missing: not the known layout of {data_set}",
            where=where,
            hint=f"expected {', '.join(keys)}; found {', '.join(map(str, row)) or 'nothing'}",
        )


def read_entries(path: Path, keys: Sequence[str], data_set: str) -> dict[str, dict[str, Any]]:
    """A JSON file that is an object of objects: id -> entry, each with these keys.

    Raises:
        InputError: it is something else.
    """
    entries = read_json(path)
    if not isinstance(entries, dict) or not entries or not all(isinstance(one, dict) for one in entries.values()):
        found = f"{type(entries).__name__} of {len(entries)}" if isinstance(entries, list | dict) else "another value"
        raise InputError(
            f"expected an object with one object per id, found a {found}: not the known layout of {data_set}",
            where=path,
            hint="give the file as it was published",
        )
    for name, entry in entries.items():
        need_keys(entry, keys, f"{path}: {name}", data_set)
    return entries


def text_list(entry: Mapping[str, Any], key: str, where: object, data_set: str) -> list[str]:
    """A list of texts.

    Raises:
        InputError: it is something else.
    """
    value = entry[key]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InputError(
            f"{key} is not a list of texts: not the known layout of {data_set}",
            where=where,
            hint="give the file as it was published",
        )
    return value


def progression_labels(words: Mapping[str, str], known: Sequence[str], where: str) -> list[str]:
    """`finding: progression` of each finding that has one, from the words for it.

    Raises:
        InputError: a word is none of the data set's.
    """
    for finding, word in words.items():
        if word and word not in known:
            raise InputError(
                f"unknown progression {word!r} of {finding}", where=where, hint=f"expected {', '.join(known)}"
            )
    return [f"{finding}: {word}" for finding, word in words.items() if word]


def age_in_years(value: object) -> int | float | None:
    """An age as DICOM ("014Y", "006M") or a table ("77.0") writes it; None: there is none."""
    match = _AGE.fullmatch(as_text(value))
    if match is None:
        return None
    years = float(match[1]) * _YEARS[match[2].upper()]
    return int(years) if years.is_integer() else round(years, 2)


def sex_letter(value: object) -> str:
    """F, M or O; empty: unknown."""
    first = as_text(value)[:1].upper()
    return first if first in ("F", "M", "O") else ""


def iso_date(value: object) -> str:
    """A date as YYYY-MM-DD, from that or from DICOM's YYYYMMDD; empty: there is none."""
    text = as_text(value).replace("-", "")[:8]
    try:
        return datetime.strptime(text, "%Y%m%d").date().isoformat()
    except ValueError:
        return ""


def filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that say something."""
    return {name: value for name, value in fields.items() if value not in (None, "")}


def image_files(root: Path) -> dict[str, str]:
    """Name of an image file below the root -> its path; links are not followed."""
    return {
        name: (Path(parent) / name).relative_to(root).as_posix()
        for parent, _, names in os.walk(root)
        for name in names
        if name.lower().endswith((".png", ".jpg", ".jpeg", ".dcm"))
    }
