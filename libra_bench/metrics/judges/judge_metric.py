"""What every judge's metric shares: its parameters, its columns, and how verdicts become statistics.

A sample is judged against each of its references, `repeats` times over; the reference with the best score counts, the
mean over repeats is the score. A reply that cannot be read counts 0 in the score and is in `...-unparsed`; the counts
are those of the replies that could be read. Where only one of the two reports is blank, no score is above 0: silence
about a normal study is not a report of it. Where both are, no judge is asked.

Legend: N samples, R resamples, V repeats, M scores of a verdict, C counts of a verdict.
"""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Le

from libra_bench.metrics.judges.judge import Judge, JudgeSettings, Outcome, Question
from libra_bench.metrics.metric import (
    WITHOUT_EFFECT,
    Floats,
    Key,
    MetricResult,
    Missing,
    References,
    Sees,
    Statistics,
    corpus_values,
    ratio,
    signature_of,
)

JUDGE = "base_url=URL,model=NAME"
"""The parameters that name a judge."""
SERVER = "an OpenAI-compatible server, e.g. base_url=http://127.0.0.1:8000/v1"
SHOWN = 5
"""Failures in the details."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge found in one pair of reports."""

    scores: tuple[float, ...]
    """M scores, 0 to 1 (CRIMSON: -1 to 1)."""
    counts: tuple[float, ...] = ()
    """C counts."""
    remarks: tuple[str, ...] = ()
    """What is odd about a reply that could be read."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One pair, judged once."""

    verdict: Verdict | None
    failure: str | None = None
    tokens: float = 0.0
    """Of questions and replies; NaN where the server did not count them."""
    cost: float = 0.0
    served_model: str | None = None
    structured: str | None = None


