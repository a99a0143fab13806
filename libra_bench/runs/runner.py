"""One run, from names to a finished run folder: plan -> generate -> score -> report."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.catalog import suite_names
from benchmarks.errors import InputError, SuiteError
from benchmarks.files import write_json
from benchmarks.predictions import match_answers
from benchmarks.schema import Answer
from benchmarks.suites import Suite, load_suite
from libra_bench.metrics.choice import PUBLISHED_METRICS, ChosenMetrics, choose_metrics
from libra_bench.runs import provenance
from libra_bench.runs.answers import AnswerLog, locked, read_answer_lines
from libra_bench.runs.cost import cost_of
from libra_bench.runs.generation import count_kinds
from libra_bench.runs.listener import Listener
from libra_bench.runs.plan import RUNS_FOLDER, Plan, RunOptions, path_name, plan_run
from libra_bench.runs.processes import Processes, of_environment
from libra_bench.runs.share import Share, generate_share
from libra_bench.scores.scoring import Scored, score_answers, write_scored
from model_adapters.registry import adapter_class


def generate_run(plan: Plan, listener: Listener, processes: Processes) -> list[Answer]:
    """Fill a run folder with answers: those that are missing are generated, the others kept.

    Returns:
        All answers in suite order; nothing in a process that isn't the first.

    Raises:
        RunConflictError: the folder belongs to another run, or is in use.
        GenerationError: a study failed and `--on-error` is stop.
        StorageError: the disk is full.
    """
    processes.agree("fingerprint", plan.fingerprint)
    log = AnswerLog(plan.folder, processes.rank)
    if processes.rank > 0:
        open_ids = set(processes.share("open questions"))
        share = generate_share(plan, open_ids, log, listener, processes) if open_ids else None
        processes.gather("share", share and share.report)
        return []
    provenance.refuse_other_run(plan.folder, plan.facts)
    with locked(plan.folder):
        answered = log.read()
        if plan.options.retry_failed:
            log.forget(key for key, answer in answered.items() if answer.failed)
            answered = log.read()
        listener.planned(plan, len(answered))
        open_ids = {key for key in plan.order if key not in answered}
        processes.share("open questions", list(open_ids))
        record = _record_start(plan, processes.world_size) if open_ids else provenance.read_record(plan.folder)
        share = generate_share(plan, open_ids, log, listener, processes) if open_ids else None
        reports = [report for report in processes.gather("share", share and share.report) if report]
        answers = log.finish(plan.order)
        if share is None and record.get("ended"):
            return answers
        record |= {"ended": provenance.now(), "n": len(answers), "n_resumed": len(answered), **count_kinds(answers)}
        if share is not None:
            record |= _speed(share, reports)
            listener.generated(record)
        write_json(plan.folder / "run.json", record)
    return answers


def _speed(share: Share, reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What run.json says of device and speed, from the reports of all processes; `share` is the first one's."""
    own = dict(share.report["adapter_report"])
    cost = cost_of(share.planned, reports)
    return {
        "device": own.pop("device", None),
        "dtype": own.pop("dtype", None),
        "seconds": round(cost["loading_seconds"] + cost["generating_seconds"], 3),
        "studies_per_minute": cost["studies_per_minute"],
        "cost": cost,
        "adapter_report": own,
        **({"processes": list(reports)} if len(reports) > 1 else {}),
    }


def _record_start(plan: Plan, world_size: int) -> dict[str, Any]:
    """Write run.json as it stands before generation, so that a crashed run can be told from another."""
    spec = plan.spec
    record: dict[str, Any] = {
        "schema_version": provenance.SCHEMA_VERSION,
        "fingerprint": plan.fingerprint,
        "deciding": plan.facts,
        "suite": {
            "name": plan.suite.name,
            "file": str(plan.suite.path.resolve()),
            "sha256": plan.suite.sha256,
            "image_root": str(plan.suite.image_root.resolve()),
            "n": len(plan.suite.samples),
            "limit": plan.options.limit,
        },
        "model": {
            "id": path_name(spec.name),
            "name": spec.name,
            "adapter": spec.adapter,
            "is_baseline": adapter_class(spec.adapter).is_baseline,
            "path": spec.path,
            "model_base": spec.model_base,
            "card": dict(spec.card),
            "options": dict(spec.options),
        },
        "protocol": {"name": plan.protocol, "overrides": dict(plan.overrides)},
        "decoding": dataclasses.asdict(plan.decoding),
        "on_error": plan.options.on_error,
        "world_size": world_size,
        "started": provenance.now(),
        "ended": None,
        **provenance.environment(),
        **provenance.batching_found(plan.folder),
    }
    write_json(plan.folder / "run.json", record)
    return record


