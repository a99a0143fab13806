"""A record that is a JSON file: typed, versioned, and read with one line of advice where it cannot be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import to_jsonable_python

from benchmarks.errors import InputError
from benchmarks.files import write_json
from benchmarks.files.json_text import parse_json

VERSION_KEY = "schema_version"


class Record(BaseModel):
    """A frozen record. Keys that it has no field for stay in it, at every level, and are written again."""

    model_config = ConfigDict(frozen=True, strict=True, extra="allow", populate_by_name=True)

    def as_json(self) -> dict[str, Any]:
        """The record as JSON values; what JSON does not have (NaN, foreign objects) becomes null or text."""
        return {
            key: plain(value) for key, value in self.model_dump(by_alias=True, fallback=_plain_object).items()
        }  # field by field, so that the order of the fields is the order in the file


R = TypeVar("R", bound=Record)


def plain(value: Any) -> Any:
    """A value as JSON has it: NaN and infinity become null, arrays lists, and other objects their text."""
    return to_jsonable_python(value, inf_nan_mode="null", fallback=_plain_object)


def _plain_object(value: Any) -> Any:
    to_list = getattr(value, "tolist", None)  # numpy's scalars and arrays
    return to_list() if callable(to_list) else str(value)


def write_record(path: Path, record: Record) -> None:
    """Write a record atomically.

    Raises:
        StorageError: it cannot be written; the old file stays.
    """
    write_json(path, record.as_json())


def read_record(
    path: Path,
    kind: type[R],
    *,
    version: int,
    hint: str,
    upgrade: Callable[[dict[str, Any]], dict[str, Any]] = lambda content: content,
) -> R | None:
    """Read a record of any layout up to `version`.

    Args:
        path: the file.
        kind: its type.
        version: the newest layout that `kind` knows.
        hint: what to do about a file that cannot be used.
        upgrade: brings the content of an older layout up to date; gets a JSON object whose values may be of any type.

    Returns:
        The record; None where there is no such file.

    Raises:
        InputError: the file cannot be read, is not such a record, or was written by a newer version.
    """
    try:
        # NaN is not JSON, but older versions wrote it among `details`
        content = parse_json(path.read_bytes(), not_finite="null")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path, hint="check the path") from error
    except json.JSONDecodeError as error:
        raise InputError(f"cannot be read as JSON ({error.msg})", where=path, hint=hint) from error
    check_version(content, version, path, hint)
    try:
        return kind.model_validate_json(json.dumps(upgrade(content)))
    except ValidationError as error:
        raise InputError(first_fault(error), where=path, hint=hint) from error


def check_version(content: Any, version: int, path: Path, hint: str) -> None:
    """Make sure that a record is one that this code knows.

    Raises:
        InputError: it is from a newer version, or no record at all.
    """
    if not isinstance(content, dict):
        raise InputError(f"expected a JSON object, found {_named(content)}", where=path, hint=hint)
    found = content.get(VERSION_KEY, version)  # hand-made files may lack it
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise InputError(f"{VERSION_KEY} is {_named(found)}, not a version", where=path, hint=hint)
    if found > version:
        raise InputError(
            f"written by a newer libra-bench (layout {found}, this one reads up to {version})",
            where=path,
            hint="update libra-bench",
        )


def first_fault(error: ValidationError) -> str:
    """`suite.n should be a valid integer, found "many"`, and how many more there are."""
    faults = error.errors()
    fault = faults[0]
    place = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "missing":
        found = f"lacks {place}"
    elif fault["type"] in ("value_error", "assertion_error"):  # a validator's, which says it all
        found = f"{place}: {fault['ctx']['error']}".removeprefix(": ").rstrip(".")
    else:
        what = fault["msg"][0].lower() + fault["msg"][1:]
        found = f"{place} {what.removeprefix('input ')}, found {_named(fault['input'])}".lstrip()
    return found + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else "")


def _named(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 40 else f"{text[:37]}..."
