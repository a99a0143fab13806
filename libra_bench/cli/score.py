"""`score`: a run folder's answers, or any predictions, against references."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from libra_bench.cli import options as o
from libra_bench.cli import output
from libra_bench.cli.flags import run_options
from libra_bench.runs.options import RunOptions

if TYPE_CHECKING:
    from rich.console import RenderableType

    from benchmarks.records.run import RunRecord
    from libra_bench.metrics.official.verify import Check, Unverified
    from libra_bench.scores.scoring import Scored


@run_options("metrics", "dialect", "by")
def score(
    run: Annotated[Path | None, typer.Argument(help="A run folder; or use --references and --predictions.")] = None,
    more_predictions: Annotated[list[Path] | None, typer.Argument(hidden=True)] = None,
    references: Annotated[Path | None, typer.Option("--references", help="A suite file with references.")] = None,
    predictions: Annotated[
        list[Path] | None, typer.Option("--predictions", help="A file of answers; more may follow it.")
    ] = None,
    model_name: Annotated[
        list[str] | None, typer.Option("--model-name", help="Name of the row, one a file; default: the file's name.")
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="A leaderboard to add the rows to.")] = None,
    *,
    options: RunOptions,
    verify: Annotated[
        bool, typer.Option("--verify", help="Recompute with the official packages and show the largest differences.")
    ] = False,
    as_json: o.Json = False,
) -> None:
    """Score answers that are there already; needs no model.

    [bold]libra-bench score RUN[/bold]   or
    [bold]libra-bench score --references R.jsonl --predictions P.jsonl [P2.jsonl ...] --csv leaderboard.csv[/bold]
    """
    from benchmarks.errors import InputError
    from benchmarks.records.run import read_run
    from libra_bench.metrics.choice import choose_metrics
    from libra_bench.runs.scored_folder import rescore
    from libra_bench.scores.scoring import score_files

    record: RunRecord | None = None
    if references is not None and predictions:
        files = [*predictions, *([run] if run else []), *(more_predictions or [])]
        if model_name and len(model_name) != len(files):
            raise InputError(
                f"{len(model_name)} names for {len(files)} files", where="--model-name", hint="give one a file"
            )
        names = model_name or [path.stem for path in files]
        chosen = choose_metrics(options.metrics, dialect=options.dialect)
        scored = score_files(references, files, names, chosen, options.by)
        for entry in chosen.unavailable:
            output.message(f"without {entry['metric']}: {entry['reason']}; {entry['remedy']}")
    elif run is not None and references is None and not predictions and not more_predictions:
        scored = [rescore(run, options.metrics, dialect=options.dialect, by=options.by)]
        record = read_run(run)
    else:
        raise InputError("give a run folder, or both --references and --predictions")
    _add_rows(csv, scored, record)
    checked = [item.verify() for item in scored] if verify else []
    _show(scored, checked, as_json=as_json)


def _add_rows(csv: Path | None, scored: list[Scored], record: RunRecord | None) -> None:
    from reports import leaderboard

    if csv is not None:
        for item in scored:
            leaderboard.update(csv, leaderboard.row_of(item.scores, record), leaderboard.signatures_of(item.scores))


def _show(scored: list[Scored], checked: list[tuple[list[Check], list[Unverified]]], *, as_json: bool) -> None:
    from rich.console import Group

    from reports import leaderboard

    results = [item.scores.as_json() for item in scored]
    views: list[RenderableType] = [leaderboard.as_table(item.scores) for item in scored]
    for result, (checks, unverified) in zip(results, checked, strict=False):
        result["verified"] = [asdict(check) for check in checks]
        result["unverified"] = [asdict(entry) for entry in unverified]
        views += [_verification(checks), *(f"not verified: {u.metric}: {u.reason}; {u.remedy}" for u in unverified)]
    output.result(results[0] if len(results) == 1 else results, Group(*views), as_json=as_json)


def _verification(checks: list[Check]) -> RenderableType:
    from rich.table import Table

    table = Table(
        "column", "ours", "official", "by", "difference", "largest a sample", title="against the official packages"
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
