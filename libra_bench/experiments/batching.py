"""Whether batches change texts: the same studies one at a time and together, compared word for word.

In float32 texts differ where the model scores two of them alike up to the last digits, since sums round differently in
a batch: such ties are told from other differences by the model's own scores of both texts, computed in the same way.
In half precision rounding is coarse, so another token wins now and then; how often is measured here and shown on the
leaderboard.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
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
from model_adapters.adapter import Adapter, Decoding

TIE_NATS = 1e-3
"""Texts that are no further apart are a tie: the sum over a text of what float32 rounds off."""
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
        adapter = load_model(replace(plan.spec, batch_size=1), plan.suite)
        alone = _texts(adapter, questions, plan.decoding, lambda done: on_answer(done, 2 * len(ids)))
        del adapter
        gc.collect()  # the next one needs the memory
        adapter = load_model(plan.spec, plan.suite)
        together = _texts(adapter, questions, plan.decoding, lambda done: on_answer(len(ids) + done, 2 * len(ids)))
        report = report_of(adapter)
        gaps = {
            question.question_id: _gap(adapter, question, alone, together, plan.decoding)
            for question in questions
            if alone[question.question_id] != together[question.question_id]
        }
        found = _check(gaps, len(ids), report, plan.spec.batch_size)
        _record(plan, found)
    return found


def _texts(
    adapter: Adapter, questions: Sequence[Question], decoding: Decoding, on_text: Callable[[int], None]
) -> dict[QuestionId, str | None]:
    """Text of each study; None: it failed."""
    texts: dict[QuestionId, str | None] = {}
    for answer in adapter.generate(questions, decoding):
        texts[answer.question_id] = None if answer.failed else answer.text
        on_text(len(texts))
    return texts


def _gap(
    adapter: Adapter,
    question: Question,
    alone: Mapping[QuestionId, str | None],
    together: Mapping[QuestionId, str | None],
    decoding: Decoding,
) -> float | None:
    """How far apart the model scores the two texts of a study; None where it cannot say, or one failed."""
    first, second = alone[question.question_id], together[question.question_id]
    if first is None or second is None:
        return None
    return adapter.text_gap(question, first, second, decoding)


def _check(
    gaps: Mapping[QuestionId, float | None], number: int, report: Mapping[str, Any], batch_size: int | None
) -> BatchingCheck:
    """What was found, from the gaps of the texts that differ."""
    known = [gap for gap in gaps.values() if gap is not None]
    widest = sorted(gaps, key=lambda key: -1.0 if (gap := gaps[key]) is None else gap, reverse=True)
    return BatchingCheck(
        n=number,
        differing=len(gaps),
        share=len(gaps) / number,
        ties=sum(gap <= TIE_NATS for gap in known) if known and report.get("dtype") == "float32" else None,
        batch_size=report.get("batch_size") or batch_size,
        dtype=report.get("dtype"),
        device=report.get("device"),
        question_ids=tuple(widest[:SHOWN]),
        gaps=tuple(gaps[key] for key in widest[:SHOWN]) if known else (),
    )


def _spread(samples: Sequence[Sample], number: int) -> list[Sample]:
    """So many samples, evenly over the suite."""
    number = min(number, len(samples))
    return [samples[place * len(samples) // number] for place in range(number)]


def _record(plan: Plan, found: BatchingCheck) -> None:
    """For the run that comes later, and into run.json and the leaderboard of one that is there."""
    write_batching(plan.folder, found)
    if (plan.folder / RUN_FILE).exists():
        write_rows(plan.folder, leaderboard=None if plan.options.out else RUNS_FOLDER / LEADERBOARD)
