"""`score`: a run folder's answers, or any predictions, against references."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from libra_bench.cli import options as o
from libra_bench.cli import output


def score(
    run: Annotated[Path | None, typer.Argument(help="A run folder; or use --references and --predictions.")] = None,
    references: Annotated[Path | None, typer.Option("--references", help="A suite file with references.")] = None,
    predictions: Annotated[
        list[Path] | None, typer.Option("--predictions", help="One or more files of answers.")
    ] = None,
    more_predictions: Annotated[
        list[Path] | None, typer.Argument(help="Further prediction files.", show_default=False)
    ] = None,
    model_name: Annotated[
        list[str] | None,
        typer.Option("--model-name", help="Name of the row, one a file; default: the file's name."),
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="A leaderboard to add the rows to.")] = None,
    metrics: o.Metrics = None,
    as_json: o.Json = False,
) -> None:
    """Score answers that are there already; needs no model.

    [bold]libra-bench score RUN[/bold]   or
    [bold]libra-bench score --references R.jsonl --predictions P.jsonl [P2.jsonl ...] --csv leaderboard.csv[/bold]
    """
    from benchmarks.errors import InputError

    if references is None or not predictions:
        if references or predictions or run is None or more_predictions:
            raise InputError("give a run folder, or both --references and --predictions")
        _score_run(run, metrics, csv, as_json)
        return
    files = [*predictions, *([run] if run else []), *(more_predictions or [])]
    _score_files(references, files, model_name, metrics, csv, as_json)


def _score_run(folder: Path, metrics: str | None, csv: Path | None, as_json: bool) -> None:
    from libra_bench.runner import rescore
    from reports import leaderboard

    scored, record = rescore(folder, metrics)
    if csv is not None:
        leaderboard.update(csv, leaderboard.row_of(scored.scores, record))
    output.result(scored.scores, leaderboard.as_table(scored.scores), as_json=as_json)


def _score_files(
    references: Path, files: list[Path], names: list[str] | None, metrics: str | None, csv: Path | None, as_json: bool
) -> None:
    from rich.console import Group

    from benchmarks.errors import InputError
    from libra_bench.scoring import score_files
    from reports import leaderboard

    if names and len(names) != len(files):
        raise InputError(f"{len(names)} names for {len(files)} files", where="--model-name", mend="give one a file")
    results: list[dict[str, Any]] = score_files(references, files, names or [path.stem for path in files], metrics)
    if csv is not None:
        for scores in results:
            leaderboard.update(csv, leaderboard.row_of(scores, {}))
    view = Group(*(leaderboard.as_table(scores) for scores in results))
    output.result(results[0] if len(results) == 1 else results, view, as_json=as_json)
