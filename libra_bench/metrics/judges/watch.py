"""Stops a run in which nearly every request fails, or nearly no reply can be read."""

from __future__ import annotations

from collections import deque
from typing import Any

from benchmarks.errors import MetricUnavailableError
from libra_bench.metrics.judges.questions import Outcome, T

WINDOW, MAX_UNREADABLE = 10, 9
"""Of the last `WINDOW` outcomes, so many failures end it."""
MIN_OUTCOMES = 3
"""So many that all fail end it, too."""


class Watch:
    """Sees every outcome.

    Args:
        metric: whose judge it is, for the error.
        model: the judge.
    """

    def __init__(self, metric: str, model: str) -> None:
        self._where = f"{metric}, judge {model}"
        self._last: deque[Outcome[Any]] = deque(maxlen=WINDOW)
        self._n = self._n_failed = 0

    def seen(self, outcome: Outcome[T]) -> Outcome[T]:
        """Count an outcome.

        Raises:
            MetricUnavailableError: of the last ones, nearly all have failed.
        """
        self._last.append(outcome)
        self._n += 1
        self._n_failed += outcome.failure is not None
        failed = [one for one in self._last if one.failure is not None]
        if len(failed) >= MAX_UNREADABLE:
            which = "first" if self._n <= WINDOW else "last"
            self._end(f"{len(failed)} of the {which} {len(self._last)}", failed[-1])
        return outcome

    def finish(self) -> None:
        """Make sure that anything could be read, where there were some.

        Raises:
            MetricUnavailableError: nothing.
        """
        if self._n_failed == self._n >= MIN_OUTCOMES:
            self._end(f"all {self._n}", self._last[-1])

    def _end(self, which: str, last: Outcome[Any]) -> None:
        if last.judgement is None:
            what = f"{which} questions got {last.failure}"
            hint = "what was replied is kept: make sure that the judge answers, then run this again"
        else:
            what = f"{which} replies could not be read: {last.failure}"
            hint = (
                "what was replied is kept; choose a judge that follows the prompt, raise max_tokens, or, where the "
                "model behind the name has changed, name it with revision="
            )
        raise MetricUnavailableError(what, where=self._where, hint=hint)