@dataclass(frozen=True)
class JudgeMetric(ABC):
    """Base of the metrics whose numbers a language model gives."""

    base_url: str | None = field(default=None, metadata=WITHOUT_EFFECT)
    """Address of an OpenAI-compatible server, http://HOST:PORT/v1; the key is taken from OPENAI_API_KEY alone."""
    model: str | None = None
    """The judge, as the server calls it."""
    revision: str | None = None
    """What distinguishes this model from others of the same name: a commit, a date, a quantisation."""
    repeats: Annotated[int, Ge(1), Le(100)] = 1
    """How often each pair is judged; from 2 on there are columns for the judge's own noise."""
    temperature: Annotated[float, Ge(0), Le(10)] | None = 0.0
    """None: not sent."""
    max_tokens: Annotated[int, Ge(1), Le(1_000_000)] = 8192
    """Of a reply."""
    concurrency: Annotated[int, Ge(1), Le(1_000)] = field(default=8, metadata=WITHOUT_EFFECT)
    """Questions at once."""
    timeout: Annotated[float, Gt(0), Le(86_400)] = field(default=300.0, metadata=WITHOUT_EFFECT)
    """Seconds for one attempt."""
    retries: Annotated[int, Ge(0), Le(100)] = field(default=6, metadata=WITHOUT_EFFECT)
    price_in: Annotated[float, Ge(0)] | None = field(default=None, metadata=WITHOUT_EFFECT)
    """Per million tokens of questions; with one of the prices there is a column for the cost."""
    price_out: Annotated[float, Ge(0)] | None = field(default=None, metadata=WITHOUT_EFFECT)
    """Per million tokens of replies."""
    ask_above: Annotated[int, Ge(0)] = field(default=1_000, metadata=WITHOUT_EFFECT)
    """More questions are asked only after a "yes" on a terminal; elsewhere that is an error."""

    id: ClassVar[str]
    sees: ClassVar[Sees] = "judges"
    prefix: ClassVar[str]
    """What its columns begin with."""
    score_keys: ClassVar[Sequence[Key]]
    """The columns of the scores, the one that ranks last."""
    count_names: ClassVar[Sequence[str]] = ()
    """The columns of the counts, without the prefix."""
    both_blank: ClassVar[Verdict]
    """Of two reports without text."""

    @property
    def keys(self) -> Sequence[Key]:
        """Scores, counts per 100 reports, share of unread replies, tokens per report, cost per 100 reports, noise."""
        unbounded = (0.0, math.inf)
        names = [*self.count_names, "tokens", *(["cost"] if self._has_prices else [])]
        counts = [Key(f"{self.prefix}-{name}", False, unbounded) for name in names]
        counts.insert(len(self.count_names), Key(f"{self.prefix}-unparsed", False))
        noise = [Key(f"{self.prefix}-repeat-sd", False, unbounded), Key(f"{self.prefix}-changed", False)]
        return (*self.score_keys, *counts, *(noise if self.repeats > 1 else []))

    @property
    def reward_key(self) -> str:
        """The score that ranks."""
        return self.score_keys[-1].name

    @property
    def signature(self) -> str:
        """Judge, prompt, decoding and package are in it; where the judge is served is not."""
        return signature_of(self, impl=self.implementation, prompt=self._prompt_or_missing(), refs="best", unparsed=0)

    @property
    @abstractmethod
    def implementation(self) -> str:
        """Whose prompt and arithmetic it is, with its version."""

    @property
    @abstractmethod
    def prompt_digest(self) -> str:
        """Hash of the prompt.

        Raises:
            LibraBenchError, ImportError: it is not here.
        """

    @abstractmethod
    def prompt_missing(self) -> Missing | None:
        """Why the prompt is not here, or None."""

    def missing(self) -> Missing | None:
        """Why it cannot run here; sends no request."""
        if absent := self.prompt_missing():
            return absent
        if not (self.base_url and self.model):
            return Missing("no judge is named", f"pass {JUDGE} of {SERVER}", JUDGE)
        return None

    @cached_property
    def judge(self) -> Judge:
        """Who is asked.

        Raises:
            MetricUnavailableError: no judge is named.
        """
        names = ("revision", "temperature", "max_tokens", "concurrency", "timeout", "retries")
        options = {name: getattr(self, name) for name in (*names, "price_in", "price_out", "ask_above")}
        return Judge(JudgeSettings(metric=self.id, base_url=self.base_url or "", model=self.model or "", **options))

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """Have N predictions judged against their references; see `Metric.score`."""
        groups = [list(group) or [""] for group in references]
        pairs = [(said, true) for said, group in zip(predictions, groups, strict=True) for true in group]
        judged_VP = [self._repeat(pairs, repeat) for repeat in range(self.repeats)]
        per_pair = list(zip(*judged_VP, strict=True))
        rows, kept, start = [], [], 0
        for group in groups:
            candidates = per_pair[start : start + len(group)]
            best = max(candidates, key=self._rank)
            rows.append([*self._row(best), *_spent([one for each in candidates for one in each])])
            kept.append(best)
            start += len(group)
        width = self.repeats * self._n_scores + len(self.count_names) + 4
        statistics = Statistics(np.array(rows, dtype=float).reshape(len(rows), width), self.reduce)
        values = corpus_values(self.keys, statistics)
        return MetricResult(values, statistics, self._samples(statistics), self._details(kept, per_pair))

    def reduce(self, sums_RS: Floats, n_R: Floats) -> Floats:
        """(V x M scores, verdict changed, share read, C counts, tokens, cost) -> the columns."""
        n_scores = self.repeats * self._n_scores
        means_RS = sums_RS / n_R[:, None]
        scores_RVM = means_RS[:, :n_scores].reshape(-1, self.repeats, self._n_scores)
        changed_R1, read_R1 = means_RS[:, n_scores : n_scores + 1], means_RS[:, n_scores + 1 : n_scores + 2]
        columns = [
            100 * self.final(scores_RVM.mean(axis=1)),
            100 * ratio(means_RS[:, n_scores + 2 : -2], read_R1),
            100 * (1 - read_R1),
            means_RS[:, -2:-1],
        ]
        if self._has_prices:
            columns.append(100 * means_RS[:, -1:])
        if self.repeats > 1:
            ranking_RV = np.stack([self.final(scores_RVM[:, v])[:, -1] for v in range(self.repeats)], axis=1)
            columns += [100 * ranking_RV.std(axis=1, ddof=1, keepdims=True), 100 * changed_R1]
        return np.column_stack(columns)

    def final(self, scores_RM: Floats) -> Floats:
        """The scores' columns, from the means of a verdict's scores; the same unless a metric says otherwise."""
        return scores_RM

    @abstractmethod
    def question(self, prediction: str, reference: str) -> Question[Verdict]:
        """What is asked of a pair."""

    def judge_pairs(self, pairs: Sequence[tuple[str, str]], repeat: int) -> list[Judged]:
        """Judge pairs of (prediction, reference), none of which is blank on both sides."""
        outcomes = self.judge.ask([self.question(*pair) for pair in pairs], repeat)
        return [self.judged([outcome], outcome.verdict, outcome.failure) for outcome in outcomes]

    def judged(self, outcomes: Sequence[Outcome[Any]], verdict: Verdict | None, failure: str | None) -> Judged:
        """A pair with what its questions have cost."""
        judgements = [outcome.judgement for outcome in outcomes if outcome.judgement is not None]
        tokens = [
            math.nan
            if one.prompt_tokens is None or one.completion_tokens is None
            else one.prompt_tokens + one.completion_tokens
            for one in judgements
        ]
        return Judged(
            verdict,
            failure,
            tokens=float(sum(tokens)),
            cost=float(sum(map(self.judge.cost, judgements))) if self._has_prices else 0.0,
            served_model=judgements[-1].served_model if judgements else None,
            structured=judgements[-1].structured if judgements else None,
        )

    @property
    def _n_scores(self) -> int:
        """M."""
        return len(self.both_blank.scores)

    @property
    def _has_prices(self) -> bool:
        return self.price_in is not None or self.price_out is not None

    def _prompt_or_missing(self) -> str:
        return "missing" if self.prompt_missing() else self.prompt_digest

    def _repeat(self, pairs: Sequence[tuple[str, str]], repeat: int) -> list[Judged]:
        """Judge all pairs once; each repeat in another order, so that other pairs share a batch."""
        asked = [i for i, pair in enumerate(pairs) if any(text.strip() for text in pair)]
        if repeat:
            random.Random(repeat).shuffle(asked)  # noqa: S311  # an order, no secret
        found = dict(zip(asked, self.judge_pairs([pairs[i] for i in asked], repeat), strict=True)) if asked else {}
        return [
            self._without_silent_gain(found[i], pair) if i in found else Judged(self.both_blank)
            for i, pair in enumerate(pairs)
        ]

    def _without_silent_gain(self, judged: Judged, pair: tuple[str, str]) -> Judged:
        verdict = judged.verdict
        if verdict is None or all(text.strip() for text in pair):
            return judged
        capped = Verdict(tuple(min(score, 0.0) for score in verdict.scores), verdict.counts, verdict.remarks)
        return Judged(capped, None, judged.tokens, judged.cost, judged.served_model, judged.structured)

    def _rank(self, repeats: Sequence[Judged]) -> float:
        """How well a reference fits; one whose replies cannot be read fits least."""
        read = [one.verdict.scores for one in repeats if one.verdict is not None]
        return float(self.final(np.mean(read, axis=0, keepdims=True))[0, -1]) if read else -math.inf

    def _row(self, repeats: Sequence[Judged]) -> list[float]:
        """V x M scores, verdict changed, share read, C counts."""
        verdicts = [one.verdict for one in repeats]
        read = [verdict for verdict in verdicts if verdict is not None]
        nothing = Verdict((0.0,) * self._n_scores)
        scores = [score for verdict in verdicts for score in (verdict or nothing).scores]
        found = {None if verdict is None else (verdict.scores, verdict.counts) for verdict in verdicts}
        counts_C = np.sum([verdict.counts for verdict in read], axis=0) / self.repeats if read else None
        counts = [0.0] * len(self.count_names) if counts_C is None else np.atleast_1d(counts_C).tolist()
        return [*scores, float(len(found) > 1), len(read) / self.repeats, *counts]

    def _samples(self, statistics: Statistics) -> dict[str, list[float]]:
        """Each report by itself: scores and unread replies in percent, its own counts (0 where none could be read)."""
        n, n_scores, n_counts = len(statistics.per_sample_NS), len(self.score_keys), len(self.count_names)
        if n == 0:
            return {}
        shown = n_scores + n_counts + 1
        unit = [1.0] * n_scores + [100.0] * n_counts + [1.0]
        values_NK = np.nan_to_num(self.reduce(statistics.per_sample_NS, np.ones(n))[:, :shown], nan=0.0) / unit
        return {key.name: values_NK[:, k].tolist() for k, key in enumerate(self.keys[:shown])}

    def _details(self, kept: Sequence[Sequence[Judged]], all_pairs: Sequence[Sequence[Judged]]) -> dict[str, Any]:
        every = [one for repeats in all_pairs for one in repeats]
        failures = [one.failure for one in every if one.failure is not None]
        remarks = Counter(remark for one in every if one.verdict for remark in one.verdict.remarks)
        read = [one.verdict.scores for repeats in kept for one in repeats if one.verdict is not None]
        means_1M = np.mean(read, axis=0, keepdims=True) if read else None
        return {
            "served_models": sorted({one.served_model for one in every if one.served_model}),
            "structured_output": sorted({one.structured for one in every if one.structured}),
            "unparsed": {"n": len(failures), "of": len(every), "examples": failures[:SHOWN]},
            "mean_of_parsed": None if means_1M is None else float(100 * self.final(means_1M)[0, -1]),
            "remarks": dict(remarks),
        }


def _spent(judged: Sequence[Judged]) -> tuple[float, float]:
    """Tokens and cost of a sample."""
    return sum(one.tokens for one in judged), sum(one.cost for one in judged)
