"""The one HTTP client for OpenAI-compatible servers: deadlines, retries, rate limits, bounded replies.

    endpoint = Endpoint(checked_address("http://localhost:8000/v1"), key=key_of_environment())
    endpoint.check_access()
    endpoint.complete({"model": "name", "messages": [{"role": "user", "content": "Hello."}]}).text

Any number of threads may ask at once. The key appears in no message and in no reply.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, Any

import httpx2

from benchmarks.errors import GenerationError, ModelError, RefusedError
from benchmarks.files.secrets import MIN_SECRET, without_secrets
from benchmarks.wording import first_line
from model_adapters.openai.address import KEY_VARIABLE
from model_adapters.openai.background import Background
from model_adapters.openai.replies import (
    ChatReply,
    chat_reply,
    error_message,
    model_names,
    one_line,
    seconds_to_wait,
)

if TYPE_CHECKING:
    from tenacity import AsyncRetrying

TIMEOUT_SECONDS = 300.0
RETRIES = 6
CONNECT_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 60.0
MAX_WAIT_SECONDS = 600.0
"""The longest `Retry-After` that is obeyed; a longer one is a failure."""
TRIAL_SECONDS = 60.0
"""For one token; a server that loads its model first may take longer, and is asked for answers all the same."""
SHOWN_MODELS = 5
MAX_REPLY_BYTES = 16 * 2**20
"""A chat completion of 100,000 tokens has about 1 MB."""
JSON = {"Content-Type": "application/json"}
PASSING = frozenset({408, 409, 425, 429})
"""Statuses worth a retry, besides 5xx."""
FOR_GOOD = (b"insufficient_quota", b"response_format")
"""What is in a reply that looks like a passing failure (429, 5xx) and is none: some servers answer 500 to a field of a
request that they do not take."""
HOPELESS = frozenset({401, 403, 404})
"""Statuses that every further question would get, too."""

logger = logging.getLogger(__name__)


class _PassingError(Exception):
    """A failure that a retry may not meet."""


class Endpoint:
    """One server.

    Args:
        base_url: see `checked_address`.
        key: see `key_of_environment`; None sends none.
        secrets: what else is sent and must not be written down where the server repeats it.
        timeout_seconds: how long one attempt may take, from connecting to the last byte of the reply.
        retries: how often a question is asked again while what went wrong may pass.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None = None,
        secrets: Iterable[str] = (),
        timeout_seconds: float = TIMEOUT_SECONDS,
        retries: int = RETRIES,
    ) -> None:
        self.base_url = base_url
        self._key, self._timeout, self._retries = key, timeout_seconds, retries
        self._secrets = frozenset(secrets) | ({key} if key and len(key) >= MIN_SECRET else set())
        self._client = httpx2.AsyncClient(
            headers={"Accept-Encoding": "identity", **({"Authorization": f"Bearer {key}"} if key else {})},
            timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),  # a deadline for the whole is set around it
            limits=httpx2.Limits(max_connections=None),
        )
        self._background = Background("endpoint")
        self._not_before = 0.0
        """No question is sent before then (monotonic seconds), as the server asked."""

    def check_access(self, model: str | None = None) -> None:
        """Find out whether a server answers, accepts the key and knows the model, with the list of its models.

        A model that is not in the list, or any where there is no list, is asked for one token: some servers know more
        names than they list.

        Args:
            model: None: any.

        Raises:
            ModelError: no server answers, or it refuses the key or the model.
        """
        try:
            status, content = self._background.wait_for(self._request("GET", "models", 2 * CONNECT_SECONDS))
            self._check_key(status)
            listed = model_names(content) if status == 200 else []
            if model is None or model in listed or status == 429 or status >= 500:
                return  # where it is busy, the questions will tell
            question = {"model": model, "messages": [{"role": "user", "content": "Hello."}], "max_tokens": 1}
            status, content = self._background.wait_for(
                self._request("POST", "chat/completions", TRIAL_SECONDS, json.dumps(question).encode())
            )
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
            raise ModelError(
                f"no server answers there ({one_line(str(error))})",
                where=self.base_url,
                hint="start the server, or correct its address (it usually ends in /v1)",
            ) from error
        except (httpx2.HTTPError, TimeoutError):
            return  # a server is there; generation retries what goes wrong
        self._check_key(status)
        self._check_model(model, status, error_message(content), listed)

    def _check_key(self, status: int) -> None:
        if status in (401, 403):
            what = "refuses the key" if self._key else "wants a key"
            raise ModelError(f"the endpoint {what} ({status})", where=self.base_url, hint=f"set {KEY_VARIABLE}")

    def _check_model(self, model: str, status: int, said: str, listed: Sequence[str]) -> None:
        """Refuse a model that the server has refused, or doesn't list though it answers to any name."""
        names = self._shown(", ".join(listed[:SHOWN_MODELS]))
        if status == 404 or (400 <= status < 500 and model in said and "model" in said.lower()):
            raise ModelError(
                f"the server does not know the model {model!r} ({status}: {self._shown(said)})",
                where=self.base_url,
                hint=f"it has {names}" if names else "check the model's name and the address",
            )
        if names:
            logger.warning("%s lists %s, and not %r, but answers to that, too", self.base_url, names, model)

    def complete(self, body: Mapping[str, Any]) -> ChatReply:
        """Ask for a chat completion, again and again while what went wrong may pass.

        Args:
            body: the request, as the server takes it; see OpenAI's reference of chat completions.

        Raises:
            ModelError: no further question can succeed either.
            RefusedError: this one failed.
        """
        try:
            content = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        except (ValueError, TypeError, RecursionError) as error:
            raise RefusedError(f"the question cannot be written as JSON ({first_line(error)})", 0) from error
        try:
            return self._background.wait_for(self._complete(content))
        except CancelledError as error:
            raise RefusedError("the run was stopped", 0) from error

    def stop(self) -> None:
        """Break off everything that is under way: those who wait get a RefusedError."""
        self._background.stop()

    def resume(self) -> None:
        """Allow questions again."""
        self._background.resume()

    async def _request(self, method: str, path: str, seconds: float, content: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of a reply, without retries."""
        async with (
            asyncio.timeout(seconds),
            self._client.stream(method, f"{self.base_url}/{path}", content=content, headers=JSON) as response,
        ):
            try:
                return response.status_code, await self._content(response, 1)
            except RefusedError:  # too large, or compressed
                return response.status_code, b""

    async def _complete(self, question: bytes) -> ChatReply:
        number = 0

        async def attempt() -> ChatReply:
            nonlocal number
            number += 1
            while (seconds := self._not_before - time.monotonic()) > 0:
                await asyncio.sleep(seconds)
            return await self._attempt(question, number)

        try:
            return await _retrying(self._retries)(attempt)
        except _PassingError as error:
            times = f"{number} attempt{'s' * (number != 1)}"
            raise RefusedError(f"{self._shown(str(error))}, after {times}", number) from error

    async def _attempt(self, question: bytes, number: int) -> ChatReply:
        url = f"{self.base_url}/chat/completions"
        try:
            async with asyncio.timeout(self._timeout):
                async with self._client.stream("POST", url, content=question, headers=JSON) as response:
                    content = await self._content(response, number)
        except TimeoutError as error:
            raise _PassingError(f"no whole reply within {self._timeout:g} seconds") from error
        except httpx2.HTTPError as error:
            raise _PassingError(f"the connection failed ({type(error).__name__}: {error})") from error
        if response.status_code != 200:
            self._refused(response, content, number)
        try:
            reply = chat_reply(content, number)
        except ValueError as error:
            raise _PassingError(f"an unreadable reply ({error})") from error
        except GenerationError as error:
            raise RefusedError(error.what, number) from error
        model = None if reply.model is None else self._shown(reply.model)
        return dataclasses.replace(reply, text=self._without_secrets(reply.text), model=model)

    async def _content(self, response: httpx2.Response, number: int) -> bytes:
        """The whole body of a reply.

        Raises:
            RefusedError: it is too large, or compressed, which was not asked for and may hide any size.
        """
        encoding = response.headers.get("content-encoding", "identity")
        if encoding != "identity":
            raise RefusedError(f"the reply is compressed ({one_line(encoding)}), which was not asked for", number)
        pieces, size = [], 0
        async for piece in response.aiter_raw():
            pieces.append(piece)
            size += len(piece)
            if size > MAX_REPLY_BYTES:
                raise RefusedError(f"the reply has more than {MAX_REPLY_BYTES // 2**20} MB", number)
        return b"".join(pieces)

    def _refused(self, response: httpx2.Response, content: bytes, number: int) -> None:
        """Say what became of a question that was refused.

        Raises:
            ModelError: every further question would be, too. RefusedError: this one is, for good.
            _PassingError: it may be answered later.
        """
        status = response.status_code
        fault = self._shown(f"{status} {response.reason_phrase}: {error_message(content)}")
        if status in HOPELESS:
            raise ModelError(fault, where=self.base_url, hint="check the model's name, --base-url and the key")
        if (status not in PASSING and status < 500) or any(mark in content for mark in FOR_GOOD):
            raise RefusedError(fault, number)
        asked = seconds_to_wait(response.headers)
        if asked is not None and asked > MAX_WAIT_SECONDS:
            raise RefusedError(f"{fault} (asks to wait {asked:.0f} seconds)", number)
        self._not_before = max(self._not_before, time.monotonic() + (asked or 0.0))
        raise _PassingError(fault)

    def _shown(self, text: str) -> str:
        """The beginning of what a server says, as it may be printed and written down."""
        return one_line(self._without_secrets(text))

    def _without_secrets(self, text: str) -> str:
        return str(without_secrets(text, self._secrets))


def _retrying(retries: int) -> AsyncRetrying:
    """Asks again while a `_PassingError` is raised, after pauses that grow, half of each at random.

    0.25 to 0.5 s, 0.5 to 1 s, 1 to 2 s, ... up to 60 s.
    """
    import tenacity

    half = {"multiplier": FIRST_PAUSE_SECONDS / 2, "max": MAX_PAUSE_SECONDS / 2}
    return tenacity.AsyncRetrying(
        stop=tenacity.stop_after_attempt(retries + 1),
        wait=tenacity.wait_exponential(**half) + tenacity.wait_random_exponential(**half),
        retry=tenacity.retry_if_exception_type(_PassingError),
        reraise=True,
    )
