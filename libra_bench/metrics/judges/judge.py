"""A judge: a language model behind an OpenAI-compatible endpoint that answers questions about reports.

Several questions at once; each reply is kept when it comes (`judgements.py`). A question that the server refuses, and a
reply that cannot be read, are outcomes, not ends; but where nearly none of them succeeds, asking stops.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from benchmarks.errors import MetricUnavailableError, RefusedError, UnreadableReplyError
from benchmarks.files import sha256_json
from libra_bench.metrics.extractors.cache import progress_is_hidden
from libra_bench.metrics.judges.estimate import (
    CHARACTERS_PER_TOKEN,
    REPLY_TOKENS,
    Estimate,
    confirm,
    expected,
)
from libra_bench.metrics.judges.judgements import Identity, Judgement, Judgements
from model_adapters.openai.endpoint import Endpoint, checked_address, key_of_environment
from model_adapters.openai.replies import ChatReply

SEED = 42
WINDOW, MAX_UNREADABLE = 10, 9
"""Of the last `WINDOW` outcomes, so many failures end it."""
MIN_OUTCOMES = 3
"""So many that all fail end it, too."""

Message = Mapping[str, str]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Question(Generic[T]):
    """What a judge is asked."""

    messages: tuple[Message, ...]
    prompt: str
    """Hash of what is the same in all questions of this kind (see `prompt_hash`)."""
    texts: tuple[str, ...]
    """What is not."""
    read: Callable[[str], T]
    """Makes a verdict of a reply; raises UnreadableReplyError."""
    response_format: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What became of a question."""

    verdict: T | None
    failure: str | None
    """Why there is no verdict."""
    judgement: Judgement | None
    """None if there was no reply."""


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """The judge, and how it is asked."""

    metric: str
    base_url: str
    model: str
    revision: str | None
    temperature: float | None
    max_tokens: int
    concurrency: int
    timeout: float
    retries: int
    price_in: float | None
    price_out: float | None
    ask_above: int


class Judge:
    """Asks one model."""

    def __init__(self, settings: JudgeSettings, judgements: Judgements | None = None) -> None:
        self.settings = settings
        self._judgements = judgements or Judgements()
        self._asked = 0
        self._accepted = _Accepted()

    def ask(self, questions: Sequence[Question[T]], repeat: int = 0) -> list[Outcome[T]]:
        """The outcome of each question, in order; equal questions are asked once.

        Raises:
            ModelError: the server cannot be reached, or refuses the key or the model.
            MetricUnavailableError: nearly no reply can be read.
            InputError: too many questions, and the user did not agree.
            StorageError: replies cannot be kept.
        """
        identities = [self._identity(question, repeat) for question in questions]
        by_key = {identity.key: (identity, question) for identity, question in zip(identities, questions, strict=True)}
        kept = self._judgements.get(by_key)
        watch = _Watch(self.settings)
        outcomes: dict[str, Outcome[T]] = {}
        for key, judgement in kept.items():
            outcomes[key] = watch.seen(_outcome(by_key[key][1], judgement))
        rest = {key: asked for key, asked in by_key.items() if key not in kept}
        if rest:
            self._announce([question for _, question in rest.values()], list(kept.values()))
            self._ask_all(rest, outcomes, watch)
        watch.finish()
        return [outcomes[identity.key] for identity in identities]

    def cost(self, judgement: Judgement) -> float:
        """At the given prices; NaN where the server did not count tokens."""
        if judgement.prompt_tokens is None or judgement.completion_tokens is None:
            return math.nan
        return self._price(judgement.prompt_tokens, judgement.completion_tokens)

    @cached_property
    def _endpoint(self) -> Endpoint:
        settings = self.settings
        endpoint = Endpoint(
            checked_address(settings.base_url),
            key=key_of_environment(),
            timeout_seconds=settings.timeout,
            retries=settings.retries,
        )
        endpoint.check_access()
        return endpoint

    def _ask_all(
        self,
        asked: Mapping[str, tuple[Identity, Question[T]]],
        outcomes: dict[str, Outcome[T]],
        watch: _Watch,
    ) -> None:
        from tqdm import tqdm

        endpoint = self._endpoint
        pool = ThreadPoolExecutor(self.settings.concurrency)
        hidden = True if progress_is_hidden() else None
        try:
            futures: dict[Future[Outcome[T]], str] = {
                pool.submit(self._answer, identity, question): key for key, (identity, question) in asked.items()
            }
            for future in tqdm(
                as_completed(futures),
                total=len(futures),
                desc=self.settings.metric,
                unit="question",
                disable=hidden,
            ):
                outcomes[futures[future]] = watch.seen(future.result())
        finally:
            endpoint.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            endpoint.resume()

    def _answer(self, identity: Identity, question: Question[T]) -> Outcome[T]:
        started = time.perf_counter()
        body = {
            "model": self.settings.model,
            "messages": list(question.messages),
            "max_tokens": self.settings.max_tokens,
            "temperature": self.settings.temperature,
            "seed": identity.decoding["seed"],
            "response_format": question.response_format,
        }
        try:
            reply, structured = self._accepted.complete(self._endpoint, body)
        except RefusedError as error:
            return Outcome(None, f"no reply: {error.what}", None)
        judgement = Judgement(
            text=reply.text,
            finish=reply.finish,
            served_model=reply.model,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            seconds=round(time.perf_counter() - started, 3),
            structured=structured,
        )
        self._judgements.put(identity, judgement)
        return _outcome(question, judgement)

    def _identity(self, question: Question[T], repeat: int) -> Identity:
        settings = self.settings
        samples = bool(settings.temperature)
        decoding = {
            "temperature": settings.temperature,
            "max_tokens": settings.max_tokens,
            "seed": SEED + repeat * samples,
        }
        pair = sha256_json([text.encode("utf-8", "backslashreplace").decode() for text in question.texts])
        return Identity(question.prompt, pair, settings.model, settings.revision, decoding, repeat)

    def _announce(self, questions: Sequence[Question[T]], kept: Sequence[Judgement]) -> None:
        """Say what is about to be spent; ask if it is much."""
        settings = self.settings
        characters = sum(len(message["content"]) for question in questions for message in question.messages)
        spoken = [float(one.completion_tokens) for one in kept if one.completion_tokens is not None]
        reply_tokens = expected(spoken, REPLY_TOKENS) or 0.0
        seconds = expected([one.seconds for one in kept], None)
        tokens = characters // CHARACTERS_PER_TOKEN, round(reply_tokens * len(questions))
        estimate = Estimate(
            questions=len(questions),
            kept=len(kept),
            prompt_tokens=tokens[0],
            completion_tokens=tokens[1],
            cost=None if settings.price_in is None and settings.price_out is None else self._price(*tokens),
            seconds=None if seconds is None else seconds * len(questions) / settings.concurrency,
        )
        said = estimate.in_words(f"{settings.model} at {settings.base_url}")
        if not progress_is_hidden():
            print(f"{settings.metric}: {said}", file=sys.stderr)  # noqa: T201
        asked = self._asked + len(questions)
        if self._asked <= settings.ask_above:  # else the user has agreed
            confirm(settings.metric, said, asked, settings.ask_above)
        self._asked = asked

    def _price(self, prompt_tokens: int, completion_tokens: int) -> float:
        settings = self.settings
        return ((settings.price_in or 0.0) * prompt_tokens + (settings.price_out or 0.0) * completion_tokens) / 1e6


