"""Experiments: what is asked of many runs, or of metrics themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from libra_bench.cli import options as o
from libra_bench.cli import output

if TYPE_CHECKING:
    from reports.experiment import Outcome

Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Write JSON, CSV, LaTeX, figures and a page into this folder."),
]
Resamples = Annotated[int, typer.Option("--resamples", min=100, help="Of the bootstrap.")]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Of the resamples.")]


def stability(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Run folders over the same studies, or folders that hold such.", metavar="RUN..."),
    ],
    metrics: Annotated[
        str | None, typer.Option("--metrics", help="Only these, as the runs were scored with: a,b,c.")
    ] = None,
    cluster: Annotated[
        bool, typer.Option("--cluster/--no-cluster", help="Draw whole patients (subject_id), not studies.")
    ] = True,
    resamples: Resamples = 10_000,
    seed: Seed = 0,
    out: Out = None,
    as_json: o.Json = False,
) -> None:
    """How sure is the ranking? Ranks with intervals, and whether metrics rank the runs alike.

    [bold]libra-bench stability runs/demo/*/*[/bold]
    """
    from libra_bench.experiments.stability import rank_stability
    from libra_bench.experiments.stability_outcome import stability_outcome
    from libra_bench.metrics.registry import split_names
    from reports import find_runs

    found = rank_stability(
        [run.folder for run in find_runs(runs)],
        metrics=None if metrics is None else split_names(metrics),
        clustered=cluster,
        resamples=resamples,
        seed=seed,
    )
    show_outcome(stability_outcome(found), out, as_json=as_json)


def show_outcome(outcome: Outcome, out: Path | None, *, as_json: bool) -> None:
    """Print an experiment's outcome, and write its files where a folder is given."""
    from reports.experiment import to_terminal, write_outcome

    if out is not None:
        for path in write_outcome(outcome, out):
            output.message(f"wrote {path}")
    output.result(dict(outcome.result), to_terminal(outcome), as_json=as_json)
