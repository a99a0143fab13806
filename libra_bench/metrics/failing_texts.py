"""No text may end a run: a text on which a metric fails is found, counts as empty, and is named.

The rule for every metric, so that none needs its own. A failure while scoring is looked for in the samples by halving
(at most 2 N calls, and N log2 N samples in all); each text found is blanked, and all are scored again. A failure that
no text causes (a broken package, a GPU without memory) is raised as it is: it occurs on a harmless pair, too, or in no
sample by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.errors import LibraBenchError
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
        LibraBenchError: as `Metric.score` does: missing weights and the like are no text's fault.
        Exception: any other failure that no single text causes.
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
        except Exception:
            if _error(metric, [replace(cases[0], prediction=HARMLESS, references=[HARMLESS])]):
                raise
            found = [_failed(metric, cases[sample], sample) for sample in _culprits(metric, cases)]
            if not found:
                raise
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


def _culprits(metric: Metric, cases: Sequence[_Case]) -> list[int]:
    """The samples that the metric fails on by themselves; none if it fails only on many together."""
    culprits: list[int] = []
    suspects = [range(len(cases))]
    while suspects:
        group = suspects.pop()
        if not _error(metric, [cases[sample] for sample in group]):
            continue
        if len(group) == 1:
            culprits += group
        else:
            middle = len(group) // 2
            suspects += [group[:middle], group[middle:]]
    return culprits


def _failed(metric: Metric, case: _Case, sample: int) -> FailedText:
    """Which side of a failing sample it is: the one that still fails beside a harmless text, else the prediction."""
    for side, alone in (
        ("prediction", replace(case, references=[HARMLESS])),
        ("reference", replace(case, prediction=HARMLESS)),
        ("prediction", case),
    ):
        if error := _error(metric, [alone]):
            return FailedText(sample, side, " ".join(f"{type(error).__name__}: {error}".split())[:200])
    raise AssertionError("a culprit fails by itself")


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
