"""`libra-bench compare`: paired tests between runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from libra_bench.cli import output

if TYPE_CHECKING:
    from rich.console import RenderableType

    from libra_bench.comparison import Comparison


def compare(
    runs: Annotated[
        list[Path], typer.Argument(help="Run folders, the baseline first.", metavar="RUN_A RUN_B [RUN_C ...]")
    ],
    metrics: Annotated[str | None, typer.Option(help="Only these, as the runs were scored with: a,b,c.")] = None,
    cluster: Annotated[
        bool, typer.Option("--cluster/--no-cluster", help="Draw and swap whole patients (subject_id), not studies.")
    ] = True,
    resamples: Annotated[int, typer.Option(min=100, help="Of the bootstrap and of the randomisation test.")] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Of both.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
) -> None:
    """Compare runs over the same studies with the first one, metric by metric.

    Paired clustered bootstrap intervals, approximate randomisation p-values with Holm's correction, and the smallest
    difference that the suite could have shown.
    """
    from libra_bench.comparison import compare_runs
    from libra_bench.metrics.registry import split_names

    result = compare_runs(
        runs,
        metrics=None if metrics is None else split_names(metrics),
        clustered=cluster,
        resamples=resamples,
        seed=seed,
    )
    for reason in result.not_compared:
        output.message(f"not compared: {reason}")
    output.result(result.as_json(), _view(result), as_json=as_json)


def _view(result: Comparison) -> RenderableType:
    from rich import box
    from rich.console import Group
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    drawn = f"{result.clusters} patients" if result.clusters else "studies"
    title = f"Against {result.runs[0]}: {result.n} studies, {result.resamples} resamples of {drawn}, seed {result.seed}"
    table = Table(
        title=escape(title), caption=_CAPTION, title_justify="left", caption_justify="left",
        box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0),
    )  # fmt: skip
    several = len(result.runs) > 2
    if several:
        table.add_column("run", overflow="fold")
    table.add_column("metric", no_wrap=True)
    for heading in ("baseline", "run" if several else escape(result.runs[1]), "diff.", "95 %", "p", "detects"):
        table.add_column(heading, justify="right")
    for item in result.differences:
        table.add_row(
            *([escape(item.model)] if several else []),
            item.key + ("" if item.higher_is_better else " ↓"),
            f"{item.baseline_value:.2f}",
            f"{item.model_value:.2f}",
            f"{item.difference:+.2f}",
            "" if item.low is None or item.high is None else f"{item.low:+.2f}..{item.high:+.2f}",
            f"{item.p_holm:.4f}",
            "" if item.detectable is None else f"{item.detectable:.2f}",
            style="bold" if item.significant else "",
        )
    return Group(table, *[Text(item.verdict) for item in result.differences])


_CAPTION = (
    "p: after Holm's correction, bold below 0.05; detects: the smallest true difference that\n"
    "this suite finds with 80 % power; ↓: lower is better"
)