def score_run(
    folder: Path, chosen: ChosenMetrics, suite: Suite, answers: Sequence[Answer], by: Sequence[str] = ()
) -> Scored:
    """Score a run folder's answers and write scores.json and its companions into it."""
    from reports import leaderboard

    record = provenance.read_record(folder)
    scored = score_answers(
        suite.samples,
        match_answers(answers, suite.samples, where=folder / "answers.jsonl"),
        chosen,
        suite=suite.name,
        model=record["model"]["id"],
        by=by,
    )
    write_scored(folder, scored)
    leaderboard.write_row(folder / "scores.csv", leaderboard.row_of(scored.scores, record))
    return scored


def rescore(
    folder: Path, metrics: str | None, *, dialect: str | None = None, by: Sequence[str] = ()
) -> tuple[Scored, dict[str, Any]]:
    """Score a finished run again, with other metrics or after an update; returns also its run.json.

    Raises:
        InputError: not a run folder, or its suite is no longer there. SuiteError: the suite's file has changed.
    """
    record = provenance.read_record(folder)
    suite = suite_of(record, folder)
    chosen = choose_metrics(metrics, suite.card.metrics or PUBLISHED_METRICS, dialect=dialect)
    answers_file = folder / "answers.jsonl"
    if not answers_file.exists():
        raise InputError("holds no answers.jsonl", where=folder, hint="run or generate first")
    scored = score_run(folder, chosen, suite, list(read_answer_lines(answers_file)), by)
    return scored, record


def suite_of(record: Mapping[str, Any], folder: Path) -> Suite:
    """The suite of a stored run.

    Raises:
        SuiteError: it is gone, or asks other questions now.
    """
    stored = record["suite"]
    named = stored["name"] in suite_names()
    suite = load_suite(
        stored["name"] if named else stored["file"],
        data=stored["file"] if named else None,
        image_root=stored["image_root"],
        limit=stored["limit"],
    )
    if provenance.questions_sha256(suite.samples) != record["deciding"]["suite"]["questions_sha256"]:
        raise SuiteError("asks other questions than when this run was made", where=stored["file"], hint=f"see {folder}")
    return suite


def run(suite: str | Path, model: str, **options: Any) -> Path:
    """Generate, score and draw; the same call continues a run that was interrupted.

    Args:
        suite: a suite's name or file.
        model: a model's name, path or hub id.
        **options: the fields of `RunOptions`, that is the flags of `libra-bench run`.

    Returns:
        The run folder.

    Raises:
        LibraBenchError: any of its kinds.
    """
    return finish_run(plan_run(suite, model, RunOptions(**options)), Listener(), of_environment())


def finish_run(plan: Plan, listener: Listener, processes: Processes) -> Path:
    """Carry a plan out: generate, then (in the first process) score, draw, and keep the leaderboard."""
    from reports import leaderboard, page, plots

    answers = generate_run(plan, listener, processes)
    if processes.rank > 0:
        return plan.folder
    began = time.perf_counter()
    listener.scoring(list(plan.chosen.metrics))
    scored = score_run(plan.folder, plan.chosen, plan.suite, answers, plan.options.by)
    if plan.options.out is None:
        row = leaderboard.row_of(scored.scores, provenance.read_record(plan.folder))
        leaderboard.update(RUNS_FOLDER / "leaderboard.csv", row, leaderboard.signatures_of(scored.scores))
    drawing = time.perf_counter()
    plots.write_plots(plan.folder)
    if plan.options.report:
        page.write_report([plan.folder], follow_links=plan.options.follow_links, on_images=listener.drawing)
    _add_costs(plan.folder, scoring_seconds=drawing - began, drawing_seconds=time.perf_counter() - drawing)
    return plan.folder


def _add_costs(folder: Path, **seconds: float) -> None:
    """Say in run.json what came after generation, the first time."""
    record = provenance.read_record(folder)
    if "cost" in record and not record["cost"].keys() & seconds.keys():
        record["cost"] |= {name: round(value, 3) for name, value in seconds.items()}
        write_json(folder / "run.json", record)
