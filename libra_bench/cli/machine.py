"""What works on this machine: packages, accelerator, memory, suites, models, metrics."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import metadata, requires
from typing import TYPE_CHECKING, Literal

from humanize import naturalsize
from packaging.requirements import Requirement

from benchmarks.packages import installed_version

if TYPE_CHECKING:
    from model_adapters.models import ListedModel

OTHER_EXTRAS = ("all", "dev")
"""A sum of others, and what only work on libra-bench itself needs."""


MACHINE, KINDS = "machine", ("package", "model", "metric")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's table."""

    what: str
    state: Literal["ok", "absent", "broken"]
    found: str
    remedy: str = ""
    short: str = ""
    """The remedy where a line has no room for more: a command, a flag or a hub id."""

    @property
    def kind(self) -> str:
        """machine, package, model or metric."""
        kind = self.what.partition(" ")[0]
        return kind if kind in KINDS else MACHINE

    @property
    def name(self) -> str:
        """What is examined, without its kind."""
        return self.what if self.kind == MACHINE else self.what.removeprefix(f"{self.kind} ")


def examine() -> list[Finding]:
    """Examine this machine; loads torch, but no model."""
    return [*_machine(), *_packages(), *_models(), *_metrics()]


def _machine() -> Iterator[Finding]:
    import torch

    yield Finding("python", "ok", platform.python_version())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    yield Finding("memory", "ok", f"{naturalsize(memory, binary=True)}, {os.cpu_count()} cores")
    yield Finding("disk", "ok", f"{naturalsize(shutil.disk_usage('.').free, binary=True)} free in this folder")
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            card = torch.cuda.get_device_properties(index)
            yield Finding(f"accelerator {index}", "ok", f"{card.name}, {naturalsize(card.total_memory, binary=True)}")
    else:
        hint = "a 7B model needs one with 24 GiB or more"
        yield Finding("accelerator", "absent", "no CUDA device", hint)
    offline = os.environ.get("HF_HUB_OFFLINE", "") not in {"", "0"}
    yield Finding("hub", "ok", "offline (HF_HUB_OFFLINE)" if offline else "used when a hub id is given")


def _packages() -> Iterator[Finding]:
    """Every package that a user of libra-bench may need, core and optional, with its version."""
    for requirement, extra in _requirements():
        what, command = f"package {requirement.name}", f"pip install 'libra-bench[{extra}]'"
        if extra is None:
            command = f"pip install '{requirement.name}{requirement.specifier}'"
        found = installed_version(requirement.name)
        if found is None:
            yield Finding(what, "broken" if extra is None else "absent", "not installed", command)
        elif not requirement.specifier.contains(found, prereleases=True):
            yield Finding(what, "broken", f"{found}, but {requirement.specifier} is needed", command)
        else:
            yield Finding(what, "ok", found)
    if importlib.util.find_spec("torchvision") is None:
        yield Finding("package torchvision", "absent", "not installed", "only some models of other families need it")


def _requirements() -> Iterator[tuple[Requirement, str | None]]:
    """What libra-bench names, each package once; with the extra that brings it, if it is not always needed."""
    named: set[str] = {"libra-bench"}
    all_of_them = [Requirement(text) for text in requires("libra-bench") or []]
    extras = metadata("libra-bench").get_all("Provides-Extra") or []
    for extra in (None, *(extra for extra in extras if extra not in OTHER_EXTRAS)):
        for requirement in all_of_them:
            marker = requirement.marker
            if requirement.name not in named and (marker is None or marker.evaluate({"extra": extra or ""})):
                named.add(requirement.name)
                yield requirement, extra


def _models() -> Iterator[Finding]:
    from model_adapters.models import list_models

    for model in list_models():
        yield Finding(f"model {model.name}", "ok" if model.here else "absent", model.state, model.remedy, _short(model))


def _short(model: ListedModel) -> str:
    """A model's state or, where it is on the hub, its id there."""
    if model.here or model.needs_packages:
        return model.state
    return model.card.get("hub_id") or model.remedy


def _metrics() -> Iterator[Finding]:
    from libra_bench.metrics.registry import make_metric, metric_targets

    for name in metric_targets():
        metric = make_metric(name)
        missing = metric.missing()
        if missing is None:
            yield Finding(f"metric {name}", "ok", metric.signature)
        else:
            yield Finding(f"metric {name}", "absent", missing.reason, missing.remedy(name), missing.flag(name))
