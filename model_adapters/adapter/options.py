"""Options of an adapter: each adapter declares what it knows, in `OPTIONS`; anything else is refused."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from benchmarks.errors import InputError, UnknownNameError
from benchmarks.files.json_text import parse_json
from benchmarks.values import converted


def checked_options(adapter: str, known: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The options as the adapter's types; texts from the command line are converted.

    Args:
        adapter: its name, for messages.
        known: option -> int, float, bool, str, a Literal, a range (`Annotated[int, Ge(1)]`), or dict for a JSON
            object.
        given: option -> value; None means "not given".

    Raises:
        UnknownNameError: an option that the adapter does not have; names the nearest.
        InputError: a value of another type.
    """
    options = {}
    for name, value in given.items():
        if value is None:
            continue
        if name not in known:
            raise UnknownNameError(f"option of the {adapter} adapter", name, known)
        options[name] = _converted(value, known[name], f"option {name}")
    return options


def _converted(value: Any, kind: Any, where: str) -> Any:
    if kind is dict:
        return _json_object(value, where)
    found = converted(value, kind, where=where)
    if isinstance(found, float) and not math.isfinite(found):
        raise InputError(f"takes a finite number, not {value!r}", where=where)
    return found


def _json_object(value: Any, where: str) -> dict[str, Any]:
    """A JSON object, or the text of one.

    Raises:
        InputError: it isn't one.
    """
    try:
        found = parse_json(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if isinstance(found, dict):
        return found
    raise InputError("takes a JSON object", where=where, hint='write it as {"name": value}')
