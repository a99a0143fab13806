"""`suites` and `doctor`: what is there, and what each part needs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from libra_bench.cli import options as o
from libra_bench.cli import output


def suites(as_json: o.Json = False) -> None:
    """List the suites: what each asks, how many studies it has, and where its file comes from."""
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
