"""Which metrics there are, and how `bertscore[model=DIR,num_layers=5]` becomes one."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import typing
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any

from benchmarks.errors import InputError, UnknownNameError
from benchmarks.values import NONE_WORDS, converted
from libra_bench.metrics.metric import Metric

METRICS = {
    "bleu": "libra_bench.metrics.bleu:Bleu",
    "meteor": "libra_bench.metrics.meteor:Meteor",
    "rouge_l": "libra_bench.metrics.rouge_l:RougeL",
    "bertscore": "libra_bench.metrics.bertscore:BertScore",
    "temporal_f1": "libra_bench.metrics.temporal_f1:TemporalF1",
    "cider": "libra_bench.metrics.cider:Cider",
    "temporal_change_f1": "libra_bench.metrics.temporal_change_f1:TemporalChangeF1",
    "temporal_labels": "libra_bench.metrics.temporal_labels:TemporalLabels",
    "report_errors": "libra_bench.metrics.report_errors:ReportErrors",
    "chexpert_rules": "libra_bench.metrics.chexpert_rules:CheXpertRules",
    "radgraph": "libra_bench.metrics.radgraph:RadGraph",
    "chexbert": "libra_bench.metrics.chexbert:CheXbert",
    "radcliq_v0": "libra_bench.metrics.radcliq:RadCliQv0",
    "radcliq_v1": "libra_bench.metrics.radcliq:RadCliQv1",
    "ratescore": "libra_bench.metrics.ratescore:RaTEScore",
    "srr_bert": "libra_bench.metrics.srr_bert:SrrBert",
    "report_judge": "libra_bench.metrics.report_judge:ReportJudge",
    "crimson": "libra_bench.metrics.crimson:Crimson",
    "green": "libra_bench.metrics.green:Green",
    "radfact": "libra_bench.metrics.radfact:RadFact",
    "exact_match": "libra_bench.metrics.exact_match:ExactMatch",
    "token_f1": "libra_bench.metrics.token_f1:TokenF1",
    "yes_no": "libra_bench.metrics.yes_no:YesNo",
    "multiple_choice": "libra_bench.metrics.multiple_choice:MultipleChoice",
    "open_closed": "libra_bench.metrics.open_closed:OpenClosed",
    "label_set": "libra_bench.metrics.label_set:LabelSet",
    "difference_f1": "libra_bench.metrics.difference_f1:DifferenceF1",
    "diagnostics": "libra_bench.metrics.diagnostics:Diagnostics",
}
"""One line per metric, in the order of the leaderboard's columns."""

ENTRY_POINT_GROUP = "libra_bench.metrics"


def metric_targets() -> dict[str, str]:
    """Name -> "module:Class" of every metric: ours, then those of installed packages (ours take precedence)."""
    installed = {point.name: point.value for point in entry_points(group=ENTRY_POINT_GROUP)}
    return METRICS | {name: target for name, target in installed.items() if name not in METRICS}


def split_names(text: str) -> list[str]:
    """Split "a,b[c=1,d=2],e" at the commas outside brackets.

    Raises:
        InputError: brackets that don't match.
    """
    names, depth, start = [], 0, 0
    for index, character in enumerate(text):
        depth += {"[": 1, "]": -1}.get(character, 0)
        if depth < 0:
            break
        if character == "," and depth == 0:
            names.append(text[start:index])
            start = index + 1
    if depth != 0:
        raise InputError(f"brackets don't match in {text!r}", where="--metrics", hint="write name[parameter=value,...]")
    return [name.strip() for name in [*names, text[start:]] if name.strip()]


ALIASES = {
    "rouge": "rouge_l",
    "f1radgraph": "radgraph",
    "f1chexbert": "chexbert",
    "chexbertf1": "chexbert",
    "radgraphf1": "radgraph",
    "ratescoref1": "ratescore",
    "temporalentityf1": "temporal_f1",
    "em": "exact_match",
    "srrbertf1": "srr_bert",
}
"""What others call a metric, as `_letters` -> its id. Spellings and columns need no entry: see `metric_id`."""


