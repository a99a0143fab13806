"""A judge behind an OpenAI-compatible endpoint, asked several questions at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from benchmarks.errors import RefusedError
from libra_bench.metrics.judges.judgements import Judgement
from libra_bench.metrics.judges.models import Request
from model_adapters.openai.address import checked_address, key_of_environment
from model_adapters.openai.endpoint import Endpoint
from model_adapters.openai.replies import ChatReply

FORMAT_WORDS = ("response_format", "json_schema", "json_object", "'schema'", '"schema"')
"""One of these is in the message of a server that refuses a response format."""


@dataclass(frozen=True)
class ServedModel:
    """A model that a server knows by this name."""

    metric: str
    base_url: str
    name: str
    revision: str | None
    at_once: int
    timeout: float
    retries: int

    @property
    def place(self) -> str:
        """The address."""
        return self.base_url

    @property
    def decoding_facts(self) -> Mapping[str, str]:
        """What the server does is unknown."""
        return {}

    def check(self) -> None:
        """Find out whether the server answers, accepts the key and knows the model.

        Raises:
            ModelError: it does not.
        """
        self._endpoint.check_access(self.name)

    def replies(
        self, requests: Mapping[str, Request], keep: Callable[[str, Judgement], None]
    ) -> Generator[tuple[str, Judgement | str], None, None]:
        """See `JudgeModel.replies`."""
        pool = ThreadPoolExecutor(self.at_once)
        try:
            futures: dict[Future[Judgement | str], str] = {
                pool.submit(self._reply, key, request, keep): key for key, request in requests.items()
            }
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            self._endpoint.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            self._endpoint.resume()

    def _reply(self, key: str, request: Request, keep: Callable[[str, Judgement], None]) -> Judgement | str:
        started = time.perf_counter()
        body = {
            "model": self.name,
            "messages": list(request.messages),
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "seed": request.seed,
            "response_format": request.response_format,
        }
        try:
            reply, structured = self._accepted.complete(self._endpoint, body)
        except RefusedError as error:
            return error.what
        judgement = Judgement(
            text=reply.text,
            finish=reply.finish,
            served_model=reply.model,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            seconds=round(time.perf_counter() - started, 3),
            structured=structured,
        )
        keep(key, judgement)
        return judgement

    @cached_property
    def _endpoint(self) -> Endpoint:
        return Endpoint(
            checked_address(self.base_url, where=f"{self.metric}[base_url=...]"),
            key=key_of_environment(),
            timeout_seconds=self.timeout,
            retries=self.retries,
        )

    @cached_property
    def _accepted(self) -> _Accepted:
        return _Accepted()


class _Accepted:
    """What of a request the server accepts, found out once: structured output, and the name of the token limit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused: set[str] = set()
        self._limit = "max_tokens"

    def complete(self, endpoint: Endpoint, body: Mapping[str, Any]) -> tuple[ChatReply, str | None]:
        """A reply, and the kind of response format that was accepted.

        Raises:
            ModelError, RefusedError: as `Endpoint.complete`.
        """
        while True:
            shaped, kind = self._shaped(body)
            try:
                return endpoint.complete(shaped), kind
            except RefusedError as error:
                if not self._learned(error.what, shaped, kind):
                    raise

    def _shaped(self, body: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
        shaped = {name: value for name, value in body.items() if value is not None}
        formats = _formats(shaped.pop("response_format", None))
        with self._lock:
            kind = next((kind for kind in formats if kind not in self._refused), None)
            if self._limit != "max_tokens":
                shaped[self._limit] = shaped.pop("max_tokens")
        return (shaped if kind is None else {**shaped, "response_format": formats[kind]}), kind

    def _learned(self, refusal: str, shaped: Mapping[str, Any], kind: str | None) -> bool:
        """Whether another way of asking is left after this refusal."""
        with self._lock:
            if "max_completion_tokens" in refusal and "max_tokens" in shaped:
                self._limit = "max_completion_tokens"
                return True
            if kind is not None and any(word in refusal for word in FORMAT_WORDS):
                self._refused.add(kind)
                return True
        return False


def _formats(asked: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    """The ways to ask for structured output, the best first: as OpenAI takes it, as llama.cpp does, and any JSON."""
    if asked is None:
        return {}
    plain = {"type": "json_object"}
    if asked["type"] != "json_schema":
        return {str(asked["type"]): asked, "json_object": plain}
    with_schema = {**plain, "schema": asked["json_schema"]["schema"]}
    return {"json_schema": asked, "json_object with schema": with_schema, "json_object": plain}
