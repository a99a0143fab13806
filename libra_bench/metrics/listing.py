"""What there is to score with, as data: `libra-bench metrics` and its --json."""

from __future__ import annotations

import math
from typing import Any

from libra_bench.metrics.metric import Metric
from libra_bench.metrics.registry import make_metric, metric_targets


def list_metrics() -> list[dict[str, Any]]:
    """Every metric with its default parameters, in the order of the leaderboard's columns. Loads no model."""
    return [_describe(name, make_metric(name)) for name in metric_targets()]


def _describe(name: str, metric: Metric) -> dict[str, Any]:
    missing = metric.missing()
    return {
        "name": name,
        "summary": metric.summary,
        "keys": [
            {
                "name": key.name,
                "higher_is_better": key.higher_is_better,
                "range": [end if math.isfinite(end) else None for end in key.range],
                "published": key.published,
            }
            for key in metric.keys
        ],
        "signature": metric.signature,
        "needs": metric.needs,
        "available": missing is None,
        "reason": missing.reason if missing else None,
        "remedy": missing.hint if missing else None,
    }
