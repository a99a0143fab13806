"""A served model: any endpoint that speaks OpenAI's chat completions (`--model openai:NAME --base-url URL`).

Images travel as PNG data URLs, without the file's own metadata. Decoding is the server's: temperature, top-p, seed
and the number of new tokens are sent; beam search and the n-gram filter do not exist there and are refused.
The key comes from the environment variable OPENAI_API_KEY alone, and is written nowhere.
"""

from __future__ import annotations

import base64
import io
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from annotated_types import Ge, Gt, Le

from benchmarks.errors import InputError, LibraBenchError, ModelError, RefusedError
from benchmarks.files.secrets import secrets_in
from benchmarks.images import read_radiograph
from benchmarks.schema import Answer, Question
from model_adapters.adapter import Adapter, Decoding, ModelSpec, RenderedPrompt, failed_answer
from model_adapters.cards import ImagePolicy
from model_adapters.cards.image_policy import image_policy, parts_read, shown_images
from model_adapters.cards.prompt_hooks import IMAGE_MARK, conversation, prompt_identity, prompt_parts, system_prompt
from model_adapters.openai.address import checked_address, key_of_environment
from model_adapters.openai.endpoint import RETRIES, TIMEOUT_SECONDS, Endpoint
from model_adapters.openai.replies import ChatReply

CONCURRENCY = 8


