"""`metrics`: what can be scored here, and the official packages to verify it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from libra_bench.cli import experiments, output
from libra_bench.cli import options as o
from libra_bench.cli.judgements import judgements
from libra_bench.cli.statements import statements

app = typer.Typer(help="List the metrics, and what each needs.", invoke_without_command=True)
app.command("statements")(statements)
app.command("judgements")(judgements)
app.command("agreement")(experiments.agreement)
app.command("sensitivity")(experiments.sensitivity)


@app.callback()
def metrics(context: typer.Context, as_json: o.Json = False) -> None:
    """List the metrics by what they see of a report, and what each needs."""
    if context.invoked_subcommand is not None:
        return
    from rich.console import Group
    from rich.table import Table

    from libra_bench.metrics.listing import SEES, list_metrics

    listed = list_metrics()
    tables = []
    for sees, heading in SEES.items():
        table = Table(title=heading, title_justify="left", show_lines=True, expand=True)
        table.add_column("metric", width=max(len(metric["name"]) for metric in listed))
        table.add_column("what it is", overflow="fold", ratio=1)
        for metric in listed:
            if metric["sees"] == sees:
                table.add_row(metric["name"], _describe(metric))
        if table.row_count:
            tables.append(table)
    output.result(listed, Group(*tables), as_json=as_json)


@app.command("install")
def install(
    what: Annotated[
        Literal["official", "ratescore"],
        typer.Argument(
            help="official: radgraph, f1chexbert, bert-score as published; ratescore: medspacy, which splits sentences."
        ),
    ],
    folder: Annotated[Path | None, typer.Option("--dir", help="Folder to install into; default: the cache.")] = None,
    wheels: Annotated[
        Path | None, typer.Option("--wheels", help="Install from this folder of wheels, without a network.")
    ] = None,
    as_json: o.Json = False,
) -> None:
    """Make a side environment for packages with old pins: for `score --verify` (about 2 GB), or for RaTEScore."""
    from libra_bench.metrics.extractors.sentences import PYRUSH
    from libra_bench.metrics.official import OFFICIAL

    environment = {"official": OFFICIAL, "ratescore": PYRUSH}[what]
    python, pins = environment.install(folder, wheels=wheels), environment.pins()
    output.result(
        {"installed": what, "python": str(python), "packages": pins},
        f"installed: {python} ({', '.join(pins)})",
        as_json=as_json,
    )


def _describe(metric: dict[str, Any]) -> str:
    """A metric in a few lines; escaped, since signatures and hints hold brackets."""
    from rich.markup import escape

    kinds: dict[str, list[str]] = {}
    for key in metric["keys"]:
        low, high = key["range"]
        span = f"{'-∞' if low is None else f'{low:g}'} to {'∞' if high is None else f'{high:g}'}"
        better = "higher" if key["higher_is_better"] else "lower"
        kinds.setdefault(f"{span}, {better} is better", []).append(key["name"])
    state = "yes" if metric["available"] else f"no: {metric['reason']}; to get it: {metric['remedy']}"
    lines = {
        "columns": "; ".join(f"{', '.join(names)} ({kind})" for kind, names in kinds.items()),
        "needs": metric["needs"],
        "signature": metric["signature"],
        "speed": _speed(metric["measured"]["ms_per_report"]),
        "agreement with radiologists": metric["measured"]["agreement"],
        "sensitivity": metric["measured"]["sensitivity"],
        "runs here": state,
    }
    described = [f"[bold]{name}[/bold] {escape(text)}" for name, text in lines.items() if text]
    return "\n".join([escape(metric["summary"]), *described])


def _speed(milliseconds: float | None) -> str | None:
    return None if milliseconds is None else f"about {milliseconds:g} ms per report"
