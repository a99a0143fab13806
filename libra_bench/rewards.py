"""Metrics as rewards for reinforcement learning: a function that TRL's trainers call with a batch of completions.

    from libra_bench.rewards import reward

    rewards = [reward("report_errors"), reward("temporal_change_f1", key="Temporal_change_score")]
    trainer = GRPOTrainer(reward_funcs=rewards, ...)

TRL's contract: `fn(completions, **columns) -> list[float | None]`. References come from a column of the dataset, every
other column and keyword is ignored, a completion or a reference that is None gets None (TRL then leaves that reward
out for that sample). A batch is scored in one pass. What a model reads in a reference is kept in the extraction
cache; what it reads in a completion is not, since no completion comes twice.

Imports no torch and no TRL.
"""

from __future__ import annotations

import difflib
import functools
import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from benchmarks.errors import MetricUnavailableError, MissingColumnError, RewardError, RewardWarning
from libra_bench.metrics.extractors.cache import quiet_extraction
from libra_bench.metrics.metric import Metric, MetricResult, References, reward_key_of, sees_of
from libra_bench.metrics.registry import make_metric

Message: TypeAlias = Mapping[str, Any]
Completion: TypeAlias = str | Sequence[Message] | None
"""A text, or the messages of a conversation (the assistant's last one counts), or None."""
Transform: TypeAlias = Callable[[float], float]

EXTRACTED = ("embeddings", "entities", "labels")
"""Metrics that see these keep what they found in a text."""
PROBE = ("Small left pleural effusion.", "Small left pleural effusion is unchanged.", "The heart is enlarged.")
"""A completion, its reference, and another reference."""


def reward(
    metric: str | Metric | Sequence[str | Metric],
    *,
    key: str | Sequence[str | None] | None = None,
    reference: str = "ground_truth",
    transform: Transform | Sequence[Transform | None] | None = None,
    weights: Sequence[float] | None = None,
) -> Reward:
    """A metric, or a weighted sum of several, as a reward function.

    A made-up pair is scored at once, so that what is missing (weights, a package, a key) is said before a model is
    loaded for training.

    Args:
        metric: a metric as on the command line ("rouge_l", "bertscore[model=DIR]"), or one that was made; or several.
        key: the column of samples.csv that is the reward, in its unit (mostly 0 to 100). Needed only where a metric
            has several values per report. For several metrics: one for each, None where there is no choice.
        reference: the dataset's column with the reference reports: texts, or lists of alternative references.
        transform: value -> reward, such as `lambda value: -value` where lower is better. For several metrics: one for
            all, or one for each.
        weights: one for each metric, for their sum; none: each counts 1.

    Raises:
        RewardError (also a ValueError): no such key, or several; lower is better and nothing turns it round.
        MetricUnavailableError: the metric cannot run here.
        UnknownNameError: no such metric.
    """
    names = [metric] if isinstance(metric, str) or not isinstance(metric, Sequence) else list(metric)
    keys = _one_each("key", key, len(names))
    transforms = _one_each("transform", transform, len(names))
    factors = [1.0] * len(names) if weights is None else list(weights)
    if not names:
        raise RewardError("no metric was given")
    if len(factors) != len(names) or not all(map(math.isfinite, factors)):
        raise RewardError(f"{len(names)} metrics need {len(names)} finite weights, not {weights!r}")
    made = [make_metric(name) if isinstance(name, str) else name for name in names]
    return Reward(list(map(Term, made, keys, transforms, factors)), reference)


