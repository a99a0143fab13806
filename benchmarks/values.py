"""What a person typed (a flag, a recipe's field, a metric's parameter, an adapter's option), in its type."""

from __future__ import annotations

import functools
import os
import types
import typing
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal

from benchmarks.errors import InputError
from benchmarks.wording import nearest

if typing.TYPE_CHECKING:
    from pydantic import TypeAdapter

NONE_WORDS = ("none", "null")
"""The word for None in a recipe and among a metric's parameters."""
MAX_SHOWN = 60
"""Characters of a value that a message shows: it is one line."""


def converted(value: Any, kind: Any, *, where: object = None, name: str = "", none: Collection[str] = ()) -> Any:
    """A value in its type; text is read as it is typed on a command line.

    Args:
        value: text, or a value that has its type already.
        kind: int, float, bool, str, Path or Literal; a range (`Annotated[int, Ge(1)]`), a union (`int | None`), a
            sequence, or a mapping (typed as NAME=VALUE, one or a list).
        where: the flag or the file, for the message.
        name: what has the value, if `where` doesn't say.
        none: words for None, where `kind` includes it.

    Raises:
        InputError: says what is expected and what was given.
    """
    from pydantic import ValidationError

    choices = _choices(kind)
    wanted = [choice for choice in choices if choice is not type(None)]
    if len(wanted) < len(choices) and (value is None or (isinstance(value, str) and value.lower() in none)):
        return None
    if value is None:
        raise InputError(f"{name} needs a value".lstrip(), where=where)
    if str in wanted and isinstance(value, os.PathLike):
        return os.fspath(value)
    if _among(wanted, Mapping) and not isinstance(value, Mapping):
        return _pairs([value] if isinstance(value, str) else value, where)
    if _among(wanted, Sequence) and isinstance(value, str) and str not in wanted:
        value = [value]
    literals = {str(literal): literal for literal in _literals(wanted)}
    if isinstance(value, str) and value in literals:
        return literals[value]
    if (bool in wanted or not isinstance(value, bool)) and not has_surrogates(value):  # True is no number
        try:
            return _type_adapter(kind).validate_python(value)
        except ValidationError:
            pass
    guess = nearest(value, literals) if isinstance(value, str) else None
    raise InputError(
        f"{name} takes {in_words(kind, none)}, not {_shown(value)}".lstrip(),
        where=where,
        hint=f"did you mean {guess!r}?" if guess else None,
    )


def in_words(kind: Any, none: Collection[str] = ()) -> str:
    """What a type takes: "a whole number of at least 1", "stop or record"."""
    words: list[str] = []
    for choice in _choices(kind):
        base, *limits = typing.get_args(choice) if typing.get_origin(choice) is typing.Annotated else (choice,)
        if base is type(None):
            words += list(none)[:1]
        elif typing.get_origin(base) is Literal:
            words += map(str, typing.get_args(base))
        else:
            words.append(" ".join([_NOUNS.get(typing.get_origin(base) or base, "a path"), *_limits(limits)]))
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


_NOUNS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    Sequence: "a list",
    Mapping: "NAME=VALUE",
}
_BOUNDS = {"ge": "of at least", "gt": "above", "le": "of at most", "lt": "below"}


def _limits(limits: Iterable[Any]) -> list[str]:
    """The limits of a range: ["above 0", "and", "of at most 1"]."""
    found = [f"{words} {getattr(one, key)}" for one in limits for key, words in _BOUNDS.items() if hasattr(one, key)]
    return [" and ".join(found)] if found else []


def _choices(kind: Any) -> tuple[Any, ...]:
    union = typing.get_origin(kind) in (types.UnionType, typing.Union)
    return typing.get_args(kind) if union else (kind,)


def _among(kinds: Iterable[Any], origin: type) -> bool:
    return any(typing.get_origin(kind) is origin for kind in kinds)


def _literals(kinds: Iterable[Any]) -> list[Any]:
    return [choice for kind in kinds if typing.get_origin(kind) is Literal for choice in typing.get_args(kind)]


def _pairs(texts: Iterable[str], where: object) -> dict[str, str]:
    """NAME=VALUE texts as a mapping; a name may be written with hyphens."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise InputError(f"{_shown(text)} is not NAME=VALUE", where=where)
        found[name.replace("-", "_")] = value
    return found


def has_surrogates(value: Any) -> bool:
    """Whether a text has halves of characters, which Python makes of bytes that are not UTF-8."""
    return isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}... ({len(text):,} characters)"


@functools.cache
def _type_adapter(kind: Any) -> TypeAdapter[Any]:
    from pydantic import ConfigDict, TypeAdapter

    return TypeAdapter(kind, config=ConfigDict(coerce_numbers_to_str=True, allow_inf_nan=False))
