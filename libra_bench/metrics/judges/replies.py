"""A judge's reply, parsed with tolerance; what cannot be parsed raises an error that says why."""

from __future__ import annotations

import json
import re
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from benchmarks.errors import UnreadableReplyError
from benchmarks.files.json_text import too_deep_at
from benchmarks.wording import first_line

MAX_COUNT = 1000
"""Maximum of findings or errors in one report; larger counts are errors of the judge."""

_THOUGHT = re.compile(r"<think>.*?</think>|^.*?</think>", re.DOTALL)
_FENCE = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)
_DECODER = json.JSONDecoder()

Reply = TypeVar("Reply", bound=BaseModel)


def answer_in(text: str) -> str:
    """A reply without the model's thinking before it."""
    return _THOUGHT.sub("", text, count=1).strip()


def json_in(text: str) -> dict[str, Any]:
    """The JSON object in a reply: all of it, in a fence, or with words around it.

    Raises:
        UnreadableReplyError: there is none.
    """
    said = answer_in(text)
    if not said:
        raise UnreadableReplyError("the reply is empty")
    for part in (said, *_FENCE.findall(said)):
        if (found := _object(part.strip())) is not None:
            return found
    start = said.find("{")
    if start < 0:
        raise UnreadableReplyError("the reply is prose, without a JSON object")
    if (found := _object(said[start:])) is not None:
        return found
    raise UnreadableReplyError("the reply holds no whole JSON object")


def checked(content: Any, kind: type[Reply]) -> Reply:
    """A reply's content in its type.

    Raises:
        UnreadableReplyError: names the first part that is missing or wrong.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, fault["loc"])) or "the reply"
        raise UnreadableReplyError(f"{place}: {first_line(fault['msg'])}") from error


def _object(text: str) -> dict[str, Any] | None:
    """The object that a text begins with; words may follow."""
    try:
        found, _ = _DECODER.raw_decode(text[: too_deep_at(text)])
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
