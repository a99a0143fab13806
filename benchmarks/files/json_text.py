"""JSON as it is read everywhere: only values that can be written again, and not nested too deep."""

from __future__ import annotations

import json
import math
import re
from json import JSONDecodeError
from typing import Any, Literal, NoReturn

MAX_DEPTH = 64
"""Lists and objects within each other; far beyond what any file has, within what every library can handle."""
TOO_DEEP = f"nested more than {MAX_DEPTH} deep"
MIN_INTEGER, MAX_INTEGER = -(2**63), 2**64 - 1
_TO_BRACKET = re.compile(r'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.?)*+(?:"|\Z))*+([\[\]{}])', re.DOTALL)
"""Up to the next bracket that is not within quotes; in time that grows with the text alone."""


def parse_json(
    text: str | bytes, *, not_finite: Literal["refuse", "null"] = "refuse", unique_keys: bool = False
) -> Any:
    """The value of a JSON text.

    Args:
        text: as text, or as UTF-8 bytes, with or without a byte-order mark.
        not_finite: what to do with NaN, Infinity and numbers as large as 1e400, which JSON does not have.
        unique_keys: refuse an object that names a key twice; else the last of its values counts.

    Raises:
        JSONDecodeError: it is not JSON, not UTF-8, nested too deep, or holds an integer of more than 64 bits or half a
            character ("\\ud800"): values that no later step could write down again.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise JSONDecodeError(f"not UTF-8 text (byte {error.start})", "", 0) from error
    source = text.removeprefix("\ufeff")
    keeps = not_finite == "null"

    def refuse(what: str) -> NoReturn:
        raise JSONDecodeError(what, source, 0)

    def constant(name: str) -> None:
        if not keeps:
            refuse(f"{name} is not a JSON value; use null where there is no value")

    def number(digits: str) -> float | None:
        if not math.isfinite(found := float(digits)):
            constant(digits[:20])
            return None
        return found

    def integer(digits: str) -> int:
        if len(digits) > len(str(MIN_INTEGER)) or not MIN_INTEGER <= int(digits) <= MAX_INTEGER:
            refuse(f"an integer of {len(digits.lstrip('-'))} digits; put it in quotes")
        return int(digits)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(found := dict(pairs)) < len(pairs):
            names = [name for name, _ in pairs]
            refuse(f"{next(name for name in names if names.count(name) > 1)!r} occurs twice in one object")
        return found

    value = shallow_json(
        source,
        parse_constant=constant,
        parse_float=number,
        parse_int=integer,
        object_pairs_hook=unique if unique_keys else None,
    )
    if "\\ud" in source.lower() or not _is_encodable(source):
        half = not _is_encodable(json.dumps(value, ensure_ascii=False))
        if half:
            refuse("half a character (a lone surrogate such as \\ud800)")
    return value


def shallow_json(text: str | bytes, **hooks: Any) -> Any:
    """The value of a JSON text as Python's reader takes it, with NaN, long integers and halves of characters.

    Python's reader calls itself for every level. Near the end of the stack not it alone fails: so does whatever
    Python cleans up at that moment, and that without anybody being told.

    Args:
        text: as text, or as bytes.
        hooks: as `json.loads` takes them.

    Raises:
        JSONDecodeError: it is not JSON, or nested too deep.
        ValueError: an integer of thousands of digits.
        UnicodeDecodeError: bytes that are not text.
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text))
    if (place := too_deep_at(text)) is not None:
        raise JSONDecodeError(TOO_DEEP, text, place)
    return json.loads(text, **hooks)


def too_deep_at(text: str) -> int | None:
    """Where in a JSON text, or one that begins as one, more lists and objects are open than any file needs."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return None
    depth = place = 0
    while found := _TO_BRACKET.match(text, place):
        place = found.end()
        depth = depth + 1 if found[1] in "[{" else max(depth - 1, 0)
        if depth > MAX_DEPTH:
            return found.start(1)
    return None


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
