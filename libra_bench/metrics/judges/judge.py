"""A judge: a language model that answers questions about reports.

Each reply is kept when it comes (`judgements.py`). A question that the model refuses, and a reply that cannot be read,
are outcomes, not ends; but where nearly none of them succeeds, asking stops.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

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
from libra_bench.metrics.judges.models import JudgeModel, Request
from libra_bench.metrics.judges.questions import Outcome, Question, T, outcome_of
from libra_bench.metrics.judges.watch import Watch

SEED = 42


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """How a judge is asked."""

    metric: str
    temperature: float | None
    max_tokens: int
    price_in: float | None
    price_out: float | None
    ask_above: int


class Judge:
    """Asks one model."""

    def __init__(self, settings: JudgeSettings, model: JudgeModel, judgements: Judgements | None = None) -> None:
        self.settings, self.model = settings, model
        self._judgements = judgements or Judgements()
        self._asked = 0
        self._agreed = False
        self._announced = 0
        """Questions that the user knows of already, and that have not been asked yet."""
        self._is_checked = False

    def prepare(self, questions: Sequence[Question[Any]], repeats: int, *, further: int = 0) -> None:
        """Say what questions will take, and make sure that the judge can be asked, where not all are answered already.

        Args:
            questions: those that will be asked, or others of like length.
            repeats: how often each will be asked.
            further: how many more are expected to follow.

        Raises:
            ModelError: it cannot be reached, or refuses the key or the model.
            InputError: too many questions, and the user did not agree.
            StorageError: the judgements cannot be read.
        """
        rest: list[Question[Any]] = []
        kept: list[Judgement] = []
        for repeat in range(repeats):
            by_key = {self._identity(question, repeat).key: question for question in questions}
            known = self._judgements.get(by_key)
            kept += known.values()
            rest += [question for key, question in by_key.items() if key not in known]
        if rest:
            self._check()
            self._announce(rest, kept, further)
            self._announced = len(rest) + further

    def ask(self, questions: Sequence[Question[T]], repeat: int = 0) -> list[Outcome[T]]:
        """The outcome of each question, in order; equal questions are asked once.

        Raises:
            ModelError: the judge cannot be reached, or refuses the key or the model.
            MetricUnavailableError: nearly no reply can be read.
            InputError: too many questions, and the user did not agree.
            StorageError: replies cannot be kept.
        """
        identities = [self._identity(question, repeat) for question in questions]
        by_key = {identity.key: (identity, question) for identity, question in zip(identities, questions, strict=True)}
        kept = self._judgements.get(by_key)
        watch = Watch(self.settings.metric, self.model.name)
        outcomes: dict[str, Outcome[T]] = {}
        for key, judgement in kept.items():
            outcomes[key] = watch.seen(outcome_of(by_key[key][1], judgement))
        rest = {key: asked for key, asked in by_key.items() if key not in kept}
        if rest:
            self._check()
            if len(rest) > self._announced:
                self._announce([question for _, question in rest.values()], list(kept.values()))
            self._announced = max(0, self._announced - len(rest))
            self._asked += len(rest)
            self._ask_all(rest, outcomes, watch)
        watch.finish()
        return [outcomes[identity.key] for identity in identities]

    def cost(self, judgement: Judgement) -> float:
        """At the given prices; NaN where the server did not count tokens."""
        if judgement.prompt_tokens is None or judgement.completion_tokens is None:
            return math.nan
        return self._price(judgement.prompt_tokens, judgement.completion_tokens)

    def _check(self) -> None:
        if not self._is_checked:
            self.model.check()
            self._is_checked = True

    def _ask_all(
        self, asked: Mapping[str, tuple[Identity, Question[T]]], outcomes: dict[str, Outcome[T]], watch: Watch
    ) -> None:
        from tqdm import tqdm

        requests = {key: self._request(identity, question) for key, (identity, question) in asked.items()}
        hidden = True if progress_is_hidden() else None
        with closing(
            self.model.replies(requests, lambda key, judgement: self._judgements.put(asked[key][0], judgement))
        ) as replies:
            for key, reply in tqdm(
                replies, total=len(requests), desc=self.settings.metric, unit="question", disable=hidden
            ):
                outcomes[key] = watch.seen(
                    Outcome(None, f"no reply: {reply}", None)
                    if isinstance(reply, str)
                    else outcome_of(asked[key][1], reply)
                )

    def _request(self, identity: Identity, question: Question[Any]) -> Request:
        return Request(
            question.messages,
            question.response_format,
            self.settings.temperature,
            self.settings.max_tokens,
            self._seed(identity.repeat),
        )

    def _identity(self, question: Question[Any], repeat: int) -> Identity:
        settings = self.settings
        decoding: dict[str, float | str | None] = {
            "temperature": settings.temperature,
            "max_tokens": settings.max_tokens,
            "seed": self._seed(repeat),
            **self.model.decoding_facts,
        }
        pair = sha256_json([text.encode("utf-8", "backslashreplace").decode() for text in question.texts])
        return Identity(question.prompt, pair, self.model.name, self.model.revision, decoding, repeat)

    def _seed(self, repeat: int) -> int:
        """A greedy judge gets the same question each time."""
        return SEED + repeat * bool(self.settings.temperature)

    def _announce(self, questions: Sequence[Question[Any]], kept: Sequence[Judgement], further: int = 0) -> None:
        """Say what is about to be spent; ask if it is much."""
        settings = self.settings
        characters = sum(len(message["content"]) for question in questions for message in question.messages)
        n = len(questions) + further
        spoken = [float(one.completion_tokens) for one in kept if one.completion_tokens is not None]
        reply_tokens = expected(spoken, REPLY_TOKENS) or 0.0
        seconds = expected([one.seconds for one in kept], None)
        tokens = characters * n // len(questions) // CHARACTERS_PER_TOKEN, round(reply_tokens * n)
        estimate = Estimate(
            questions=n,
            kept=len(kept),
            prompt_tokens=tokens[0],
            completion_tokens=tokens[1],
            cost=None if settings.price_in is None and settings.price_out is None else self._price(*tokens),
            seconds=None if seconds is None else seconds * n / self.model.at_once,
        )
        said = estimate.in_words(f"{self.model.name} at {self.model.place}")
        if not progress_is_hidden():
            print(f"{settings.metric}: {said}", file=sys.stderr)  # noqa: T201
        if not self._agreed:
            self._agreed = confirm(settings.metric, said, self._asked + n, settings.ask_above)

    def _price(self, prompt_tokens: int, completion_tokens: int) -> float:
        settings = self.settings
        return ((settings.price_in or 0.0) * prompt_tokens + (settings.price_out or 0.0) * completion_tokens) / 1e6
