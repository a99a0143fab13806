"""One process's part of a run: load the model, answer open questions until none is left, say what it took."""

from __future__ import annotations

import platform
import time
from array import array
from dataclasses import dataclass

from benchmarks.files.stored import Picked
from benchmarks.records.run import Estimate, ProcessReport
from benchmarks.schema import QuestionId
from libra_bench.runs.answers import AnswerLog
from libra_bench.runs.estimates import Meter, estimate_from_earlier_run
from libra_bench.runs.generation import Stamp, ask, generate, record_failures
from libra_bench.runs.loading import Load, first_prompt, load_model, report_of
from libra_bench.runs.plan import RUNS_FOLDER, Plan
from libra_bench.runs.processes import Processes
from libra_bench.runs.progress import ProgressCallback

PIECE_BATCHES = 4
"""How many batches a process takes at a time, where there are several processes and much is left."""
USUAL_BATCH = 16
"""Studies decoded together, where the adapter chooses: only for the size of those pieces."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a process did."""

    planned: Estimate | None
    """Only in the first process."""
    report: ProcessReport


def answer_open_questions(
    plan: Plan,
    open_ids: set[QuestionId],
    log: AnswerLog,
    progress: ProgressCallback,
    processes: Processes,
    load: Load = load_model,
) -> Answered:
    """Load the model and answer this process's part of the open questions.

    Raises:
        GenerationError: a study failed and `--on-error` is stop.
        ImageError: a study's image is not there and `--on-error` is stop; before the model is loaded.
    """
    options = plan.options
    still = (place for place, sample in enumerate(plan.suite.samples) if sample.question_id in open_ids)
    samples = Picked(plan.suite.samples, array("q", still))
    with progress.checking(len(samples)) as show_checked:
        asked = ask(
            plan.suite,
            samples,
            on_error=options.on_error,
            follow_links=options.follow_links,
            on_checked=show_checked,
        )
    began = time.perf_counter()
    adapter = load(plan.spec, plan.suite)
    loaded = time.perf_counter()
    planned: Estimate | None = None
    meter: Meter | None = None
    if processes.rank == 0:
        progress.prompted(first_prompt(adapter, asked.questions), plan)
        planned = estimate_from_earlier_run(
            RUNS_FOLDER,
            plan.model_id,
            plan.facts,
            report_of(adapter).get("device"),
            processes.world_size,
            len(open_ids),
        )
        if planned is None:
            meter = Meter(len(open_ids), lambda: report_of(adapter), processes.world_size, progress.estimated)
        else:
            progress.estimated(planned)
    stamp = Stamp(plan.fingerprint, plan.model_id)
    batch = plan.spec.batch_size or USUAL_BATCH
    n = len(plan.suite.samples)
    before = n - len(open_ids)
    studies = 0
    with log, progress.generating(n, before) as show:

        def on_answer() -> None:
            nonlocal studies
            studies += 1
            answered = processes.count()
            if meter is not None:
                meter.answered(answered)
            show(before + answered)

        if processes.rank == 0:
            record_failures(asked.failures, log, stamp, on_answer=on_answer)
        for part in processes.slices(len(asked.questions), largest=PIECE_BATCHES * batch, smallest=max(1, batch // 4)):
            questions = asked.questions[part]
            generate(adapter, questions, plan.decoding, log, stamp, on_error=options.on_error, on_answer=on_answer)
    report = ProcessReport(
        rank=processes.rank,
        host=platform.node(),
        studies=studies,
        loading_seconds=round(loaded - began, 3),
        generating_seconds=round(time.perf_counter() - loaded, 3),
        adapter_report=report_of(adapter),
    )
    return Answered(meter.estimate if meter else planned, report)
