"""One run, from names to a finished run folder: plan -> load -> generate -> record -> score -> show."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.errors import GenerationError
from benchmarks.files.folder_lock import locked
from benchmarks.records.run import ProcessReport, read_run
from benchmarks.schema import Answer
from libra_bench.metrics.metric import check_metric
from libra_bench.runs.answering import answer_open_questions
from libra_bench.runs.answers import AnswerLog
from libra_bench.runs.drawers import MOST_STUDIES, Drawers
from libra_bench.runs.loading import Load, load_model
from libra_bench.runs.options import RunOptions
from libra_bench.runs.plan import RUNS_FOLDER, Plan, plan_run
from libra_bench.runs.processes import Processes, from_env
from libra_bench.runs.progress import ProgressCallback
from libra_bench.runs.record import record_end, record_later_costs, record_start, refuse_other_run
from libra_bench.runs.scored_folder import check_scoring, score_run, scores_that_hold
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
    with Drawers() as drawers:
        return finish_run(
            plan_run(suite, model, RunOptions(**options)), ProgressCallback(), from_env(), drawers=drawers
        )


def finish_run(
    plan: Plan,
    progress: ProgressCallback,
    processes: Processes,
    load: Load = load_model,
    drawers: Drawers | None = None,
) -> Path:
    """Carry a plan out: generate, then (in the first process) score and show. Only what is missing is done.

    Args:
        plan: of the run.
        progress: is told of each step.
        processes: that generate together.
        load: loads the model.
        drawers: draw the plots in further processes; None: they are drawn in this one.

    Raises:
        InputError: what will stop the scoring is found before anything is generated; see `check_scoring`.
    """
    options = plan.options
    leaderboard = None if options.out else RUNS_FOLDER / LEADERBOARD
    if len(plan.order) > MOST_STUDIES:
        drawers = None
    check_leaderboard(leaderboard)
    against = check_scoring(
        plan.folder,
        plan.suite,
        plan.chosen,
        by=options.by,
        partial=options.references == "partial",
        cleaning=plan.cleaning,
        replace=options.replace,
        answers_change=options.retry_failed,
    )

    def before() -> None:
        if options.plots and drawers is not None:
            drawers.start()
        for metric in plan.chosen.metrics.values():
            check_metric(metric, against.references)

    if processes.rank > 0:
        generate_run(plan, progress, processes, load)
        processes.help_to_extract()
        return plan.folder
    with processes.sharing_extraction():
        answers = generate_run(plan, progress, processes, load, before=before)
        began = time.perf_counter()
        if scores_that_hold(plan.folder, plan.chosen, plan.suite, answers, against) is None:
            with progress.scoring(list(plan.chosen.metrics)) as tell:
                score_run(plan.folder, plan.chosen, plan.suite, answers, against, replace=options.replace, tell=tell)
    with locked(plan.folder, wait=True):
        write_rows(plan.folder, leaderboard=leaderboard)
        drawing = time.perf_counter()
        draw(
            plan.folder,
            plots=options.plots,
            report=options.report,
            follow_links=options.follow_links,
            on_images=progress.drawing,
            drawers=drawers,
            known=plan.suite,
        )
        record_later_costs(plan.folder, scoring_seconds=drawing - began, drawing_seconds=time.perf_counter() - drawing)
    return plan.folder


def generate_run(
    plan: Plan,
    progress: ProgressCallback,
    processes: Processes,
    load: Load = load_model,
    *,
    before: Callable[[], None] | None = None,
) -> Sequence[Answer]:
    """Fill a run folder with answers: those that are missing are generated, the others kept.

    Args:
        plan: of the run.
        progress: is told of each answer.
        processes: that generate together.
        load: loads the model.
        before: called by the first process where there is anything to generate, before it is.

    Returns:
        All answers in suite order, of very many in a temporary file; nothing in a process that isn't the first.

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
    log, order = AnswerLog(plan.folder), plan.order
    with locked(plan.folder):
        answered = log.read_for(order)
        if plan.options.retry_failed:
            log.forget(key for key, answer in answered.items() if answer.failed)
            answered = log.read_for(order)
        open_ids = {key for key in order if key not in answered}
        if open_ids and before is not None:
            before()
        progress.planned(plan, len(answered))
        processes.broadcast("open questions", list(open_ids))
        if not open_ids:
            _refuse_failures(processes.gather("report", None))
            answers, record = log.finish(order, answered), read_run(plan.folder)
            if record.ended is None:  # it crashed after its last answer
                record_end(
                    plan.folder, record, answers, plan.suite.samples, n_resumed=len(answered), planned=None, reports=()
                )
            return answers
        n_resumed = len(answered)
        del answered  # not in memory while the others are generated
        record = record_start(plan, processes.world_size)
        done = answer_open_questions(plan, open_ids, log, progress, processes, load)
        gathered = processes.gather("report", done.report.as_json())
        _refuse_failures(gathered)
        reports = [ProcessReport(**report) for report in gathered if report]
        answers = log.finish(order)
        record = record_end(
            plan.folder,
            record,
            answers,
            plan.suite.samples,
            n_resumed=n_resumed,
            planned=done.planned,
            reports=reports,
        )
    if record.cost is not None:
        progress.generated(record.cost)
    if record.suspicious:
        progress.suspicious(record.suspicious, plan)
    return answers


def _help_to_generate(plan: Plan, progress: ProgressCallback, processes: Processes, load: Load) -> None:
    """What every process but the first does."""
    open_ids = set(processes.broadcast("open questions"))
    log = AnswerLog(plan.folder, processes.rank)
    report = None
    if open_ids:
        report = answer_open_questions(plan, open_ids, log, progress, processes, load).report.as_json()
    processes.gather("report", report)


FAILED = "failed"
"""Key of what a process reports of a run that failed there."""


def release_others(processes: Processes, problem: str) -> None:
    """Let the other processes go on, which wait for this one in a run that failed here."""
    if processes.rank == 0:
        processes.broadcast("fingerprint", "")
        processes.broadcast("open questions", [])
    else:
        processes.gather("report", {FAILED: problem})


def _refuse_failures(reports: Sequence[Mapping[str, Any] | None]) -> None:
    """Raise if another process failed.

    Raises:
        GenerationError: names the process and its error.
    """
    for rank, report in enumerate(reports):
        if report and FAILED in report:
            raise GenerationError(f"process {rank}: {report[FAILED]}")
