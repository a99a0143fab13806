"""What there is to score with, as data: `libra-bench metrics` and its --json."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from importlib.resources import files
from typing import Any

from libra_bench.metrics.metric import Metric, sees_of
from libra_bench.metrics.registry import make_metric, metric_targets

SEES = {
    "words": "Words: which words and phrases two texts share",
    "embeddings": "Embeddings: how similar their words are to a language model",
    "entities": "Entities: which findings and places a model marks in either, and how they are related",
    "labels": "Labels: which findings a classifier sees in either",
    "statements": "Statements: what is said of each finding, read by rules",
    "judges": "Judges: what a large language model says of the pair",
    "change": "Change: which words or statements of change they share",
}
"""What metrics see -> a heading, in the order of the listing."""
MEASURED = ("ms_per_report", "agreement", "sensitivity")
"""The tables of data/measured.json: metric -> a number, or a line."""


def list_metrics() -> list[dict[str, Any]]:
    """Every metric with its default parameters, in the order of the leaderboard's columns. Loads no model."""
    return [_describe(name, make_metric(name)) for name in metric_targets()]


def _describe(name: str, metric: Metric) -> dict[str, Any]:
    missing = metric.missing()
    return {
        "name": name,
        "sees": sees_of(metric),
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
        "remedy": missing.remedy(name) if missing else None,
        "flag": missing.flag(name) if missing else None,
        "parameters": _parameters(metric),
        "measured": {table: _measured()[table].get(name) for table in MEASURED},
    }


def _parameters(metric: Any) -> dict[str, Any]:
    """The values of a metric's parameters, which are its dataclass fields."""
    return {one.name: getattr(metric, one.name) for one in dataclasses.fields(metric)}


@functools.cache
def _measured() -> dict[str, dict[str, Any]]:
    """Measurements of our metrics, with their default parameters."""
    content = (files("libra_bench.metrics") / "data" / "measured.json").read_text(encoding="utf-8")
    tables: dict[str, dict[str, Any]] = json.loads(content)
    return tables
