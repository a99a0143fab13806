"""A run that can be shared: ids, scores and counts, without any text, path or name of a file or machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.records.run import RecordedModel, RunRecord
from benchmarks.records.scores import Scores
from benchmarks.schema import FINISHES
from reports.load import LoadedRun

COUNTED = ("chexbert", "temporal_change_f1")
"""Metrics whose details are counts under names of their own; others have labels and words of the suite."""
BUILT_IN_LEVELS = frozenset({"with prior", "without prior"})
"""Levels that are named by us; those of a field are the suite's own words."""
OWN_POINTS = frozenset({"empty", "shuffled-references", "constant"})
DECODING_TYPES = (int, float, type(None))


def without_text(run: LoadedRun) -> LoadedRun:
    """The run without paths, command, warnings, card, levels of fields, and details that quote the suite."""
    return replace(run, record=_record(run.record), summary=run.summary and _scores(run.summary))


def numbers_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Of an answer's metadata, what are numbers or words of our own."""
    finish = metadata.get("finish")
    counts = {name: metadata.get(name) for name in ("new_tokens", "seconds")}
    return {
        "finish": finish if finish in FINISHES else None,
        **{name: value for name, value in counts.items() if isinstance(value, int | float)},
    }


def _record(record: RunRecord) -> RunRecord:
    model = RecordedModel(id=record.model.id, name=Path(record.model.name).name, adapter=record.model.adapter)
    suite = record.suite.model_copy(update={"file": "", "image_root": None})
    decoding = {name: value for name, value in record.decoding.items() if isinstance(value, DECODING_TYPES)}
    unsaid: dict[str, Any] = {"command": None, "device": None, "warnings": (), "adapter_report": {}, "processes": None}
    return record.model_copy(update={"model": model, "suite": suite, "decoding": decoding, **unsaid})


def _scores(summary: Scores) -> Scores:
    fields = list(dict.fromkeys(stratum.by for stratum in summary.strata))
    levels = {by: [stratum.level for stratum in summary.strata if stratum.by == by] for by in fields}
    strata = tuple(
        stratum
        if stratum.level in BUILT_IN_LEVELS
        else stratum.model_copy(update={"level": f"level {levels[stratum.by].index(stratum.level) + 1}"})
        for stratum in summary.strata
    )
    unavailable = tuple(
        entry.model_copy(update={"reason": "its reason is in scores.json", "remedy": "so is what to do"})
        for entry in summary.unavailable
    )
    details = {name: part for name, part in summary.details.items() if name.partition("[")[0] in COUNTED}
    return summary.model_copy(
        update={
            "model": Path(summary.model).name,
            "strata": strata,
            "unavailable": unavailable,
            "details": details,
            "reference_points": tuple(point for point in summary.reference_points if point.name in OWN_POINTS),
        }
    )
