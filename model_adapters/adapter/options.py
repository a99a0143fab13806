"""Options of an adapter: each adapter declares what it knows, in `OPTIONS`; anything else is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from benchmarks.errors import InputError, UnknownNameError

_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    dict: 'a JSON object such as {"name": 1}',
}
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def checked_options(adapter: str, known: Mapping[str, type], given: Mapping[str, Any]) -> dict[str, Any]:
    """The options as the adapter's types; texts from the command line are converted.

    Args:
        adapter: its name, for messages.
        known: option -> int, float, bool, str or dict.
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
        options[name] = _converted(name, known[name], value)
    return options


def _converted(name: str, kind: type, value: Any) -> Any:
    if kind is str:
        return str(value)
    if kind is bool:
        if isinstance(value, bool):
            return value
        if str(value).lower() in _TRUTH:
            return _TRUTH[str(value).lower()]
    elif kind is dict:
        if isinstance(found := _parsed(value), dict):
            return found
    elif (number := _number(kind, value)) is not None:
        return number
    raise InputError(f"takes {_WORDS[kind]}, not {value!r}", where=f"option {name}")


def _number(kind: type, value: Any) -> Any:
    """The value as an int or a finite float; None where it is none."""
    try:
        number = kind(value)
    except (TypeError, ValueError, OverflowError):
        return None
    is_same = not isinstance(value, bool) and (isinstance(value, str) or number == value)
    return number if is_same and abs(number) < math.inf else None


def _parsed(value: Any) -> Any:
    """The value that a JSON text holds; None where it holds none."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None
