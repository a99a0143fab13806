"""The score step of a run folder: its answers against its suite, into scores.json and what goes with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.catalog import suite_names
from benchmarks.errors import InputError, LibraBenchError, RunConflictError, SuiteError
from benchmarks.files.folder_lock import locked
from benchmarks.files.stored import stored
from benchmarks.predictions import count_answers, match_answers
from benchmarks.predictions.cleaning import NO_CLEANING
from benchmarks.records.run import RunRecord, read_run, write_run
from benchmarks.records.samples import SAMPLES_FILE
from benchmarks.records.scores import SCORES_FILE, Scores, read_scores
from benchmarks.records.statistics import STATISTICS_FILE, read_statistics
from benchmarks.schema import Answer
from benchmarks.suites import Suite, load_suite
from libra_bench.metrics.choice import DEFAULT_METRICS, ChosenMetrics, choose_metrics
from libra_bench.metrics.many_texts import untold
from libra_bench.metrics.registry import make_metric
from libra_bench.runs import provenance
from libra_bench.runs.answers import ANSWERS_FILE, read_answer_lines
from libra_bench.runs.suspicious_texts import recleaned
from libra_bench.scores.adding import clashes, refuse_replacing
from libra_bench.scores.scored_files import check_files, write_scored
from libra_bench.scores.scoring import Scored, digest_of, score_against
from libra_bench.scores.scoring_input import ScoringInput, answers_to, scoring_input
from libra_bench.scores.scoring_progress import ScoringProgress
from libra_bench.scores.stored_statistics import digests_of


@dataclass(frozen=True, slots=True)
class FolderScored:
    """A run folder that was scored."""

    now: Scored
    """What was computed this time."""
    scores: Scores
    """All scores that the folder has now."""


def check_scoring(
    folder: Path,
    suite: Suite,
    chosen: ChosenMetrics,
    *,
    by: Sequence[str] = (),
    partial: bool = False,
    cleaning: str = NO_CLEANING,
    replace: bool = False,
    answers_change: bool = False,
) -> ScoringInput:
    """Find out before anything slow begins whether a run's answers can be scored into its folder.

    Args:
        folder: the run folder; it may not exist yet.
        suite: its suite.
        chosen: the metrics.
        by: fields to stratify by.
        partial: whether samples without a reference are left out.
        cleaning: how the answers are cleaned before they are scored.
        replace: whether scores that are there may go.
        answers_change: whether the answers will be others than those that were scored.

    Raises:
        SuiteError: samples without a reference. UnknownNameError: no sample has a field of `by`.
        RunConflictError: a score is there that was computed in another way, or that cannot be computed anew though the
            answers will change, and `replace` is not said.
        InputError: a file of the folder that would be added to cannot be read.
    """
    against = scoring_input(suite.samples, suite.name, by, partial=partial, cleaning=cleaning)
    there = _scores_there(folder, replace=replace)
    if there is not None:
        check_files(folder)
        if not replace:
            refuse_replacing(there, chosen.metrics, folder, against.cleaning)
        if answers_change:
            _with_earlier_metrics(folder, there, chosen, replace=replace)
    return against


def scores_that_hold(
    folder: Path, chosen: ChosenMetrics, suite: Suite, answers: Sequence[Answer], against: ScoringInput
) -> Scores | None:
    """The folder's scores, where scoring these answers again would give the same; None where it must be done.

    They hold while texts, references, fields, strata and the signature of every metric are as they were.
    """
    there = _scores_there(folder, replace=True)
    if there is None or not all((folder / name).exists() for name in (STATISTICS_FILE, SAMPLES_FILE)):
        return None
    lacking = {entry.metric for entry in there.unavailable}
    levels = {(part.by, part.level) for part in there.strata}
    holds = (
        set(chosen.metrics) <= set(there.metrics)
        and not clashes(there, chosen.metrics, against.cleaning)
        and {entry["metric"] for entry in chosen.unavailable} <= lacking | {score.metric for score in there.scores}
        and {(name, level) for name, members in against.strata.items() for level in members} <= levels
    )
    if not holds:
        return None
    matched = match_answers(answers, suite.samples, where=folder / ANSWERS_FILE)
    return there if _same_texts(folder, there, against, matched) else None


def score_run(
    folder: Path,
    chosen: ChosenMetrics,
    suite: Suite,
    answers: Sequence[Answer],
    against: ScoringInput,
    *,
    replace: bool = False,
    tell: Callable[[float], None] | None = None,
) -> FolderScored:
    """Score a run folder's answers; add to the scores that are there, where they are still of the same texts.

    Where texts, references or fields have changed since, every metric that the folder was scored with is computed anew.

    Args:
        folder: the run folder.
        chosen: the metrics.
        suite: its suite.
        answers: all of the run.
        against: from `check_scoring`.
        replace: whether scores that were computed in another way, or that cannot be computed anew, may go.
        tell: called with the share that is done (0 to 1).

    Raises:
        RunConflictError: something has changed and a metric cannot be computed anew, or another process has added a
            score that was computed in another way; and `replace` is not said.
    """
    record = read_run(folder)
    matched = match_answers(answers, suite.samples, where=folder / ANSWERS_FILE)
    before = there = _scores_there(folder, replace=replace)
    if there is not None and not _same_texts(folder, there, against, matched):
        chosen = _with_earlier_metrics(folder, there, chosen, replace=replace)
        there = None
    on_scored = ScoringProgress([*chosen.metrics.values()], [len(against.samples)], tell) if tell else untold
    scored = score_against(against, matched, chosen, suite=suite.name, model=record.model.id, on_scored=on_scored)
    with locked(folder, wait=True):
        now = _scores_there(folder, replace=replace)
        if now is not None and now != before and _same_texts(folder, now, against, matched):
            there = now  # another process has scored the same texts meanwhile
            if not replace:
                refuse_replacing(there, chosen.metrics, folder, against.cleaning)
        if record.cleaning != against.cleaning:
            write_run(folder, recleaned(record, matched, against.cleaning))
        return FolderScored(scored, write_scored(folder, scored, there))


def rescore(
    folder: Path,
    metrics: str | Sequence[str] | None,
    *,
    dialect: str | None = None,
    by: Sequence[str] = (),
    partial: bool = False,
    cleaning: str | None = None,
    replace: bool = False,
    tell: Callable[[float], None] | None = None,
) -> FolderScored:
    """Score a finished run again, with other metrics, another cleaning (None: the run's), or after an update.

    Raises:
        InputError: not a run folder, or its suite is no longer there. SuiteError: the suite's file has changed.
        RunConflictError: see `check_scoring` and `score_run`.
    """
    record = read_run(folder)
    suite = suite_of(record, folder)
    chosen = choose_metrics(metrics, suite.card.metrics or DEFAULT_METRICS, dialect=dialect)
    answers_file = folder / ANSWERS_FILE
    if not answers_file.exists():
        raise InputError(f"holds no {ANSWERS_FILE}", where=folder, hint="run or generate first")
    against = check_scoring(
        folder, suite, chosen, by=by, partial=partial, cleaning=cleaning or record.cleaning, replace=replace
    )
    answers = stored(read_answer_lines(answers_file))
    return score_run(folder, chosen, suite, answers, against, replace=replace, tell=tell)


def _scores_there(folder: Path, *, replace: bool) -> Scores | None:
    """The folder's scores; with `replace`, a file that cannot be read counts as none."""
    try:
        return read_scores(folder)
    except InputError:
        if replace:
            return None
        raise


def _same_texts(folder: Path, there: Scores, against: ScoringInput, answers: Sequence[Answer]) -> bool:
    """Whether scores are of these texts, references and fields."""
    scored = answers_to(against, answers)
    if there.scored_sha256 is not None:
        return there.scored_sha256 == digest_of(against, scored)
    counts = count_answers(scored, against.samples)  # an older version: what it left is compared
    if (there.n, there.n_failed, there.n_empty) != (len(scored), counts.n_failed, counts.n_empty):
        return False
    try:
        return read_statistics(folder).digests == digests_of(against.references)
    except InputError:
        return True


def _with_earlier_metrics(folder: Path, there: Scores, chosen: ChosenMetrics, *, replace: bool) -> ChosenMetrics:
    """The chosen metrics and those that the folder was scored with before.

    Raises:
        RunConflictError: one of these cannot run here, and `replace` is not said.
    """
    ours = {key.name for metric in chosen.metrics.values() for key in metric.keys}
    earlier = dict(chosen.metrics)
    for name in _names_of(folder, there):
        try:
            metric = make_metric(name)
            missing = metric.missing()
            reason = missing and f"{missing.reason}; {missing.remedy(metric.id)}"
        except LibraBenchError as error:
            reason = str(error)
        if reason is None and not ours & {key.name for key in metric.keys}:
            earlier[name] = metric
        elif reason is not None and not replace:
            raise RunConflictError(
                f"texts, references or fields have changed since it was scored, and {name} cannot be computed anew "
                f"({reason})",
                where=folder / SCORES_FILE,
                hint="add --replace to let its scores go",
            )
    return ChosenMetrics(earlier, chosen.unavailable)


def _names_of(folder: Path, there: Scores) -> list[str]:
    """The metrics that a folder was scored with, as the user wrote them, as far as that is known."""
    if there.metrics:
        return list(there.metrics)
    try:
        stored = read_statistics(folder).metrics
    except InputError:
        stored = {}
    known = {key for metric in stored.values() for key in metric.keys}
    return [*stored, *dict.fromkeys(score.metric for score in there.scores if score.key not in known)]


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
