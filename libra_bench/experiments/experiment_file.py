"""An experiment as a YAML file: suites, models with their options, protocols, seeds, metrics."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from benchmarks.errors import InputError, UnknownNameError
from benchmarks.files.yaml_text import read_yaml
from benchmarks.values import converted
from libra_bench.experiments.combinations import Combination
from libra_bench.runs.options import DECODING, MODEL, RUN, SUITE, RunOptions, flag_of, types

EXAMPLE = Path(__file__).parent / "experiment.yaml"
"""What `libra-bench init` writes."""
ALONE = ("out",)
"""Options that only a single run has."""


def _names(*panels: str) -> list[str]:
    return [item.name for item in dataclasses.fields(RunOptions) if flag_of(item).panel in panels]


OPTIONS = {
    "suites": [*_names(SUITE), "metrics", "by", "references"],
    "models": [*_names(MODEL, DECODING), "metrics", "model_name"],
    "options": [name for name in _names(SUITE, MODEL, DECODING, RUN) if name not in ALONE],
}
"""Part of the file -> the options of `run` that it may have, beside the suite or model itself."""


class Experiment(BaseModel):
    """The content of an experiment's file."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    suites: list[str | dict[str, Any]] = Field(min_length=1)
    """Names, or `suite:` and its options."""
    models: list[str | dict[str, Any]] = Field(min_length=1)
    """Names, or `model:` and its options."""
    protocols: list[str] = []
    """Each model runs with each; none: the model's own."""
    seeds: list[int] = []
    metrics: str | list[str] | None = None
    options: dict[str, Any] = {}
    """For all runs."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A suite or a model."""

    name: str
    options: Mapping[str, Any]


def _entry(value: str | dict[str, Any], part: str, where: str) -> _Entry:
    """A suite or model of the file.

    Raises:
        InputError: it has no name, an unknown key, or a value of another type.
    """
    if isinstance(value, str):
        return _Entry(value, {})
    key = part.removesuffix("s")
    name = value.get(key)
    if not isinstance(name, str) or not name:
        raise InputError(f"lacks {key}", where=where, hint=f"write `{key}: NAME` among its options")
    return _Entry(name, _typed({k: v for k, v in value.items() if k != key}, part, where))


def read_experiment(path: Path, said: Mapping[str, Any]) -> list[Combination]:
    """The runs of an experiment's file, one model's after the other.

    Args:
        path: the file; paths in it are relative to the working folder, as on the command line.
        said: options that were given on the command line, which win.

    Raises:
        InputError: a key or value that cannot be; names the key and what is allowed.
    """
    content = read_yaml(path, InputError, "experiment")
    if not isinstance(content, dict):
        raise InputError(
            "an experiment is a list of `key: value` lines", where=path, hint="`libra-bench init` writes an example"
        )
    try:
        found = Experiment.model_validate(content)
    except ValidationError as error:
        raise _fault(path, error) from error
    suites = [_entry(one, "suites", f"{path}: suites[{place}]") for place, one in enumerate(found.suites)]
    models = [_entry(one, "models", f"{path}: models[{place}]") for place, one in enumerate(found.models)]
    shared = _typed(found.options, "options", f"{path}: options")
    if found.metrics is not None:
        shared["metrics"] = found.metrics
    protocols: list[dict[str, Any]] = [{"protocol": name} for name in found.protocols] or [{}]
    seeds: list[dict[str, Any]] = [{"seed": seed} for seed in found.seeds] or [{}]
    decodings = [protocol | seed for protocol in protocols for seed in seeds]
    return [
        Combination(
            suite.name,
            model.name,
            RunOptions(**{**shared, **decoding, **suite.options, **model.options, **said}),
        )
        for model in models
        for decoding in decodings
        for suite in suites
    ]


def _typed(options: Mapping[str, Any], part: str, where: str) -> dict[str, Any]:
    """Options in their types.

    Raises:
        InputError: names the key, and what it takes or which there are.
    """
    flags = {item.name: flag_of(item) for item in dataclasses.fields(RunOptions)}
    for name in options:
        if name not in OPTIONS[part]:
            raise UnknownNameError(f"key (in {where})", str(name), OPTIONS[part])
    return {
        name: converted(value, types()[name], where=where, name=name, none=flags[name].none)
        for name, value in options.items()
    }


def _fault(path: Path, error: ValidationError) -> InputError:
    """The first thing that is wrong, in the words of the file."""
    faults = error.errors()
    fault = next((one for one in faults if one["type"] == "extra_forbidden"), faults[0])
    key = str(fault["loc"][0])
    if fault["type"] == "extra_forbidden":
        return UnknownNameError(f"key (in {path})", key, Experiment.model_fields)
    if fault["type"] in ("missing", "too_short"):
        return InputError(f"names no {key}", where=path, hint="`libra-bench init` writes an example")
    hint = f"write {key}: [one, another]" if fault["type"] == "list_type" else None
    message = fault["msg"][0].lower() + fault["msg"][1:]
    return InputError(f"{key}: {message}, found {fault['input']!r:.60}", where=path, hint=hint)
