"""The metrics of our own definition give the values of their golden files, each with its reason."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from every_case import every_case
from repository import GOLDEN

from libra_bench.metrics.registry import make_metric

METRICS = GOLDEN / "metrics"
NAMES = (
    "temporal_change_f1", "exact_match", "token_f1", "yes_no", "open_closed", "label_set", "difference_f1",
    "diagnostics", "report_errors", "chexpert_rules", "temporal_labels",
)  # fmt: skip
CASES = {name: json.loads((METRICS / f"{name}.json").read_text(encoding="utf-8")) for name in NAMES}


@every_case("name", NAMES)
def test_golden_values(name):
    for case in CASES[name]:
        result = make_metric(case["metric"]).score(case["predictions"], case["references"], case.get("fields"))
        for key, expected in case["expected"].items():
            assert result.values[key] == pytest.approx(expected, abs=case["tolerance"]), case["why"]
        for key, expected in case.get("samples", {}).items():
            assert list(result.samples[key]) == pytest.approx(expected, abs=case["tolerance"]), case["why"]


@every_case("name", NAMES)
def test_values_follow_from_the_statistics(name):
    """The sum of all rows reduces to the values, its columns are the keys, and order does not matter."""
    for case in CASES[name]:
        metric, fields = make_metric(case["metric"]), case.get("fields")
        order = list(range(len(case["predictions"])))
        random.Random(0).shuffle(order)
        result = metric.score(case["predictions"], case["references"], fields)
        shuffled = metric.score(
            [case["predictions"][i] for i in order],
            [case["references"][i] for i in order],
            [fields[i] for i in order] if fields else None,
        )
        assert shuffled.values == pytest.approx(result.values, nan_ok=True)
        assert set(result.values) <= {key.name for key in metric.keys}
        if result.statistics is not None:
            rows = result.statistics.per_sample_NS
            reduced = result.statistics.reduce(rows.sum(axis=0, keepdims=True), np.array([float(len(rows))]))[0]
            assert reduced.tolist() == pytest.approx(list(result.values.values()), nan_ok=True)
