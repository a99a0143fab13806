"""Write what `libra-bench metrics` says of each metric's sensitivity and agreement, from results of the experiments.

    libra-bench metrics sensitivity --references R.jsonl --out DIR
    libra-bench metrics agreement --data PATH --out DIR
    python scripts/record_measured.py --sensitivity DIR/sensitivity.json --agreement DIR/agreement.json

Only numbers are stored, no text. A metric is spoken of by its first column that has a value.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from libra_bench.metrics.registry import make_metric, metric_targets

TABLE = Path(__file__).resolve().parents[1] / "libra_bench" / "metrics" / "data" / "measured.json"
SHOWN = {
    "negation": "a negation lost or added",
    "side": "a wrong side",
    "severity": "a wrong severity",
    "insertion": "an invented finding",
    "omission": "a missing finding",
    "shuffle": "shuffled sentences",
    "paraphrase": "a paraphrase",
}
"""Error -> how the line names it."""

NAMES = {
    "radjudge": "RadJudge",
    "radpref": "RadPref",
    "rexval": "ReXVal",
    "radeval-expert": "RadEval",
    "table": "a table",
}
"""Format -> what the set is called."""


def keys_of(name: str) -> list[str]:
    """A metric's columns."""
    return [key.name for key in make_metric(name).keys]


def sensitivity_line(found: Mapping[str, Any], name: str) -> str | None:
    """Percent of a copy's score that one error per text costs, on the metric's first column."""
    once = {entry["error"]: entry for entry in found["errors"] if entry["edits"] == 1}
    for key in keys_of(name):
        costs = {}
        for error, words in SHOWN.items():
            score = next((one for one in once.get(error, {}).get("scores", ()) if one["key"] == key), None)
            if score is not None and score["copy"]:
                costs[words] = 100 * score["drop"] / abs(score["copy"])
        if costs:
            said = ", ".join(f"{words} {cost:.0f} %" for words, cost in costs.items())
            return f"{key}: of a copy's score, {said} ({found['n']} reports)"
    return None


def agreement_line(found: Mapping[str, Any], name: str) -> str | None:
    """Kendall's tau, or how many ranking tests pass, of the metric's best-known column."""
    by_key = {entry["key"]: entry for entry in found["metrics"]}
    for key in keys_of(name):
        entry = by_key.get(key)
        if entry is None:
            continue
        if entry["tests"] is not None:
            return f"{key}: passes {entry['tests']['passed']} of {entry['tests']['n']} {NAMES[found['format']]} tests"
        if entry["tau"] is not None:
            return (
                f"{key}: tau {entry['tau']:.3f} with radiologists ({NAMES[found['format']]}, {found['n_texts']} texts)"
            )
    return None


def main() -> None:
    """Update the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sensitivity", type=Path)
    parser.add_argument("--agreement", type=Path)
    chosen = parser.parse_args()
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    for name, path, line_of in (
        ("sensitivity", chosen.sensitivity, sensitivity_line),
        ("agreement", chosen.agreement, agreement_line),
    ):
        if path is not None:
            found = json.loads(path.read_text(encoding="utf-8"))
            lines = {metric: line_of(found, metric) for metric in metric_targets()}
            table[name] = {metric: line for metric, line in lines.items() if line is not None}
    TABLE.write_text(json.dumps(table, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