def metric_id(name: str) -> str:
    """The id of a metric however it is called: `rouge_l`, `rougeL`, `ROUGE-L`, or one of its columns (`BLEU4`).

    Raises:
        UnknownNameError: no metric has this name, and none fills a column of it.
    """
    if name in METRICS:  # before the metadata of every package is read
        return name
    targets = metric_targets()
    if name in targets:
        return name
    letters = _letters(name)
    known = {_letters(one): one for one in targets} | ALIASES
    found = known.get(letters) or _column_owners().get(letters)
    if found is None:
        raise UnknownNameError("metric", name, targets)
    return found


def _target(name: str) -> str:
    return METRICS[name] if name in METRICS else metric_targets()[name]


def _letters(name: str) -> str:
    """A name without what people spell differently: case, hyphens, underscores, blanks."""
    return "".join(filter(str.isalnum, name.lower()))


@functools.cache
def _column_owners() -> dict[str, str]:
    """Column, as `_letters` -> the id of the metric that fills it, with its default parameters."""
    owners: dict[str, str] = {}
    for name in METRICS:
        for key in make_metric(name).keys:
            owners.setdefault(_letters(key.name), name)
    return owners


def metric_name(text: str) -> str:
    """A metric as it is called in files: "rougeL" is "rouge_l", "BERTScore[num_layers=5]" is "bertscore[num_layers=5]".

    Raises:
        UnknownNameError: see `metric_id`.
    """
    name, bracket, rest = text.partition("[")
    return metric_id(name.strip()) + bracket + rest


def metric_among(asked: str, stored: Mapping[str, Sequence[str]]) -> str:
    """Which of the metrics of a run is meant.

    Args:
        asked: a metric's name in any spelling, or one of the columns.
        stored: the metrics that there are, as they were scored with -> their columns.

    Raises:
        UnknownNameError: none.
    """
    if asked in stored:
        return asked
    letters = _letters(asked)
    for name, columns in stored.items():
        if letters in map(_letters, columns) or letters == _letters(name.partition("[")[0]):
            return name
    try:
        wanted = metric_id(asked)
    except UnknownNameError:
        wanted = asked
    same = [name for name in stored if name.partition("[")[0] == wanted]
    if not same:
        raise UnknownNameError("metric of these runs", asked, stored)
    return same[0]


def column_among(asked: str, owners: Mapping[str, str]) -> str:
    """Which column is meant by a column's name in any spelling, or by a metric's (its first column).

    Args:
        asked: what the user wrote.
        owners: the columns that there are, in order -> the id of the metric that fills each.

    Raises:
        UnknownNameError: none.
    """
    if asked in owners:
        return asked
    spelled = {_letters(column): column for column in reversed([*owners])}
    if found := spelled.get(_letters(asked)):
        return found
    try:
        wanted = metric_id(asked)
    except UnknownNameError:
        wanted = asked
    first = next((column for column, metric in owners.items() if metric.partition("[")[0] == wanted), None)
    if first is None:
        raise UnknownNameError("column", asked, owners)
    return first


def make_metric(text: str) -> Metric:
    """Build a metric from its name and parameters: "bleu", "bertscore[model=DIR,num_layers=5]".

    Raises:
        UnknownNameError: no metric, or no parameter, of this name.
        InputError: a value that is not of the parameter's type.
    """
    name, bracket, rest = text.partition("[")
    module, _, attribute = _target(metric_id(name)).partition(":")
    metric_class: Any = getattr(importlib.import_module(module), attribute)
    values = _parameters(metric_class, rest.removesuffix("]")) if bracket else {}
    metric: Metric = metric_class(**values)
    return metric


def _parameters(metric_class: Any, text: str) -> dict[str, Any]:
    hints = typing.get_type_hints(metric_class)
    known = {item.name: hints[item.name] for item in dataclasses.fields(metric_class)}
    values: dict[str, Any] = {}
    for item in split_names(text):
        name, equals, raw = item.partition("=")
        name = name.strip()
        if name not in known:
            raise UnknownNameError(f"parameter of {metric_class.id}", name, known)
        if not equals:
            raise InputError(f"{metric_class.id}: parameter {name!r} has no value", hint=f"write {name}=VALUE")
        values[name] = converted(raw.strip(), known[name], where=metric_class.id, name=name, none=NONE_WORDS)
    return values
