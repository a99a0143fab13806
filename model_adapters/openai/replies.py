"""What an OpenAI-compatible server replies: texts, refusals, counts. None of it is taken for what it should be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from benchmarks.errors import GenerationError
from benchmarks.files.json_text import shallow_json

SHOWN_CHARACTERS = 200
"""Of an error message, or a name."""
MAX_COUNT = 2**53
"""No usage is larger."""


@dataclass(frozen=True, slots=True)
class ChatReply:
    """A chat completion; what the server does not say, or says in no sensible way, is None."""

    text: str
    finish: Literal["stop", "length"]
    attempts: int = 1
    """How often it was asked."""
    model: str | None = None
    """What it says has answered."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None
    """As the server states it."""


def chat_reply(content: bytes, attempts: int) -> ChatReply:
    """Read a chat completion.

    Raises:
        ValueError: it is none.
        GenerationError: a content filter took the text away.
    """
    try:
        body = shallow_json(content)
    except ValueError as error:
        raise ValueError(f"not JSON ({type(error).__name__})") from error
    try:
        choice, usage = body["choices"][0], body.get("usage")
        message = choice["message"]
        said, refusal, finish = message.get("content"), message.get("refusal"), choice.get("finish_reason")
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError("no chat completion in it") from error
    if finish == "content_filter":
        raise GenerationError("the endpoint withheld the answer (content filter)")
    text = said or refusal or ""
    if not isinstance(text, str):
        raise ValueError("its content is not a text")
    usage = usage if isinstance(usage, dict) else {}
    model = body.get("model")
    return ChatReply(
        text=whole_characters(text).strip(),
        finish="length" if finish == "length" else "stop",
        attempts=attempts,
        model=model if isinstance(model, str) else None,
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        cost=_amount(usage.get("cost")),
    )


def error_message(content: bytes) -> str:
    """What an error reply says: its message, else all of it."""
    text = content.decode("utf-8", errors="replace")
    try:
        said = shallow_json(text)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        said = text
    return said if isinstance(said, str) else text


def model_names(content: bytes) -> list[str]:
    """The models that a server lists; none where it lists nothing that makes sense."""
    try:
        names = [entry["id"] for entry in shallow_json(content)["data"]]
    except (ValueError, KeyError, TypeError):
        return []
    return [name for name in names if isinstance(name, str)]


def seconds_to_wait(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """What `Retry-After` asks for, a number of seconds or a date; None where it says nothing that makes sense."""
    stated = headers.get("retry-after")
    if stated is None:
        return None
    try:
        seconds = float(stated)
    except ValueError:
        try:
            moment = parsedate_to_datetime(stated)
        except (ValueError, TypeError, OverflowError):
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = (moment - (now or datetime.now(UTC))).total_seconds()
    return None if math.isnan(seconds) else max(0.0, seconds)


def one_line(text: str) -> str:
    """The beginning of a foreign text, as it may be printed: one line, without control characters."""
    shown = "".join(character if character.isprintable() else " " for character in text[: 2 * SHOWN_CHARACTERS])
    return " ".join(shown.split())[:SHOWN_CHARACTERS]


def whole_characters(text: str) -> str:
    """The text without halves of characters (lone surrogates), which no file can hold."""
    return text.encode("utf-16", errors="surrogatepass").decode("utf-16", errors="replace")


def _count(value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT
    return value if is_count else None


def _amount(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= MAX_COUNT else None