class OpenAIAdapter(Adapter):
    """Asks an OpenAI-compatible endpoint, several questions at once.

    Options: `base_url`; `concurrency` (8 questions at once); `retries` (6) of what may pass: time-outs, cut
    connections, unreadable replies, 408, 409, 425, 429 and 5xx; `timeout` (300 seconds per attempt); `image_policy`
    (one, prior, dummy-prior); `image_max_side` (pixels; larger images are made smaller; default: as they are);
    `system`, a system prompt; `body`, a JSON object of further request fields (null takes a field out);
    `price_in`, `price_out` (per million tokens), from which the cost is computed.
    """

    summary = "a served model, at any OpenAI-compatible endpoint (--base-url URL)"
    needs_weights = True
    converses = True
    path_metavar = "NAME"
    default_protocol = "greedy"  # an endpoint has no beam search
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "base_url": str,
        "concurrency": Annotated[int, Ge(1), Le(1_000)],
        "retries": Annotated[int, Ge(0), Le(100)],
        "timeout": Annotated[float, Gt(0), Le(86_400)],
        "image_policy": ImagePolicy,
        "image_max_side": Annotated[int, Ge(1), Le(100_000)],
        "system": str,
        "body": dict,
        "price_in": Annotated[float, Ge(0)],
        "price_out": Annotated[float, Ge(0)],
    }

    def __init__(self, endpoint: Endpoint, spec: ModelSpec) -> None:
        self._endpoint, self._spec = endpoint, spec
        self._policy = image_policy(spec)
        self._tally = _Tally()

    @classmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Make sure that a server answers at the address.

        Raises:
            ModelError: no address, no server there, or the key is refused.
        """
        options = spec.options
        endpoint = Endpoint(
            checked_address(options.get("base_url")),
            key=key_of_environment(),
            secrets=secrets_in(options.get("body")),
            timeout_seconds=options.get("timeout", TIMEOUT_SECONDS),
            retries=options.get("retries", RETRIES),
        )
        endpoint.check_access()
        return cls(endpoint, spec)

    @classmethod
    def identity(cls, spec: ModelSpec) -> Mapping[str, Any]:
        """Address, name and everything else that is sent; what the server does with it is unknown."""
        return {
            "base_url": checked_address(spec.options.get("base_url")),
            "model": _model(spec),
            "image_policy": image_policy(spec),
            **prompt_identity(spec),
            "system": system_prompt(spec),
            "body": spec.options.get("body", {}),
            "image_max_side": spec.options.get("image_max_side"),
        }

    @classmethod
    def reads(cls, spec: ModelSpec) -> frozenset[str]:
        """The images of its policy, and the prior report where its card's prompt has it."""
        return parts_read(spec)

    @classmethod
    def check_decoding(cls, spec: ModelSpec, decoding: Decoding) -> None:
        """Beams, the n-gram filter and several answers do not exist at endpoints.

        Raises:
            InputError: names the setting.
        """
        for name, neutral in (("num_beams", 1), ("no_repeat_ngram_size", 0), ("num_return_sequences", 1)):
            if getattr(decoding, name) != neutral:
                flag = "--" + name.replace("_", "-")
                raise InputError(
                    f"an endpoint has no such setting (asked for {getattr(decoding, name)})",
                    where=flag,
                    hint=f"use --protocol greedy, or {flag} {neutral}",
                )

    def render(self, question: Question) -> RenderedPrompt:
        """System prompt and user turn; the template that goes around them is the server's."""
        parts, _ = self._parts(question)
        words = "".join(IMAGE_MARK if part is None else part for part in parts)
        system = system_prompt(self._spec)
        return RenderedPrompt(f"{system}\n\n{words}" if system else words, None)

    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield answers as they come; a question that fails after all retries says why.

        Raises:
            InputError: a decoding setting that endpoints do not have.
            ModelError: the endpoint refuses the key or does not know the model.
        """
        self.check_decoding(self._spec, decoding)
        at_once = self._concurrency
        pool, following = ThreadPoolExecutor(at_once), iter(questions)
        waiting: set[Future[Answer]] = set()
        try:
            while True:  # a few more than are asked at once, so that no thread waits; not all, of a suite of any size
                for question in islice(following, 2 * at_once - len(waiting)):
                    waiting.add(pool.submit(self._answer, question, decoding))
                if not waiting:
                    return
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            self._endpoint.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            self._endpoint.resume()

    def describe(self) -> Mapping[str, Any]:
        """Questions at once; requests, retries, tokens and cost of this session."""
        served = f"served at {self._endpoint.base_url}"
        return {"device": served, "concurrency": self._concurrency, **self._tally.as_dict()}

    @property
    def _concurrency(self) -> int:
        return int(self._spec.options.get("concurrency", CONCURRENCY))

    def _answer(self, question: Question, decoding: Decoding) -> Answer:
        started = time.perf_counter()
        try:
            reply = self._endpoint.complete(self._body(question, decoding))
        except ModelError:
            raise
        except RefusedError as error:
            self._tally.add_failure(error.attempts)
            return failed_answer(question, error)
        except LibraBenchError as error:
            return failed_answer(question, error)
        cost = self._cost(reply)
        self._tally.add(reply, cost)
        metadata = {
            "finish": reply.finish,
            "new_tokens": reply.completion_tokens,
            "prompt_tokens": reply.prompt_tokens,
            "seconds": round(time.perf_counter() - started, 4),
            "attempts": reply.attempts,
            **({} if cost is None else {"cost": cost}),
        }
        return Answer(question.question_id, question.prompt, reply.text, metadata=metadata)

    def _parts(self, question: Question) -> tuple[list[str | None], tuple[Path, ...]]:
        shown = shown_images(question, self._policy)
        first = conversation(question, self._spec.card, shown)[0]
        return prompt_parts(first, len(shown)), tuple(shown.values())

    def _body(self, question: Question, decoding: Decoding) -> dict[str, Any]:
        parts, images = self._parts(question)
        following = iter(images)
        content: list[dict[str, Any]] = []
        for part in parts:
            if part is None:
                url = data_url(next(following), self._spec.options.get("image_max_side"))
                content.append({"type": "image_url", "image_url": {"url": url}})
            else:
                content.append({"type": "text", "text": part})
        messages: list[dict[str, Any]] = [{"role": "user", "content": content}]
        for place, said in enumerate((*question.said, question.prompt)[1:] if question.said else ()):
            messages.append({"role": ("assistant", "user")[place % 2], "content": said})
        if system := system_prompt(self._spec):
            messages.insert(0, {"role": "system", "content": system})
        body: dict[str, Any] = {
            "model": _model(self._spec),
            "messages": messages,
            "max_tokens": decoding.max_new_tokens,
            "temperature": decoding.temperature,
        }
        if decoding.is_sampling:
            body["seed"] = decoding.seed
            if decoding.top_p is not None:
                body["top_p"] = decoding.top_p
        body |= self._spec.options.get("body", {})
        return {name: value for name, value in body.items() if value is not None}

    def _cost(self, reply: ChatReply) -> float | None:
        """From the given prices, else what the endpoint itself says."""
        options = self._spec.options
        if "price_in" in options or "price_out" in options:
            spent = options.get("price_in", 0.0) * (reply.prompt_tokens or 0)
            spent += options.get("price_out", 0.0) * (reply.completion_tokens or 0)
            return float(spent / 1e6)
        return reply.cost


class _Tally:
    """What a session has used; several threads add to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests = self._retries = self._prompt_tokens = self._completion_tokens = 0
        self._cost: float | None = None
        self._models: set[str] = set()

    def add(self, reply: ChatReply, cost: float | None) -> None:
        with self._lock:
            self._attempted(reply.attempts)
            self._prompt_tokens += reply.prompt_tokens or 0
            self._completion_tokens += reply.completion_tokens or 0
            if cost is not None:
                self._cost = (self._cost or 0.0) + cost
            if reply.model is not None:
                self._models.add(reply.model)

    def add_failure(self, attempts: int) -> None:
        with self._lock:
            self._attempted(attempts)

    def _attempted(self, attempts: int) -> None:
        self._requests += attempts
        self._retries += max(0, attempts - 1)

    def as_dict(self) -> dict[str, Any]:
        with self._lock:
            return {
                "requests": self._requests,
                "retries": self._retries,
                "prompt_tokens": self._prompt_tokens,
                "completion_tokens": self._completion_tokens,
                "cost": self._cost,
                "served_models": sorted(self._models),
            }


def data_url(path: Path, max_side: int | None = None) -> str:
    """A radiograph as a PNG data URL: pixels alone, none of the file's metadata.

    Raises:
        ImageError: it cannot be read.
    """
    picture = read_radiograph(path)
    if max_side is not None:
        picture.thumbnail((max_side, max_side))
    stream = io.BytesIO()
    picture.save(stream, format="PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _model(spec: ModelSpec) -> str:
    if not spec.path:
        raise ModelError("no model named", where="--model", hint="write --model openai:NAME, as the endpoint calls it")
    return spec.path
