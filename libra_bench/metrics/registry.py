"""Which metrics there are, and how `bertscore[model=DIR,num_layers=5]` becomes one."""

from __future__ import annotations

import dataclasses
import importlib
import typing
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


def make_metric(text: str) -> Metric:
    """Build a metric from its name and parameters: "bleu", "bertscore[model=DIR,num_layers=5]".

    Raises:
        UnknownNameError: no metric, or no parameter, of this name.
        InputError: a value that is not of the parameter's type.
    """
    name, bracket, rest = text.partition("[")
    targets = metric_targets()
    if name not in targets:
        raise UnknownNameError("metric", name, targets)
    module, _, attribute = targets[name].partition(":")
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
