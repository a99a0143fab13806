"""`models`: what can be measured."""

from __future__ import annotations

from dataclasses import asdict

import typer

from libra_bench.cli import options as o
from libra_bench.cli import output

app = typer.Typer(help="List the models, and what each needs.", invoke_without_command=True)


@app.callback()
def models(context: typer.Context, as_json: o.Json = False) -> None:
    """List the models, and what each needs."""
    if context.invoked_subcommand is not None:
        return
    from rich.table import Table

    from libra_bench.models import list_models

    listed = list_models()
    table = Table("model", "adapter", "what it is", "here?", "to get it")
    for model in listed:
        table.add_row(model.name, model.adapter, model.description, model.state, model.remedy)
    output.result([asdict(model) for model in listed], table, as_json=as_json)
