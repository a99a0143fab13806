"""What every judge's metric shares: its columns, and how verdicts become statistics.

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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar

import numpy as np

from libra_bench.metrics.judges.parameters import JudgeParameters
from libra_bench.metrics.judges.questions import Outcome, Question
from libra_bench.metrics.judges.verdicts import Judged, Verdict, details_of, row_of, spent
from libra_bench.metrics.metric import (
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


@dataclass(frozen=True)
class JudgeMetric(JudgeParameters, ABC):
    """Base of the metrics whose numbers a language model gives."""

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
        names = [*self.count_names, "tokens", *(["cost"] if self.has_prices else [])]
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
        facts: dict[str, Any] = {**self.judge_facts(), "prompt": self._prompt_or_missing(), "refs": "best"}
        return signature_of(self, impl=self.implementation, **facts, unparsed=0)

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
        return self.judge_missing()

    def check(self, references: References, predictions: Sequence[str] | None = None) -> None:
        """Find out what would stop it: a judge that cannot be asked, or more questions than the user allows.

        Args:
            references: N lists of alternative references.
            predictions: N texts; None: not known yet, and about as long as the references.

        Raises:
            ModelError: the judge cannot be reached or loaded, or refuses the key or the model.
            InputError: too many questions, and the user did not agree.
        """
        said = predictions if predictions is not None else [group[0] if group else "" for group in references]
        pairs = [pair for pair in _pairs(said, references)[0] if any(text.strip() for text in pair)]
        first, further = self.planned(pairs)
        self.judge.prepare(first, self.repeats, further=further * self.repeats)

    def planned(self, pairs: Sequence[tuple[str, str]]) -> tuple[list[Question[Any]], int]:
        """The questions of pairs that are known, and how many more are expected to follow."""
        return [self.question(*pair) for pair in pairs], 0

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """Have N predictions judged against their references; see `Metric.score`."""
        pairs, groups = _pairs(predictions, references)
        judged_VP = [self._repeat(pairs, repeat) for repeat in range(self.repeats)]
        per_pair = list(zip(*judged_VP, strict=True))
        rows, kept, start = [], [], 0
        for group in groups:
            candidates = per_pair[start : start + len(group)]
            best = max(candidates, key=self._rank)
            rows.append([*row_of(best, self._n_scores, len(self.count_names)), *spent(chain(*candidates))])
            kept.append(best)
            start += len(group)
        width = self.repeats * self._n_scores + len(self.count_names) + 4
        statistics = Statistics(np.array(rows, dtype=float).reshape(len(rows), width), self.reduce)
        values = corpus_values(self.keys, statistics)
        return MetricResult(values, statistics, self._samples(statistics), details_of(kept, per_pair, self.final))

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
        if self.has_prices:
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
            cost=float(sum(map(self.judge.cost, judgements))) if self.has_prices else 0.0,
            served_model=judgements[-1].served_model if judgements else None,
            structured=judgements[-1].structured if judgements else None,
        )

    @property
    def _n_scores(self) -> int:
        """M."""
        return len(self.both_blank.scores)

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

    def _samples(self, statistics: Statistics) -> dict[str, list[float]]:
        """Each report by itself: scores and unread replies in percent, its own counts (0 where none could be read)."""
        n, n_scores, n_counts = len(statistics.per_sample_NS), len(self.score_keys), len(self.count_names)
        if n == 0:
            return {}
        shown = n_scores + n_counts + 1
        unit = [1.0] * n_scores + [100.0] * n_counts + [1.0]
        values_NK = np.nan_to_num(self.reduce(statistics.per_sample_NS, np.ones(n))[:, :shown], nan=0.0) / unit
        return {key.name: values_NK[:, k].tolist() for k, key in enumerate(self.keys[:shown])}


def _pairs(predictions: Sequence[str], references: References) -> tuple[list[tuple[str, str]], list[list[str]]]:
    """Each prediction with each of its references, and the references, of which there is at least one."""
    groups = [list(group) or [""] for group in references]
    return [(said, true) for said, group in zip(predictions, groups, strict=True) for true in group], groups