class _Accepted:
    """What of a request the server accepts, found out once: structured output, and the name of the token limit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._refused_formats: set[str] = set()
        self._limit = "max_tokens"

    def complete(self, endpoint: Endpoint, body: Mapping[str, Any]) -> tuple[ChatReply, str | None]:
        """A reply, and the type of the response format that was accepted.

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
        asked = shaped.pop("response_format", None)
        with self._lock:
            formats = [] if asked is None else [asked, {"type": "json_object"}]
            allowed = [form for form in formats if form["type"] not in self._refused_formats]
            if self._limit != "max_tokens":
                shaped[self._limit] = shaped.pop("max_tokens")
        if not allowed:
            return shaped, None
        return {**shaped, "response_format": allowed[0]}, str(allowed[0]["type"])

    def _learned(self, refusal: str, shaped: Mapping[str, Any], kind: str | None) -> bool:
        """Whether another way of asking is left after this refusal."""
        with self._lock:
            if "max_completion_tokens" in refusal and "max_tokens" in shaped:
                self._limit = "max_completion_tokens"
                return True
            if kind is not None and any(word in refusal for word in ("response_format", "json_schema", "json_object")):
                self._refused_formats.add(kind)
                return True
        return False


class _Watch:
    """Stops a run in which nearly every request fails."""

    def __init__(self, settings: JudgeSettings) -> None:
        self._settings = settings
        self._last: deque[str | None] = deque(maxlen=WINDOW)
        self._n = self._n_failed = 0

    def seen(self, outcome: Outcome[T]) -> Outcome[T]:
        """Count an outcome.

        Raises:
            MetricUnavailableError: of the last ones, nearly all have failed.
        """
        self._last.append(outcome.failure)
        self._n += 1
        self._n_failed += outcome.failure is not None
        failures = [failure for failure in self._last if failure is not None]
        if len(failures) >= MAX_UNREADABLE:
            which = "first" if self._n <= WINDOW else "last"
            self._end(f"{len(failures)} of the {which} {len(self._last)} replies", failures[-1])
        return outcome

    def finish(self) -> None:
        """Make sure that anything could be read, where there were some.

        Raises:
            MetricUnavailableError: nothing.
        """
        if self._n_failed == self._n >= MIN_OUTCOMES:
            self._end(f"all {self._n} replies", str(self._last[-1]))

    def _end(self, which: str, why: str) -> None:
        raise MetricUnavailableError(
            f"{which} could not be read: {why}",
            where=f"{self._settings.metric}, judge {self._settings.model}",
            hint="what was replied is kept; choose a judge that follows the prompt, raise max_tokens, or, where the "
            "model behind the name has changed, name it with revision=",
        )


def prompt_hash(messages: Sequence[Message], response_format: Mapping[str, Any] | None) -> str:
    """The identity of a prompt, from its messages with placeholders for texts."""
    return sha256_json([[dict(message) for message in messages], response_format])[:16]


def _outcome(question: Question[T], judgement: Judgement) -> Outcome[T]:
    try:
        return Outcome(question.read(judgement.text), None, judgement)
    except UnreadableReplyError as error:
        cut = f" (cut off after {judgement.completion_tokens or 'max_tokens'} tokens)"
        return Outcome(None, f"{error}{cut if judgement.finish == 'length' else ''}", judgement)
