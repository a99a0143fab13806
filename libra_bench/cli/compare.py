"""`libra-bench compare`: paired tests between runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks.wording import studies
from libra_bench.cli import completion, output
from libra_bench.cli import options as o

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from libra_bench.scores.comparison import Comparison
    from libra_bench.scores.statistics import Difference


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Run folders, the baseline first.",
            metavar="RUN_A RUN_B [RUN_C ...]",
            autocompletion=completion.runs,
        ),
    ],
    metrics: Annotated[str | None, typer.Option(help="Only these of the runs' metrics: a,b,c.")] = None,
    cluster: Annotated[
        bool, typer.Option("--cluster/--no-cluster", help="Resample and swap whole patients (subject_id), not studies.")
    ] = True,
    resamples: Annotated[
        int, typer.Option(min=100, max=o.MOST_RESAMPLES, help="Bootstrap resamples, and swaps of the test.")
    ] = 10_000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the resamples and swaps.")] = 0,
    by: Annotated[
        str | None,
        typer.Option("--by", help="Compare the levels of this field (age, sex, view, ...) within each run instead."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Compare runs over the same studies with the first one, metric by metric.

    Paired clustered bootstrap intervals, approximate randomisation p-values with Holm's correction, and the smallest
    difference that the suite could have shown. With --by FIELD: the gaps between subgroups of each run.
    """
    from libra_bench.metrics.registry import split_names
    from libra_bench.scores.comparison import compare_runs

    names = None if metrics is None else split_names(metrics)
    if by is not None:
        from libra_bench.experiments.gaps import subgroup_gaps
        from libra_bench.experiments.gaps_outcome import gaps_outcome
        from reports.experiment import to_terminal

        gaps = subgroup_gaps(runs, by, metrics=names, clustered=cluster, resamples=resamples, seed=seed)
        output.result(gaps.as_json(), to_terminal(gaps_outcome(gaps)), as_json=as_json)
        return
    result = compare_runs(
        runs,
        metrics=names,
        clustered=cluster,
        resamples=resamples,
        seed=seed,
    )
    for reason in result.not_compared:
        output.message(f"not compared: {reason}")
    output.result(result.as_json(), comparison_view(result), as_json=as_json)


def comparison_view(result: Comparison) -> RenderableType:
    """A table and the verdicts for each run against the baseline; fits 80 columns."""
    from rich.console import Group
    from rich.text import Text

    from reports.leaderboard import empty_note

    drawn = f"{result.clusters} patients" if result.clusters else "studies"
    parts: list[RenderableType] = [
        Text(f"{studies(result.n)}, {result.resamples} resamples of {drawn}, seed {result.seed}. {_LEGEND}")
    ]
    for name, share in result.empty_shares.items():
        parts.append(Text(f"{name}: {empty_note(share)} texts, which dominate RadCliQ"))
    for name in result.runs[1:]:
        differences = [item for item in result.differences if item.model == name]
        parts += [Text(), _table(result.runs[0], name, differences), Text()]
        parts += [Text(sentence) for sentence in _verdicts(result.runs[0], name, differences)]
    return Group(*parts)


def _verdicts(baseline: str, run: str, differences: Sequence[Difference]) -> list[str]:
    """What the tests say, in one sentence per verdict; the numbers are in the table."""
    by_verdict: dict[str, list[str]] = {"better": [], "worse": [], "unclear": []}
    for item in differences:
        better = (item.difference > 0) == item.higher_is_better
        by_verdict["unclear" if not item.significant else "better" if better else "worse"].append(item.key)
    said = {
        "better": f"{run} is better than {baseline} on",
        "worse": f"{run} is worse than {baseline} on",
        "unclear": "No difference is shown on",
    }
    everything = len(differences) > 1
    return [
        f"{said[verdict]} all {len(keys)}."
        if everything and len(keys) == len(differences)
        else f"{said[verdict]} {len(keys)} of {len(differences)}: {', '.join(keys)}."
        for verdict, keys in by_verdict.items()
        if keys
    ]


def _table(baseline: str, run: str, differences: Sequence[Difference]) -> RenderableType:
    from rich import box
    from rich.table import Table

    from reports.labels import wrapped

    table = Table(
        title=f"{run} against {baseline}", title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, padding=0
    )
    rows = [
        (
            f"{item.baseline_value:.2f}",
            f"{item.model_value:.2f}",
            f"{item.difference:+.2f}",
            "" if item.low is None else f"{item.low:+.2f}",
            "" if item.high is None else f"{item.high:+.2f}",
            f"{item.p_holm:.4f}",
            "" if item.detectable is None else f"{item.detectable:.2f}",
        )
        for item in differences
    ]
    headings = ("base", "run", "diff.", "low", "high", "p", "detects")
    numbers = sum(1 + max(map(len, column)) for column in zip(headings, *rows, strict=True))
    table.add_column("metric", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for item, row in zip(differences, rows, strict=True):
        key = item.key + ("" if item.higher_is_better else "\u00a0↓")  # a long name breaks at its hyphens
        table.add_row(wrapped(key, output.width() - numbers), *row, style="bold" if item.significant else "")
    return table


_LEGEND = (
    "low, high: 95 % interval of the difference, not corrected for the number of tests; p: after Holm's correction, "
    "bold below 0.05; "
    "detects: the smallest true difference that this suite finds with 80 % power; ↓: lower is better."
)
