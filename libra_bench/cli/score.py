"""`score`: a run folder's answers, or any predictions, against references."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from libra_bench.cli import completion, output
from libra_bench.cli import options as o
from libra_bench.cli.flags import run_options
from libra_bench.runs.options import RunOptions

if TYPE_CHECKING:
    from rich.console import RenderableType

    from benchmarks.records.run import RunRecord
    from benchmarks.records.scores import Scores
    from libra_bench.metrics.official.verify import Check
    from libra_bench.scores.comparison import Comparison
    from libra_bench.scores.scoring import Scored

PARTIAL = "partial"


@run_options("metrics", "dialect", "cleaning", "by", "replace")
def score(
    run: Annotated[
        Path | None,
        typer.Argument(help="A run folder; or use --references and --predictions.", autocompletion=completion.runs),
    ] = None,
    more_predictions: Annotated[list[Path] | None, typer.Argument(hidden=True)] = None,
    references: Annotated[
        list[str] | None,
        typer.Option(
            "--references",
            metavar="FILE|partial",
            help="A suite file with references; partial: score the studies that have one, and count the others.",
        ),
    ] = None,
    predictions: Annotated[
        list[Path] | None, typer.Option("--predictions", help="A file of answers; more may follow it.")
    ] = None,
    model_name: Annotated[
        list[str] | None, typer.Option("--model-name", help="Name of the row, one per file; default: the file's name.")
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="A leaderboard to add the rows to.")] = None,
    *,
    options: RunOptions,
    verify: Annotated[
        bool, typer.Option("--verify", help="Recompute with the official packages and show the largest differences.")
    ] = False,
    tests: Annotated[
        bool, typer.Option("--tests/--no-tests", help="Of several files: test each against the first, paired.")
    ] = True,
    as_json: o.Json = False,
) -> None:
    """Score existing answers; needs no model. Several files are also compared with the first, in paired tests.

    Predictions: JSON lines, a JSON array, CSV, Parquet or a Hugging Face dataset on disk, the text under `text`,
    `prediction`, `generated` or `output`; or plain text, one per line, in the order of the references.

    Under `torchrun --nproc-per-node N --no-python` N processes share what metrics with weights extract.

    [bold]libra-bench score RUN[/bold]   or
    [bold]libra-bench score --references R.jsonl --predictions P.jsonl [P2.jsonl ...] --csv leaderboard.csv[/bold]
    """
    from benchmarks.errors import InputError
    from benchmarks.records.run import read_run
    from libra_bench.runs.processes import from_env
    from libra_bench.runs.shown_folder import check_leaderboard
    from libra_bench.scores.comparison import compare_scored

    processes = from_env()
    if processes.rank > 0:
        processes.help_to_extract()
        return
    with processes.sharing_extraction():
        check_leaderboard(csv)
        partial = PARTIAL in (references or [])
        truth = [Path(name) for name in references or [] if name != PARTIAL]
        if len(truth) == 1 and predictions:
            files = [*predictions, *([run] if run else []), *(more_predictions or [])]
            scored = _score_files(truth[0], files, model_name, options, partial=partial)
            found = [(item.scores, item) for item in scored]
        elif run is not None and not truth and not predictions and not more_predictions:
            found = [_score_run(run, options, partial=partial)]
        else:
            raise InputError("give a run folder, or both --references FILE and --predictions")
    _add_rows(csv, [scores for scores, _ in found], None if truth or run is None else read_run(run), options)
    compared = compare_scored([item for _, item in found]) if tests and len(found) > 1 else None
    _show(found, compared, verify=verify, as_json=as_json)


def _score_files(
    references: Path, files: list[Path], names: list[str] | None, options: RunOptions, *, partial: bool
) -> list[Scored]:
    """Score files of predictions.

    Raises:
        InputError: names that do not tell the files apart; any other of `score_files`.
    """
    from benchmarks.errors import InputError
    from benchmarks.predictions.cleaning import NO_CLEANING
    from libra_bench.metrics.choice import choose_metrics
    from libra_bench.scores.scoring import score_files

    if names and len(names) != len(files):
        raise InputError(f"{len(names)} names for {len(files)} files", where="--model-name", hint="give one per file")
    called = names or [path.stem for path in files]
    if twice := sorted(name for name in set(called) if called.count(name) > 1):
        raise InputError(
            f"{twice[0]!r} is the name of several files", where="--predictions", hint="name them: --model-name"
        )
    chosen = choose_metrics(options.metrics, dialect=options.dialect)
    cleaning = options.cleaning or NO_CLEANING
    with output.scoring_bar() as bar:
        return score_files(references, files, called, chosen, options.by, partial=partial, cleaning=cleaning, tell=bar)


def _score_run(run: Path, options: RunOptions, *, partial: bool) -> tuple[Scores, Scored]:
    """Score a run folder again: all scores that it has now, and what was computed."""
    from libra_bench.runs.scored_folder import rescore
    from libra_bench.runs.shown_folder import bring_up_to_date

    with output.scoring_bar() as bar:
        found = rescore(
            run,
            options.metrics,
            dialect=options.dialect,
            by=options.by,
            partial=partial,
            cleaning=options.cleaning,
            replace=options.replace,
            tell=bar,
        )
    for problem in bring_up_to_date(run):
        output.message(problem)
    return found.scores, found.now


def _add_rows(csv: Path | None, scores: list[Scores], record: RunRecord | None, options: RunOptions) -> None:
    from reports import leaderboard

    if csv is not None:
        for item in scores:
            leaderboard.update(csv, leaderboard.LeaderboardRow.of(item, record), replace=options.replace)


def _show(found: list[tuple[Scores, Scored]], compared: Comparison | None, *, verify: bool, as_json: bool) -> None:
    """The scores that there are now, what tests say of them, and what the official packages say to those computed."""
    from rich.console import Group

    from libra_bench.cli.compare import comparison_view
    from reports.tables.run_scores import as_table

    results = [scores.as_json() for scores, _ in found]
    views: list[RenderableType] = [as_table(scores) for scores, _ in found]
    for result, (_, scored) in zip(results, found, strict=True):
        if verify:
            checks, unverified = scored.verify()
            result["verified"] = [asdict(check) for check in checks]
            result["unverified"] = [asdict(entry) for entry in unverified]
            views += [_verification(checks), *(f"not verified: {u.metric}: {u.reason}; {u.remedy}" for u in unverified)]
    if compared is not None:
        views += ["", comparison_view(compared)]
        for result in results[1:]:
            result["comparison"] = compared.against_baseline(result["model"])
    output.result(results[0] if len(results) == 1 else results, Group(*views), as_json=as_json)


def _verification(checks: list[Check]) -> RenderableType:
    from rich.table import Table

    table = Table(
        "column", "ours", "official", "by", "difference", "largest per sample", title="against the official packages"
    )
    for check in checks:
        worst = "-" if check.sample_difference is None else f"{check.sample_difference:.2g}"
        table.add_row(
            check.key,
            f"{check.ours:.6f}",
            f"{check.theirs:.6f}",
            check.official,
            f"{check.corpus_difference:.2g}",
            worst,
        )
    return table
