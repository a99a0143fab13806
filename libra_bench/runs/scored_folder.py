"""The score step of a run folder: its answers against its suite, into scores.json and what goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.catalog import suite_names
from benchmarks.errors import InputError, SuiteError
from benchmarks.predictions import match_answers
from benchmarks.records.run import RunRecord, read_run
from benchmarks.schema import Answer
from benchmarks.suites import Suite, load_suite
from libra_bench.metrics.choice import DEFAULT_METRICS, ChosenMetrics, choose_metrics
from libra_bench.runs import provenance
from libra_bench.runs.answers import ANSWERS_FILE, read_answer_lines
from libra_bench.scores.scored_files import write_scored
from libra_bench.scores.scoring import Scored, score_answers


def score_run(
    folder: Path, chosen: ChosenMetrics, suite: Suite, answers: Sequence[Answer], by: Sequence[str] = ()
) -> Scored:
    """Score a run folder's answers and write scores.json and its companions into it."""
    record = read_run(folder)
    scored = score_answers(
        suite.samples,
        match_answers(answers, suite.samples, where=folder / ANSWERS_FILE),
        chosen,
        suite=suite.name,
        model=record.model.id,
        by=by,
    )
    write_scored(folder, scored)
    return scored


def rescore(
    folder: Path, metrics: str | Sequence[str] | None, *, dialect: str | None = None, by: Sequence[str] = ()
) -> Scored:
    """Score a finished run again, with other metrics or after an update.

    Raises:
        InputError: not a run folder, or its suite is no longer there. SuiteError: the suite's file has changed.
    """
    suite = suite_of(read_run(folder), folder)
    chosen = choose_metrics(metrics, suite.card.metrics or DEFAULT_METRICS, dialect=dialect)
    answers_file = folder / ANSWERS_FILE
    if not answers_file.exists():
        raise InputError(f"holds no {ANSWERS_FILE}", where=folder, hint="run or generate first")
    return score_run(folder, chosen, suite, list(read_answer_lines(answers_file)), by)


def suite_of(record: RunRecord, folder: Path) -> Suite:
    """The suite of a stored run.

    Raises:
        InputError: its run.json does not say which. SuiteError: it is gone, or asks other questions now.
    """
    stored = record.suite
    if stored.file is None:
        raise InputError("run.json does not say where the suite's file is", where=folder, hint="run again")
    named = stored.name in suite_names()
    suite = load_suite(
        stored.name if named else stored.file,
        data=stored.file if named else None,
        image_root=stored.image_root,
        limit=stored.limit,
    )
    asked = record.deciding and record.deciding.suite.questions_sha256
    if asked not in (None, provenance.questions_sha256(suite.samples)):
        raise SuiteError("asks other questions than when this run was made", where=stored.file, hint=f"see {folder}")
    return suite
