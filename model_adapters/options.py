"""Options of an adapter: each adapter declares what it knows, in `OPTIONS`; anything else is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from benchmarks.errors import InputError, UnknownNameError
from benchmarks.values import converted


def checked_options(adapter: str, known: Mapping[str, type] | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options as the adapter's types; texts from the command line are converted.

    Args:
        adapter: its name, for messages.
        known: option -> int, float, bool or str; None where the adapter does not say: everything is passed on.
        given: option -> value; None means "not given".

    Raises:
        UnknownNameError: an option that the adapter does not have; names the nearest.
        InputError: a value of another type.
    """
    options = {}
    for name, value in given.items():
        if value is None:
            continue
        if known is None:
            options[name] = value
        elif name in known:
            options[name] = converted(value, known[name], where=f"option {name}")
        else:
            raise UnknownNameError(f"option of the {adapter} adapter", name, known)
    return options


def json_object(text: str, name: str) -> dict[str, Any]:
    """The value of an option that is a JSON object.

    Raises:
        InputError: it isn't one.
    """
    hint = 'write it as {"name": value}'
    try:
        fields = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON ({error.msg})", where=f"option {name}", hint=hint) from error
    if not isinstance(fields, dict):
        raise InputError("not a JSON object", where=f"option {name}", hint=hint)
    return fields