class Reward:
    """A reward function: call it as TRL does. Create it with `reward`."""

    def __init__(self, terms: Sequence[Term], reference: str) -> None:
        self.terms, self.reference = terms, reference
        self.__name__ = "+".join(term.key for term in terms)
        """What TRL calls it in its logs."""

    def __repr__(self) -> str:
        return f"reward({self.__name__!r}, reference={self.reference!r})"

    def __call__(self, /, completions: Sequence[Completion], **columns: Any) -> list[float | None]:
        """One reward per completion, None where the completion or its reference is None.

        Args:
            completions: N texts or conversations.
            columns: the column of references (N texts, or N lists of alternatives); all others are ignored.

        Raises:
            MissingColumnError (also a KeyError): no such column.
            RewardError (also a ValueError): a reward that is not finite, or a batch that cannot be read.
        """
        if self.reference not in columns:
            raise MissingColumnError(
                f"the dataset has no column {self.reference!r}",
                hint=f"it has {', '.join(sorted(columns)) or 'none'}; name the one with the references: reference=...",
            )
        given = columns[self.reference]
        whole = given if isinstance(given, str) or not isinstance(given, Iterable) else list(given)
        if not isinstance(whole, list) or len(whole) != len(completions):
            found = f"{len(whole)} references" if isinstance(whole, list) else repr(whole)
            raise RewardError(
                f"{len(completions)} completions, but {found}", where=self.reference, hint="give one for each"
            )
        texts = [_text(completion, f"completion {index}") for index, completion in enumerate(completions)]
        references = [_alternatives(value, f"{self.reference} {index}") for index, value in enumerate(whole)]
        pairs = zip(texts, references, strict=True)
        known = [index for index, (text, several) in enumerate(pairs) if text is not None and several is not None]
        rewards: list[float | None] = [None] * len(texts)
        if known:
            said, true = [texts[index] or "" for index in known], [references[index] or [] for index in known]
            columns_KN = [term.values(said, true, known) for term in self.terms]
            for index, values in zip(known, zip(*columns_KN, strict=True), strict=True):
                rewards[index] = _sum(values)
        return rewards


class Term:
    """One metric of a reward: its key, its transform, its weight."""

    def __init__(self, metric: Metric, key: str | None, transform: Transform | None, weight: float) -> None:
        self.metric, self.transform, self.weight = metric, transform, weight
        self._prepared: set[tuple[str, ...]] = set()
        if absent := metric.missing():
            raise MetricUnavailableError(f"{metric.id}: {absent.reason}", hint=absent.hint)
        one, two, other = PROBE
        with quiet_extraction(keep=True):
            alone, together = metric.score([one], [[two]]), metric.score([one, other], [[two], [other]])
        self.key = _choose_key(metric, alone, key)
        lower = [item.name for item in metric.keys if item.name == self.key and not item.higher_is_better]
        if lower and transform is None and weight > 0:
            raise RewardError(
                f"{self.key} is better when it is lower, and a reward is raised",
                hint="pass transform=lambda value: -value, or a negative weight",
            )
        values = [result.samples[self.key][0] for result in (alone, together)]
        if None not in values and not math.isclose(*values, rel_tol=1e-4, abs_tol=1e-4):
            warnings.warn(
                f"{self.key} weighs words by how rare they are among the references that are scored together: as a "
                "reward, it depends on the rest of the batch, and means nothing where a batch has one reference",
                RewardWarning,
                stacklevel=3,
            )

    def values(self, texts: Sequence[str], references: References, numbers: Sequence[int]) -> list[float | None]:
        """The weighted value of each pair; `numbers` are their places in the batch, for messages."""
        self._prepare(references)
        with quiet_extraction(keep=False):
            result = _score(self.metric, texts, references)
        values: list[float | None] = []
        for number, value in zip(numbers, result.samples[self.key], strict=True):
            if value is None:
                values.append(None)
                continue
            final = float(value if self.transform is None else self.transform(float(value)))
            if not math.isfinite(final):
                made = "" if self.transform is None else f", which transform made of {value}"
                raise RewardError(
                    f"{self.key} of completion {number} is {final}{made}",
                    hint="a reward must be finite; look at that completion and its reference",
                )
            values.append(self.weight * final)
        return values

    def _prepare(self, references: References) -> None:
        """Read the references that are new, so that the cache keeps them; then nothing of a completion need be kept."""
        if sees_of(self.metric) not in EXTRACTED:
            return
        new = {several: None for several in map(tuple, references) if several not in self._prepared}
        if new:
            with quiet_extraction(keep=True):
                self.metric.score([several[0] for several in new], list(new))
            self._prepared |= new.keys()


