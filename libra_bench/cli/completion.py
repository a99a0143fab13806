"""What the Tab key offers: names of suites, models, protocols and metrics, run folders, and paths."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

MAX_RUNS = 500
"""Run folders that are offered."""

Completion = Callable[[str], list[str]]


def suites(incomplete: str) -> list[str]:
    """Suites, several with commas, and files."""
    from benchmarks.catalog import suite_names

    return _last_of_several(incomplete, suite_names()) + _paths(incomplete)


def models(incomplete: str) -> list[str]:
    """Models, several with commas, and paths."""
    from model_adapters.cards import card_names
    from model_adapters.registry import adapter_targets

    return _last_of_several(incomplete, sorted({*card_names(), *adapter_targets()})) + _paths(incomplete)


def metrics(incomplete: str) -> list[str]:
    """Metrics, several with commas."""
    from libra_bench.metrics.registry import metric_targets

    return _last_of_several(incomplete, ["all", *metric_targets()])


def protocols(incomplete: str) -> list[str]:
    """Protocols."""
    from libra_bench.runs.protocols import PROTOCOLS

    return _beginning(incomplete, PROTOCOLS)


def dialects(incomplete: str) -> list[str]:
    """Dialects."""
    from libra_bench.metrics.dialects import DIALECTS

    return _beginning(incomplete, DIALECTS)


def adapters(incomplete: str) -> list[str]:
    """Adapters."""
    from model_adapters.registry import adapter_targets

    return _beginning(incomplete, adapter_targets())


def runs(incomplete: str) -> list[str]:
    """Run folders below `runs/`, the newest first, and paths."""
    from benchmarks.files import modified

    found = sorted(Path("runs").glob("*/*/*/run.json"), key=modified, reverse=True)[:MAX_RUNS]
    folders = _beginning(incomplete, (str(path.parent) for path in found))
    return folders + [path for path in _paths(incomplete) if path not in folders]


OF_OPTIONS: dict[str, Completion] = {
    "metrics": metrics,
    "protocol": protocols,
    "dialect": dialects,
    "adapter": adapters,
}
"""Option of a run -> what completes it."""


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _last_of_several(incomplete: str, names: Iterable[str]) -> list[str]:
    """The names that continue the part after the last comma; those before it stay, and are not offered again."""
    before, comma, last = incomplete.rpartition(",")
    taken = before.split(",")
    return [f"{before}{comma}{name}" for name in names if name.startswith(last) and name not in taken]


def _paths(incomplete: str) -> list[str]:
    """Files and folders; a folder ends with a slash, so that it can be continued."""
    folder, slash, last = incomplete.rpartition("/")
    try:
        found = sorted(Path(folder + slash or ".").expanduser().iterdir())
    except OSError:
        return []
    names = [path.name + ("/" if path.is_dir() else "") for path in found]
    hidden = last.startswith(".")
    return [folder + slash + name for name in names if name.startswith(last) and (hidden or not name.startswith("."))]
