"""Whether batches change texts: the same studies one at a time and together, compared word for word.

In float32 no text should differ. In half precision sums round differently in a batch, so now and then another token
wins; how often is measured here and shown on the leaderboard.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from benchmarks.files.folder_lock import locked
from benchmarks.records.run import RUN_FILE, BatchingCheck
from benchmarks.schema import Question, QuestionId, Sample
from libra_bench.runs.generation import ask
from libra_bench.runs.loading import load_model, report_of
from libra_bench.runs.plan import RUNS_FOLDER, Plan
from libra_bench.runs.record import refuse_other_run, write_batching
from libra_bench.runs.shown_folder import LEADERBOARD, write_rows

SHOWN = 20
"""Question ids that are listed; the others are counted."""


def verify_batching(plan: Plan, number: int, on_answer: Callable[[int, int], None]) -> BatchingCheck:
    """Answer the plan's studies at batch size 1, then at the plan's, and record in its run folder how many differ.

    The model is loaded twice, so that nothing kept from one pass serves the other.

    Args:
        plan: suite, model, decoding, batch size.
        number: how many studies, evenly over the suite.
        on_answer: told how many of all answers (two per study) are there.

    Returns:
        What run.json holds under `batching`.

    Raises:
        ImageError: an image cannot be read. RunConflictError: the folder belongs to another run, or is in use.
    """
    samples = _spread(plan.suite.samples, number)
    questions = ask(plan.suite, samples, on_error="stop", follow_links=plan.options.follow_links).questions
    ids = [question.question_id for question in questions]
    with locked(plan.folder):
        refuse_other_run(plan.folder, plan.facts)
        alone, _ = _texts(plan, questions, batch_size=1, on_text=lambda done: on_answer(done, 2 * len(ids)))
        together, report = _texts(
            plan,
            questions,
            batch_size=plan.spec.batch_size,
            on_text=lambda done: on_answer(len(ids) + done, 2 * len(ids)),
        )
        differing = [key for key in ids if alone[key] != together[key]]
        found = BatchingCheck(
            n=len(ids),
            differing=len(differing),
            share=len(differing) / len(ids),
            batch_size=report.get("batch_size") or plan.spec.batch_size,
            dtype=report.get("dtype"),
            device=report.get("device"),
            question_ids=tuple(differing[:SHOWN]),
        )
        _record(plan, found)
    return found


def _texts(
    plan: Plan, questions: Sequence[Question], *, batch_size: int | None, on_text: Callable[[int], None]
) -> tuple[dict[QuestionId, str | None], dict[str, Any]]:
    """Text of each study (None: it failed), and the adapter's own report."""
    adapter = load_model(replace(plan.spec, batch_size=batch_size), plan.suite)
    texts: dict[QuestionId, str | None] = {}
    for answer in adapter.generate(questions, plan.decoding):
        texts[answer.question_id] = None if answer.failed else answer.text
        on_text(len(texts))
    report = report_of(adapter)
    del adapter
    gc.collect()  # the next one needs the memory
    return texts, report


def _spread(samples: Sequence[Sample], number: int) -> list[Sample]:
    """So many samples, evenly over the suite."""
    number = min(number, len(samples))
    return [samples[place * len(samples) // number] for place in range(number)]


def _record(plan: Plan, found: BatchingCheck) -> None:
    """For the run that comes later, and into run.json and the leaderboard of one that is there."""
    write_batching(plan.folder, found)
    if (plan.folder / RUN_FILE).exists():
        write_rows(plan.folder, leaderboard=None if plan.options.out else RUNS_FOLDER / LEADERBOARD)
