"""`suites` and `doctor`: what is there, and what each part needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from libra_bench.cli import options as o
from libra_bench.cli import output

if TYPE_CHECKING:
    from benchmarks.suites import Suite

suites_app = typer.Typer(help="List the suites; show what one is.", invoke_without_command=True)


@suites_app.callback()
def suites(context: typer.Context, as_json: o.Json = False) -> None:
    """List the suites: what each asks, how many studies it has, and where its file comes from."""
    if context.invoked_subcommand is not None:
        return
    from rich.table import Table

    from benchmarks.catalog import list_suites

    cards = list_suites()
    table = Table("suite", "what it asks", "published samples", "file")
    for card in cards:
        count = "unknown" if card.published_samples is None else f"{card.published_samples:,}"
        table.add_row(
            card.name, card.description, "-" if card.file else count, "here" if card.file else "pass --data FILE"
        )
    rows = [
        {name: str(value) if isinstance(value, Path) else value for name, value in asdict(card).items()}
        for card in cards
    ]
    output.result(rows, table, as_json=as_json)


@suites_app.command()
def show(
    suite: Annotated[str, typer.Argument(help="A suite's name, or its file.")],
    data: Annotated[Path | None, typer.Option("--data", help="The file of a named suite.")] = None,
    as_json: o.Json = False,
) -> None:
    """Show a suite's data card: source, licence, how it was built, how many samples it has, the hash of its file."""
    from rich.table import Column, Table

    from benchmarks.catalog import suite_card, suite_names
    from benchmarks.suites import load_suite

    named = suite_card(suite) if suite in suite_names() and not Path(suite).is_file() else None
    if named is not None and named.file is None and data is None:
        card: dict[str, Any] = {
            "suite": named.name,
            "description": named.description,
            "homepage": named.homepage,
            "licence": named.licence,
            "published": named.published_samples,
            "how to get it": named.source,
        }
    else:
        card = _card(load_suite(suite, data=data))
    table = Table("", Column("", overflow="fold"), show_header=False)
    for name, value in card.items():
        table.add_row(name, *_lines(value))
    output.result(card, table, as_json=as_json)


def _card(suite: Suite) -> dict[str, Any]:
    """The card beside a suite's file, or what its file alone tells."""
    from collections import Counter

    from benchmarks.records.data_card import card_file, read_card

    stored = read_card(suite.path)
    if stored is not None and stored.sha256 != suite.sha256:
        output.message(
            f"warning: {suite.path} has changed since {card_file(suite.path).name} was written: what follows is of the "
            "file as it is now"
        )
        stored = None
    if stored is not None:
        return stored.as_json()
    samples = suite.samples
    patients = {sample.fields.get("subject_id") for sample in samples} - {None}
    return {
        "suite": suite.name,
        "description": suite.card.description,
        "homepage": suite.card.homepage,
        "licence": suite.card.licence or "unknown",
        "n": len(samples),
        "with_prior": sum(sample.has_prior for sample in samples),
        "with_lateral": sum(bool(sample.laterals) for sample in samples),
        "patients": len(patients),
        "fields": dict(Counter(name for sample in samples for name in sample.fields)),
        "sha256": suite.sha256,
    }


def _lines(value: Any) -> list[str]:
    """A cell: numbers as people read them, mappings and lists one entry per line."""
    from rich.markup import escape

    if isinstance(value, Mapping):
        text = "\n".join(f"{name}: {number:,}" for name, number in value.items())
    elif isinstance(value, list | tuple):
        text = "\n".join(
            ", ".join(f"{part}" for part in one.values() if part is not None) if isinstance(one, dict) else str(one)
            for one in value
        )
    else:
        text = "unknown" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
    return [escape(text)]


def doctor(as_json: o.Json = False) -> None:
    """Check what works on this machine, and how to get the rest."""
    from rich.markup import escape
    from rich.table import Column, Table

    from libra_bench.cli.doctor import examine

    findings = examine()
    table = Table("what", "state", "found", Column("to get the rest", overflow="fold"))
    mark = {"ok": "[green]ok[/green]", "absent": "[yellow]absent[/yellow]", "broken": "[red]broken[/red]"}
    for finding in findings:
        table.add_row(finding.what, mark[finding.state], escape(finding.found), escape(finding.remedy))
    output.result([asdict(finding) for finding in findings], table, as_json=as_json)
