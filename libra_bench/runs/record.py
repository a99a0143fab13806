"""The record step: run.json from the plan before generation, completed by what was found after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.errors import InputError, RunConflictError
from benchmarks.predictions import count_answers
from benchmarks.records.json_record import read_record, write_record
from benchmarks.records.run import (
    RUN_FILE,
    BatchingCheck,
    DecidingFacts,
    Estimate,
    ProcessReport,
    RecordedModel,
    RecordedProtocol,
    RecordedSuite,
    RunRecord,
    read_run,
    write_run,
)
from benchmarks.records.samples import SAMPLES_FILE, SPANS_FILE
from benchmarks.records.scores import SCORES_FILE
from benchmarks.records.statistics import STATISTICS_FILE
from benchmarks.schema import Answer, Sample
from benchmarks.wording import first_few
from libra_bench.runs import provenance
from libra_bench.runs.answers import answer_files
from libra_bench.runs.cost import cost_of
from libra_bench.runs.plan import Plan
from libra_bench.runs.suspicious_texts import count_suspicions
from model_adapters.registry import adapter_class

BATCHING_FILE = "batching.json"
WRITTEN = (SCORES_FILE, "scores.csv", SAMPLES_FILE, SPANS_FILE, STATISTICS_FILE, "plots", "report.html", "report_cases")
"""What a run writes beside run.json and answers."""


def refuse_other_run(folder: Path, facts: DecidingFacts) -> None:
    """Make sure that a folder belongs to this run, or to none.

    Raises:
        RunConflictError: it holds another run; names what differs.
        InputError: it holds a run.json that cannot be read, or files without one that a run would overwrite.
    """
    if not (folder / RUN_FILE).exists():
        theirs = [path.name for path in (*answer_files(folder), *(folder / name for name in WRITTEN)) if path.exists()]
        if theirs:
            raise InputError(
                f"holds {first_few(theirs)}, but no {RUN_FILE}: not a run folder, and a run would overwrite it",
                where=folder,
                hint="give another --out",
            )
        return
    there = read_run(folder).deciding
    differences = list(_differences(there and there.as_json(), facts.as_json()))
    if differences:
        raise RunConflictError(
            "this folder belongs to another run: " + first_few(differences),
            where=folder,
            hint="give another --out, or the settings of that run",
        )


def _differences(there: Any, here: Any, name: str = "") -> Iterator[str]:
    if isinstance(there, dict) and isinstance(here, dict):
        for key in {**there, **here}:
            yield from _differences(there.get(key), here.get(key), f"{name}.{key}" if name else str(key))
    elif there != here:
        yield f"{name} is {there!r} there, {here!r} here"


def record_start(plan: Plan, world_size: int) -> RunRecord:
    """Write run.json as it is before generation, so that a crashed run can be told from another."""
    spec = plan.spec
    record = RunRecord(
        fingerprint=plan.fingerprint,
        deciding=plan.facts,
        suite=RecordedSuite(
            name=plan.suite.name,
            file=str(plan.suite.path.resolve()),
            sha256=plan.suite.sha256,
            image_root=str(plan.suite.image_root.resolve()),
            n=len(plan.suite.samples),
            limit=plan.options.limit,
        ),
        model=RecordedModel(
            id=plan.model_id,
            name=spec.name,
            adapter=spec.adapter,
            path=spec.path,
            model_base=spec.model_base,
            card=dict(spec.card),
            options=dict(spec.options),
            is_baseline=adapter_class(spec.adapter).is_baseline,
        ),
        protocol=RecordedProtocol(name=plan.protocol, overrides=dict(plan.overrides)) if plan.protocol else None,
        decoding=asdict(plan.decoding),
        on_error=plan.options.on_error,
        world_size=world_size,
        started=provenance.now(),
        batching=read_batching(plan.folder),
        warnings=plan.warnings,
        cleaning=plan.cleaning,
        left_out=dict(plan.left_out),
        **asdict(provenance.environment()),
    )
    write_run(plan.folder, record)
    return record


def record_end(
    folder: Path,
    record: RunRecord,
    answers: Sequence[Answer],
    samples: Sequence[Sample],
    *,
    n_resumed: int,
    planned: Estimate | None,
    reports: Sequence[ProcessReport],
) -> RunRecord:
    """Complete run.json with counts, and with device and cost where processes report that they generated.

    Args:
        folder: the run folder.
        record: as it was at the start.
        answers: all of them.
        samples: of the suite, in the same order.
        n_resumed: how many were there before.
        planned: what was estimated.
        reports: of the processes that generated, the first one's first.
    """
    found: dict[str, Any] = {
        "ended": provenance.now(),
        "n": len(answers),
        "n_resumed": n_resumed,
        **asdict(count_answers(answers, samples)),
        "suspicious": {} if record.model.kind != "model" else count_suspicions(answers, record.cleaning),
    }
    if reports:
        own = dict(reports[0].adapter_report)
        cost = cost_of(planned, reports)
        found |= {
            "device": _text(own.pop("device", None)),
            "dtype": _text(own.pop("dtype", None)),
            "seconds": round(cost.loading_seconds + cost.generating_seconds, 3),
            "studies_per_minute": cost.studies_per_minute,
            "cost": cost,
            "adapter_report": own,
            "processes": tuple(reports) if len(reports) > 1 else None,
        }
    finished = record.model_copy(update=found)
    write_run(folder, finished)
    return finished


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def record_later_costs(folder: Path, *, scoring_seconds: float, drawing_seconds: float) -> None:
    """Say in run.json what came after generation took, the first time."""
    record = read_run(folder)
    if record.cost is not None and record.cost.scoring_seconds is None:
        seconds = {"scoring_seconds": round(scoring_seconds, 3), "drawing_seconds": round(drawing_seconds, 3)}
        write_run(folder, record.model_copy(update={"cost": record.cost.model_copy(update=seconds)}))


def read_batching(folder: Path) -> BatchingCheck | None:
    """What `verify-batching` left in a folder; None where it did not run.

    Raises:
        InputError: its file cannot be read.
    """
    hint = "remove it, and run `libra-bench verify-batching` again"
    return read_record(folder / BATCHING_FILE, BatchingCheck, version=1, hint=hint)


def write_batching(folder: Path, found: BatchingCheck) -> None:
    """Keep what `verify-batching` found, for the run that comes later and in run.json of one that is there."""
    write_record(folder / BATCHING_FILE, found)
    if (folder / RUN_FILE).exists():
        write_run(folder, read_run(folder).model_copy(update={"batching": found}))
