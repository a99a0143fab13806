"""libra-bench: numbers that can be trusted and repeated, for models that write chest X-ray reports.

    from libra_bench import temporal_f1_score, evaluate_report, score, run, load_runs, describe, load_suite
    from libra_bench import load_adapter, report_statements
    from libra_bench.rewards import reward

Names are loaded when they are first used (PEP 562): `import libra_bench` imports no torch, transformers or pandas.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

_NEIGHBOURS = ("benchmarks", "model_adapters", "reports")


def _refuse_strangers() -> None:
    """Raise if Python would find a foreign package under the name of one of ours.

    Raises:
        ImportError: names what is in the way. SystemExit: the same, where libra-bench was started as a program.
    """
    for name in _NEIGHBOURS:
        place = _place_of(name)
        if place is None or place.parent == Path(__file__).resolve().parents[1]:
            continue
        message = (
            f"{place} has the name of libra-bench's own package {name!r} and comes before it: rename it, or start "
            "libra-bench from another folder (the program `libra-bench`, unlike `python -m libra_bench`, starts in any)"
        )
        if sys.argv and Path(sys.argv[0]).stem in ("-m", "libra-bench"):
            print(f"error: {message}", file=sys.stderr)  # noqa: T201 - cli.output may not be reached
            raise SystemExit(2)
        raise ImportError(message)


def _place_of(name: str) -> Path | None:
    """The folder or file that `import name` takes; nothing is imported."""
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # imported already, by hand
        return None
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).resolve()
    return file.parent if file.name == "__init__.py" else file


_refuse_strangers()

_PUBLIC = {
    "describe": "libra_bench.runs.single_study",
    "evaluate_report": "libra_bench.scores.evaluate",
    "load_adapter": "model_adapters.models",
    "load_runs": "reports.load.frames",
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
    "load_runs",
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
    from reports.load.frames import load_runs

    __version__: str


def __getattr__(name: str) -> Any:
    import importlib

    if name == "rewards":
        return importlib.import_module("libra_bench.rewards")
    if name == "__version__":
        from importlib.metadata import version

        return version("libra-bench")
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
