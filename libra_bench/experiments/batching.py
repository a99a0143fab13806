"""Whether batches change texts: the same studies one at a time and together, compared word for word.

In float32 no text should differ. In half precision sums round differently in a batch, so now and then another token
wins; how often is measured here and stands on the leaderboard.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from benchmarks.files import write_json
from benchmarks.schema import Question, QuestionId, Sample
from libra_bench.runs import provenance
from libra_bench.runs.answers import locked
from libra_bench.runs.generation import ask
from libra_bench.runs.plan import RUNS_FOLDER, Plan
from libra_bench.runs.share import load_model

SHOWN = 20
"""Question ids that are listed; the others are counted."""


def verify_batching(plan: Plan, number: int, on_answer: Callable[[int, int], None]) -> dict[str, Any]:
    """Answer the plan's studies at batch size 1, then at the plan's, and record in its run folder how many differ.

    The model is loaded twice, so that nothing kept from one pass serves the other.

    Args:
        plan: suite, model, decoding, batch size.
        number: how many studies, evenly over the suite.
        on_answer: told how many of all answers (two a study) are there.

    Returns:
        What run.json holds under `batching`: n, differing, share (0 to 1), batch_size, dtype, device, question_ids.

    Raises:
        ImageError: an image cannot be read. RunConflictError: the folder belongs to another run, or is in use.
    """
    samples = _spread(plan.suite.samples, number)
    questions = ask(plan.suite, samples, on_error="stop", follow_links=plan.options.follow_links).questions
    ids = [question.question_id for question in questions]
    with locked(plan.folder):
        provenance.refuse_other_run(plan.folder, plan.facts)
        alone, _ = _texts(plan, questions, batch_size=1, on_text=lambda done: on_answer(done, 2 * len(ids)))
        together, report = _texts(
            plan,
            questions,
            batch_size=plan.spec.batch_size,
            on_text=lambda done: on_answer(len(ids) + done, 2 * len(ids)),
        )
        differing = [key for key in ids if alone[key] != together[key]]
        found = {
            "n": len(ids),
            "differing": len(differing),
            "share": len(differing) / len(ids),
            "batch_size": report.get("batch_size") or plan.spec.batch_size,
            "dtype": report.get("dtype"),
            "device": report.get("device"),
            "question_ids": differing[:SHOWN],
        }
        _record(plan, found)
    return found


def _texts(
    plan: Plan, questions: list[Question], *, batch_size: int | None, on_text: Callable[[int], None]
) -> tuple[dict[QuestionId, str | None], dict[str, Any]]:
    """Text of each study (None: it failed), and the adapter's own report."""
    adapter = load_model(replace(plan.spec, batch_size=batch_size), plan.suite)
    texts: dict[QuestionId, str | None] = {}
    for answer in adapter.generate(questions, plan.decoding):
        texts[answer.question_id] = None if answer.failed else answer.text
        on_text(len(texts))
    report = dict(adapter.describe())
    del adapter
    gc.collect()  # the next one needs the memory
    return texts, report


def _spread(samples: Sequence[Sample], number: int) -> list[Sample]:
    """So many samples, evenly over the suite."""
    number = min(number, len(samples))
    return [samples[place * len(samples) // number] for place in range(number)]


def _record(plan: Plan, found: dict[str, Any]) -> None:
    """For the run that comes later, and into run.json and the leaderboard of one that is there."""
    write_json(plan.folder / provenance.BATCHING_FILE, found)
    if not (plan.folder / "run.json").exists():
        return
    record = provenance.read_record(plan.folder) | {"batching": found}
    write_json(plan.folder / "run.json", record)
    if (plan.folder / "scores.json").exists():
        from reports import leaderboard

        scores = json.loads((plan.folder / "scores.json").read_text(encoding="utf-8"))
        row = leaderboard.row_of(scores, record)
        leaderboard.write_row(plan.folder / "scores.csv", row)
        if plan.options.out is None:
            leaderboard.update(RUNS_FOLDER / "leaderboard.csv", row, leaderboard.signatures_of(scores))
