"""HTTP to an OpenAI-compatible endpoint: time-outs, retries with growing pauses, rate limits; no key in any message."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from benchmarks.errors import ModelError, RefusedError

CONNECT_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0
LONGEST_WAIT_SECONDS = 600.0
"""The longest `Retry-After` that is obeyed; a longer one is a failure."""
PASSING = frozenset({408, 409, 425, 429})
"""Refusals that may pass, besides 5xx."""
HOPELESS = frozenset({401, 403, 404})
"""Refusals that every further question would meet, too."""
SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """A chat completion."""

    body: Mapping[str, Any]
    attempts: int


class Endpoint:
    """One endpoint; may be used by several threads."""

    def __init__(self, base_url: str, *, key: str | None, timeout_seconds: float, retries: int) -> None:
        self.base_url = base_url
        self._key, self._retries = key, retries
        self._client = httpx2.Client(
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx2.Timeout(timeout_seconds, connect=CONNECT_SECONDS),
            limits=httpx2.Limits(max_connections=None),
        )
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._not_before = 0.0
        """Until then (monotonic seconds) nobody asks: the endpoint said so."""

    def knock(self, *, key_variable: str) -> None:
        """Find out whether somebody answers, and accepts the key.

        Raises:
            ModelError: nobody, or the key is refused.
        """
        try:
            status = self._client.get(f"{self.base_url}/models", timeout=CONNECT_SECONDS).status_code
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
            raise ModelError(
                f"nobody answers there ({error})",
                where=self.base_url,
                hint="start the server, or correct --base-url (it usually ends in /v1)",
            ) from error
        except httpx2.HTTPError:
            return  # somebody is there; generation retries what goes wrong
        if status in (401, 403):
            what = "refuses the key" if self._key else "wants a key"
            raise ModelError(f"the endpoint {what} ({status})", where=self.base_url, hint=f"set {key_variable}")

    def complete(self, body: Mapping[str, Any]) -> Reply:
        """Ask for a chat completion, again and again while what went wrong may pass.

        Raises:
            ModelError: no further question can succeed either.
            RefusedError: this one failed.
        """
        fault = ""
        for attempt in range(1, self._retries + 2):
            self._wait_for_turn()
            pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (attempt - 1)) * random.uniform(0.5, 1)  # noqa: S311
            try:
                response = self._client.post(f"{self.base_url}/chat/completions", json=body)
                if response.status_code == 200:
                    return Reply(_completion(response), attempt)
                fault, asked = self._refused(response, attempt)
                if asked is not None:
                    self._hold_everybody(asked)
            except httpx2.TimeoutException as error:
                fault = f"no reply in time ({type(error).__name__})"
            except httpx2.HTTPError as error:
                fault = f"the connection failed ({type(error).__name__}: {error})"
            except ValueError as error:
                fault = f"an unreadable reply ({error})"
            if attempt <= self._retries and self._stopped.wait(pause):
                break
        raise RefusedError(f"{self._clean(fault)}, after {attempt} attempts", attempt)

    def stop(self) -> None:
        """End all pauses: the run is over."""
        self._stopped.set()

    def resume(self) -> None:
        """Allow pauses again."""
        self._stopped.clear()

    def _wait_for_turn(self) -> None:
        with self._lock:
            seconds = self._not_before - time.monotonic()
        if seconds > 0:
            self._stopped.wait(seconds)

    def _hold_everybody(self, seconds: float) -> None:
        with self._lock:
            self._not_before = max(self._not_before, time.monotonic() + seconds)

    def _refused(self, response: httpx2.Response, attempt: int) -> tuple[str, float | None]:
        """What a refusal says, and how long it asks us to wait."""
        status, message = response.status_code, self._clean(_message(response))
        fault = f"{status} {response.reason_phrase}: {message}"
        if status in HOPELESS:
            raise ModelError(fault, where=self.base_url, hint="check the model's name, --base-url and the key")
        if (status not in PASSING and status < 500) or "insufficient_quota" in response.text:
            raise RefusedError(fault, attempt)
        asked = _retry_after(response.headers.get("retry-after"))
        if asked is not None and asked > LONGEST_WAIT_SECONDS:
            raise RefusedError(f"{fault} (asks to wait {asked:.0f} seconds)", attempt)
        return fault, asked

    def _clean(self, text: str) -> str:
        """One line, and never the key."""
        return " ".join(text.replace(self._key, "***").split() if self._key else text.split())


def _completion(response: httpx2.Response) -> Mapping[str, Any]:
    """The reply as a chat completion.

    Raises:
        ValueError: it is none.
    """
    body = json.loads(response.content)
    try:
        content = body["choices"][0]["message"].get("content")
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError("no chat completion in it") from error
    if not isinstance(content, str | None) or not isinstance(body.get("usage") or {}, dict):
        raise ValueError("its content is not a text")
    return dict(body)


def _message(response: httpx2.Response) -> str:
    """What an error reply says, in short."""
    try:
        said = response.json()["error"]["message"]
    except (ValueError, KeyError, TypeError):
        said = response.text
    return str(said)[:SHOWN_CHARACTERS]


def _retry_after(header: str | None) -> float | None:
    """Seconds of a `Retry-After` header: a number, or a date."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