def _score(metric: Metric, texts: Sequence[str], references: References) -> MetricResult:
    """One pass over a batch; the last few are remembered, since two keys of one metric are requested in turn."""
    try:
        hash(metric)
    except TypeError:
        return metric.score(texts, references)
    return _remembered(metric, tuple(texts), tuple(map(tuple, references)))  # type: ignore[arg-type]


@functools.lru_cache(maxsize=8)
def _remembered(metric: Metric, texts: tuple[str, ...], references: tuple[tuple[str, ...], ...]) -> MetricResult:
    return metric.score(texts, references)


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) if len(known) == len(values) else None


def _choose_key(metric: Metric, result: MetricResult, key: str | None) -> str:
    """The column of samples that is the reward: the given one, the metric's own choice, or the only one."""
    there = list(result.samples)
    own = [item.name for item in metric.keys if item.name in there]
    chosen = key or reward_key_of(metric) or (own[0] if len(own) == 1 else None)
    if chosen in there:
        return str(chosen)
    corpus = [item.name for item in metric.keys if item.name not in there]
    listed = ", ".join(there)
    if (chosen is None and not own) or chosen in corpus:
        what = f"{chosen or ', '.join(corpus)} is a score of a whole corpus: {metric.id} has no such value per report"
        instead = "use bleu[scheme=sentence] with key='BLEU4'" if metric.id == "bleu" else "use another metric"
        raise RewardError(what, hint=f"{instead}; values per report: {listed}" if there else instead)
    if chosen is None:
        raise RewardError(f"{metric.id} has several values per report", hint=f"pass key=..., one of {listed}")
    near = difflib.get_close_matches(chosen, there, n=1, cutoff=0.5)
    guess = f"did you mean {near[0]!r}? " if near else ""
    raise RewardError(f"{metric.id} has no key {chosen!r}", hint=f"{guess}values per report: {listed}")


def _one_each(what: str, given: Any, count: int) -> list[Any]:
    """What was given for each metric, or one for all of them."""
    if given is None or isinstance(given, str) or not isinstance(given, Sequence):
        if isinstance(given, str) and count > 1:
            raise RewardError(f"{count} metrics need {count} keys", hint="pass a list, None where there is no choice")
        return [given] * count
    if len(given) != count:
        raise RewardError(f"{len(given)} for {what}, but {count} metrics")
    return list(given)


def _text(completion: object, where: str) -> str | None:
    """The text of a completion: itself, or what the assistant said last."""
    if completion is None or isinstance(completion, str):
        return completion
    if isinstance(completion, Mapping):
        completion = [completion]
    if isinstance(completion, Sequence) and completion and all(isinstance(item, Mapping) for item in completion):
        said = [item for item in completion if item.get("role", "assistant") == "assistant"]
        return _content(said[-1].get("content"), where) if said else ""
    if isinstance(completion, Sequence) and not completion:
        return ""
    raise RewardError(
        f"a completion is a text, a list of messages or None, not {type(completion).__name__}", where=where
    )


def _content(content: object, where: str) -> str | None:
    """The text of a message: a string, or its parts of type "text"."""
    if content is None or isinstance(content, str):
        return content
    if isinstance(content, Sequence) and all(isinstance(part, Mapping) for part in content):
        return "".join(str(part.get("text") or "") for part in content if part.get("type", "text") == "text")
    raise RewardError(f"a message's content is a text or a list of parts, not {type(content).__name__}", where=where)


def _alternatives(value: object, where: str) -> list[str] | None:
    """The alternative references of a sample."""
    if value is None:
        return None
    texts = [value] if isinstance(value, str) else value
    if isinstance(texts, Sequence) and texts and all(isinstance(text, str) for text in texts):
        return list(texts)
    if isinstance(texts, Sequence) and texts and all(isinstance(item, Mapping) for item in texts):
        text = _text(texts, where)
        return None if text is None else [text]
    raise RewardError(f"a reference is a text, or a list of alternative texts, not {value!r:.60}", where=where)
