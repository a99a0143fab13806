"""No text may end a run: a text on which a metric fails is found, counts as empty, and is named.

The rule for every metric, so that none needs its own. A failure while scoring is looked for in the samples by halving
(at most 2 N calls, and N log2 N samples in all); each text found is blanked, and all are scored again. A failure that
no text causes (damaged weights, a broken package, a GPU without memory) occurs on a harmless pair, too, or in no sample
by itself: then the metric cannot run here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.errors import LibraBenchError, MetricUnavailableError
from libra_bench.metrics.metric import Metric, MetricResult, References

HARMLESS = "No effusion."
SHOWN = 20
"""Texts named in the details of a metric."""
_SHOWN_IN_NOTE = 5


@dataclass(frozen=True, slots=True)
class FailedText:
    """A text on which a metric failed."""

    sample: int
    """Index into the predictions."""
    side: str
    """"prediction", or "reference" (all references of the sample are blanked then)."""
    error: str
    """The exception's type and message, one line."""


@dataclass(frozen=True, slots=True)
class _Case:
    """One sample as a metric gets it."""

    prediction: str
    references: Sequence[str]
    fields: Mapping[str, Any] | None

    def without(self, side: str) -> _Case:
        if side == "prediction":
            return replace(self, prediction="")
        return replace(self, references=[""] * len(self.references))


def score_texts(
    metric: Metric,
    predictions: Sequence[str],
    references: References,
    fields: Sequence[Mapping[str, Any]] | None = None,
) -> tuple[MetricResult, list[FailedText]]:
    """`metric.score`, but a text that the metric fails on counts as empty.

    Returns:
        What the metric says, and the texts that were blanked for it, in the order of the samples.

    Raises:
        MetricUnavailableError: it fails on any text, or on no single one.
        LibraBenchError: as `Metric.score` does.
    """
    cases = [
        _Case(said, true, fields[sample] if fields else None)
        for sample, (said, true) in enumerate(zip(predictions, references, strict=True))
    ]
    failed: list[FailedText] = []
    while True:
        try:
            return _score(metric, cases), sorted(failed, key=lambda text: text.sample)
        except LibraBenchError:
            raise
        except Exception as error:
            found = [] if _fails_always(metric, cases[0]) else list(_failed_texts(metric, cases))
            blanked = {(text.sample, text.side) for text in failed}
            if not found or blanked & {(text.sample, text.side) for text in found}:
                raise MetricUnavailableError(
                    f"{metric.id}: it cannot score these texts, whatever they say ({_in_words(error)})",
                    hint="fetch its weights or package again, or leave it out of --metrics; --debug shows where",
                ) from error
        for text in found:
            cases[text.sample] = cases[text.sample].without(text.side)
        failed += found


def as_details(failed: Sequence[FailedText], ids: Sequence[object]) -> dict[str, Any]:
    """What scores.json says of them: how many, and the first of them by question id."""
    named = [{"question_id": ids[text.sample], "side": text.side, "error": text.error} for text in failed[:SHOWN]]
    return {"n": len(failed), "counted_as": "empty", "texts": named}


def failed_note(metric: Metric, failed: Sequence[FailedText], ids: Sequence[object]) -> str:
    """One line for stderr."""
    named = ", ".join(f"{ids[text.sample]!r} ({text.side})" for text in failed[:_SHOWN_IN_NOTE])
    more = ", ..." if len(failed) > _SHOWN_IN_NOTE else ""
    texts = "text, which counts" if len(failed) == 1 else "texts, which count"
    return f"note: {metric.id} fails on {len(failed)} {texts} as empty: {named}{more}; {failed[0].error}"


def _fails_always(metric: Metric, case: _Case) -> bool:
    return _error(metric, [replace(case, prediction=HARMLESS, references=[HARMLESS])]) is not None


def _failed_texts(metric: Metric, cases: Sequence[_Case]) -> Iterator[FailedText]:
    """A text of each sample that the metric fails on by itself; none if it fails only on many together."""
    suspects = [range(len(cases))]
    while suspects:
        group = suspects.pop()
        if _error(metric, [cases[sample] for sample in group]):
            if len(group) == 1:
                yield from _failed(metric, cases[group[0]], group[0])
            else:
                middle = len(group) // 2
                suspects += [group[:middle], group[middle:]]


def _failed(metric: Metric, case: _Case, sample: int) -> Iterator[FailedText]:
    """Which side of a failing sample it is: the one that still fails beside a harmless text, else the prediction.

    None where it does not fail again: what an extractor could read meanwhile is in its cache.
    """
    for side, alone in (
        ("prediction", replace(case, references=[HARMLESS])),
        ("reference", replace(case, prediction=HARMLESS)),
        ("prediction", case),
    ):
        if error := _error(metric, [alone]):
            yield FailedText(sample, side, _in_words(error))
            return


def _in_words(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]


def _error(metric: Metric, cases: Sequence[_Case]) -> Exception | None:
    try:
        _score(metric, cases)
    except LibraBenchError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever it is, it is the answer
        return error
    return None


def _score(metric: Metric, cases: Sequence[_Case]) -> MetricResult:
    fields = [case.fields for case in cases if case.fields is not None]
    return metric.score([case.prediction for case in cases], [case.references for case in cases], fields or None)
