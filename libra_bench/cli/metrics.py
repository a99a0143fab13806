"""`metrics`: what can be scored here, and the official packages to verify it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from libra_bench.cli import experiments, output
from libra_bench.cli import options as o
from libra_bench.cli.judgements import judgements
from libra_bench.cli.listing import Facts, Item, Listing, grouped
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
    from libra_bench.metrics.listing import SEES, list_metrics

    listed = list_metrics()
    lacking = [metric for metric in listed if not metric["available"]]
    groups = grouped(
        (
            (
                SEES.get(metric["sees"], metric["sees"]),
                Item(metric["name"], _mark(metric), metric["summary"], dim=not metric["available"]),
            )
            for metric in listed
        ),
        SEES.values(),
    )
    groups[TO_GET] = [Item(metric["name"], metric["flag"] or metric["remedy"], dim=True) for metric in lacking]
    listing = Listing(
        f"{len(listed) - len(lacking)} of {len(listed)} metrics can run here.",
        groups,
        ("metric", "here", "sees", "columns", "what it is", "why not", "to get it", "signature"),
        [
            (
                *(metric["name"], "yes" if metric["available"] else "no", metric["sees"]),
                *(", ".join(key["name"] for key in metric["keys"]), metric["summary"]),
                *(metric["reason"] or "", metric["remedy"] or "", metric["signature"]),
            )
            for metric in listed
        ],
        [
            "`libra-bench metrics show NAME` says the rest of a metric: columns, parameters, signature, what it sees.",
            *(["docs/weights.md says where to get weights."] if lacking else []),
        ],
    )
    output.result(listed, listing, as_json=as_json)


TO_GET = "To run the rest"


def _mark(metric: Mapping[str, Any]) -> str:
    return "yes" if metric["available"] else "no "


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="A metric's name.")], as_json: o.Json = False) -> None:
    """Show one metric: its columns, parameters and signature, what it needs, what was measured of it."""
    from libra_bench.metrics.listing import SEES, list_metrics
    from libra_bench.metrics.registry import metric_id

    asked = metric_id(name)
    metric = next(metric for metric in list_metrics() if metric["name"] == asked)
    facts = {
        "metric": metric["name"],
        "what it is": metric["summary"],
        "sees": SEES.get(metric["sees"], metric["sees"]),
        "columns": "\n".join(map(_column, metric["keys"])),
        "parameters": ", ".join(f"{parameter}={value}" for parameter, value in metric["parameters"].items()),
        "needs": metric["needs"],
        "runs here": "yes" if metric["available"] else f"no: {metric['reason']}",
        "to get it": metric["remedy"] or "",
        "signature": metric["signature"],
        "speed": _speed(metric["measured"]["ms_per_report"]),
        "agreement": metric["measured"]["agreement"] or "",
        "sensitivity": metric["measured"]["sensitivity"] or "",
    }
    output.result(metric, Facts(facts), as_json=as_json)


def _column(key: Mapping[str, Any]) -> str:
    low, high = key["range"]
    span = f"{'-∞' if low is None else f'{low:g}'} to {'∞' if high is None else f'{high:g}'}"
    return f"{key['name']} ({span}, {'higher' if key['higher_is_better'] else 'lower'} is better)"


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


def _speed(milliseconds: float | None) -> str | None:
    return None if milliseconds is None else f"about {milliseconds:g} ms per report"
