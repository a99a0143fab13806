"""Which metrics a run uses, and which of those it would use cannot run here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.errors import InputError, MetricUnavailableError
from libra_bench.metrics.dialects import in_dialect
from libra_bench.metrics.metric import Metric
from libra_bench.metrics.registry import make_metric, metric_name, metric_targets, split_names

PUBLISHED_METRICS = ("bleu", "meteor", "rouge_l", "bertscore", "temporal_f1")
"""The metrics of the published evaluation."""
DEFAULT_METRICS = (*PUBLISHED_METRICS, "report_errors", "chexpert_rules")
"""What `--metrics` means when it is not given, where a suite names none of its own."""
REPORT_METRICS = (*DEFAULT_METRICS, "cider", "temporal_change_f1", "radgraph", "chexbert", "radcliq_v0", "radcliq_v1")
"""The metrics of reports: what an experiment about metrics looks at."""


@dataclass(frozen=True, slots=True)
class ChosenMetrics:
    """The metrics of a run, and those left out because they cannot run here."""

    metrics: Mapping[str, Metric]
    """By name, parameters included as the user wrote them."""
    unavailable: Sequence[Mapping[str, str]] = ()


def choose_metrics(
    names: str | Sequence[str] | None, default: Iterable[str] = DEFAULT_METRICS, *, dialect: str | None = None
) -> ChosenMetrics:
    """The metrics of a `--metrics` value; known before generation starts.

    Args:
        names: "bleu,rouge_l" or a list of names in any spelling (see `metric_id`), "all" (what can run here), or None
            (of `default`, what can run here).
        default: names for None.
        dialect: whose parameters the metrics take; None: the published ones.

    Raises:
        UnknownNameError: no metric, or no dialect, of this name.
        InputError: two metrics that fill the same column.
        MetricUnavailableError: a metric that was asked for by name cannot run; says what to install or pass.
    """
    names = names if names is None or isinstance(names, str) else ",".join(names)
    asked = None if names in (None, "all") else [metric_name(one) for one in split_names(str(names))]
    if asked == []:
        raise InputError("names no metric", where="--metrics", hint="see `libra-bench metrics`")
    candidates = asked or list(metric_targets() if names == "all" else default)
    if dialect is not None:
        candidates = in_dialect(dialect, asked)
    metrics = {name: make_metric(name) for name in dict.fromkeys(candidates)}
    _refuse_shared_columns(metrics)
    available: dict[str, Metric] = {}
    unavailable = []
    for name, metric in metrics.items():
        missing = metric.missing()
        if missing is None:
            available[name] = metric
        elif asked:
            raise MetricUnavailableError(f"{metric.id}: {missing.reason}", hint=missing.remedy(metric.id))
        else:
            unavailable.append({"metric": metric.id, "reason": missing.reason, "remedy": missing.remedy(metric.id)})
    return ChosenMetrics(available, unavailable)


def _refuse_shared_columns(metrics: Mapping[str, Metric]) -> None:
    owners: dict[str, str] = {}
    for name, metric in metrics.items():
        for key in metric.keys:
            if (other := owners.setdefault(key.name, name)) != name:
                raise InputError(
                    f"{other} and {name} both fill the column {key.name}",
                    where="--metrics",
                    hint="score them one by one",
                )
