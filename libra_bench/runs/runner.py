"""One run, from names to a finished run folder: plan -> load -> generate -> record -> score -> show."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from benchmarks.files.folder_lock import locked
from benchmarks.records.run import ProcessReport, read_run
from benchmarks.schema import Answer
from libra_bench.runs.answering import answer_open_questions
from libra_bench.runs.answers import AnswerLog
from libra_bench.runs.loading import Load, load_model
from libra_bench.runs.options import RunOptions
from libra_bench.runs.plan import RUNS_FOLDER, Plan, plan_run
from libra_bench.runs.processes import Processes, from_env
from libra_bench.runs.progress import ProgressCallback
from libra_bench.runs.record import record_end, record_later_costs, record_start, refuse_other_run
from libra_bench.runs.scored_folder import check_scoring, score_run
from libra_bench.runs.shown_folder import LEADERBOARD, check_leaderboard, draw, write_rows


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
    return finish_run(plan_run(suite, model, RunOptions(**options)), ProgressCallback(), from_env())


def finish_run(plan: Plan, progress: ProgressCallback, processes: Processes) -> Path:
    """Carry a plan out: generate, then (in the first process) score and show.

    Raises:
        InputError: what will stop the scoring is found before anything is generated; see `check_scoring`.
    """
    options = plan.options
    leaderboard = None if options.out else RUNS_FOLDER / LEADERBOARD
    check_leaderboard(leaderboard)
    against = check_scoring(
        plan.folder,
        plan.suite,
        plan.chosen,
        by=options.by,
        partial=options.references == "partial",
        replace=options.replace,
        answers_change=options.retry_failed,
    )
    answers = generate_run(plan, progress, processes)
    if processes.rank > 0:
        return plan.folder
    began = time.perf_counter()
    progress.scoring(list(plan.chosen.metrics))
    score_run(plan.folder, plan.chosen, plan.suite, answers, against, replace=options.replace)
    with locked(plan.folder, wait=True):
        write_rows(plan.folder, leaderboard=leaderboard)
        drawing = time.perf_counter()
        draw(plan.folder, report=options.report, follow_links=options.follow_links, on_images=progress.drawing)
        record_later_costs(plan.folder, scoring_seconds=drawing - began, drawing_seconds=time.perf_counter() - drawing)
    return plan.folder


def generate_run(plan: Plan, progress: ProgressCallback, processes: Processes, load: Load = load_model) -> list[Answer]:
    """Fill a run folder with answers: those that are missing are generated, the others kept.

    Returns:
        All answers in suite order; nothing in a process that isn't the first.

    Raises:
        RunConflictError: the folder belongs to another run, or is in use.
        GenerationError: a study failed and `--on-error` is stop.
        StorageError: the disk is full.
    """
    processes.assert_equal("fingerprint", plan.fingerprint)
    if processes.rank > 0:
        _help_to_generate(plan, progress, processes, load)
        return []
    refuse_other_run(plan.folder, plan.facts)
    log = AnswerLog(plan.folder)
    with locked(plan.folder):
        answered = log.read_for(plan.order)
        if plan.options.retry_failed:
            log.forget(key for key, answer in answered.items() if answer.failed)
            answered = log.read_for(plan.order)
        progress.planned(plan, len(answered))
        open_ids = {key for key in plan.order if key not in answered}
        processes.broadcast("open questions", list(open_ids))
        if not open_ids:
            processes.gather("report", None)
            answers, record = log.finish(plan.order), read_run(plan.folder)
            if record.ended is None:  # it crashed after its last answer
                record_end(
                    plan.folder, record, answers, plan.suite.samples, n_resumed=len(answered), planned=None, reports=()
                )
            return answers
        record = record_start(plan, processes.world_size)
        done = answer_open_questions(plan, open_ids, log, progress, processes, load)
        gathered = processes.gather("report", done.report.as_json())
        reports = [ProcessReport(**report) for report in gathered if report]
        answers = log.finish(plan.order)
        record = record_end(
            plan.folder,
            record,
            answers,
            plan.suite.samples,
            n_resumed=len(answered),
            planned=done.planned,
            reports=reports,
        )
    if record.cost is not None:
        progress.generated(record.cost)
    return answers


def _help_to_generate(plan: Plan, progress: ProgressCallback, processes: Processes, load: Load) -> None:
    """What every process but the first does."""
    open_ids = set(processes.broadcast("open questions"))
    log = AnswerLog(plan.folder, processes.rank)
    report = None
    if open_ids:
        report = answer_open_questions(plan, open_ids, log, progress, processes, load).report.as_json()
    processes.gather("report", report)
