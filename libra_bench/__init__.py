"""libra-bench: numbers that can be trusted and repeated, for models that write chest X-ray reports.

    from libra_bench import temporal_f1_score, evaluate_report, score, run, describe, load_suite, load_adapter
    from libra_bench.rewards import reward

Names are loaded when they are first used (PEP 562): `import libra_bench` imports no torch, transformers or pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

_PUBLIC = {
    "describe": "libra_bench.runs.single_study",
    "evaluate_report": "libra_bench.scores.evaluate",
    "load_adapter": "model_adapters.models",
    "load_suite": "benchmarks.suites",
    "report_statements": "libra_bench.metrics.statements.reader",
    "run": "libra_bench.runs.runner",
    "score": "libra_bench.scores.scoring",
    "temporal_f1_score": "libra_bench.metrics.temporal_f1",
}

__all__ = [
    "describe",
    "evaluate_report",
    "load_adapter",
    "load_suite",
    "report_statements",
    "run",
    "score",
    "temporal_f1_score",
]

if TYPE_CHECKING:
    from benchmarks.suites import load_suite
    from libra_bench.metrics.statements.reader import report_statements
    from libra_bench.metrics.temporal_f1 import temporal_f1_score
    from libra_bench.runs.runner import run
    from libra_bench.runs.single_study import describe
    from libra_bench.scores.evaluate import evaluate_report
    from libra_bench.scores.scoring import score
    from model_adapters.models import load_adapter


def __getattr__(name: str) -> Any:
    import importlib

    if name == "rewards":
        return importlib.import_module("libra_bench.rewards")
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
