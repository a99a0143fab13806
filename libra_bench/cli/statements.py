"""`metrics statements`: what the reader reads in reports; its JSON and CSV make it a labeller."""

from __future__ import annotations

import csv
import dataclasses
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from libra_bench.cli import options as o
from libra_bench.cli import output

if TYPE_CHECKING:
    from rich.text import Text

    from benchmarks.suites.report_texts import ReportText
    from libra_bench.metrics.statements.statement import Statement

COLUMNS = (
    "question_id", "source", "finding", "category", "presence", "side", "severity", "change", "start", "end", "text",
)  # fmt: skip
STYLES = {"present": "bold red", "uncertain": "yellow", "absent": "green"}


def statements(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="What `score` takes (JSON lines, CSV, Parquet), or plain text; - reads stdin."
        ),
    ],
    as_csv: Annotated[bool, typer.Option("--csv", help="Print one row per statement as CSV.")] = False,
    as_json: o.Json = False,
) -> None:
    """Print what reports state: finding, presence, side, severity, change, read by rules.

    In a table, the texts under reference, findings, impression, answer and prediction are read, and those under `text`
    where there are none of these.
    """
    from benchmarks.errors import InputError
    from benchmarks.files.formulas import guarded
    from benchmarks.suites.report_texts import read_report_texts
    from libra_bench.metrics.statements.reader import report_statements

    if as_csv and as_json:
        raise InputError("both --csv and --json", hint="give one of them")
    texts = [text for file in files for text in read_report_texts(file)]
    read = [(text, report_statements(text.text)) for text in texts]
    if as_csv:
        table = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows({column: guarded(cell) for column, cell in row.items()} for row in _rows(read))
    elif as_json:
        output.result(list(_rows(read)), "", as_json=True)
    else:
        from rich.console import Console

        console = Console(highlight=False)
        for text, found in read:
            console.print(_view(text, found), soft_wrap=not console.is_terminal)
    n, silent = sum(len(found) for _, found in read), sum(not found for _, found in read)
    output.message(f"texts: {len(read)}; statements: {n}; texts without a statement: {silent}")


def _rows(read: Iterable[tuple[ReportText, Sequence[Statement]]]) -> Iterator[dict[str, Any]]:
    for text, found in read:
        for statement in found:
            row = {"question_id": text.question_id, "source": text.source, **dataclasses.asdict(statement)}
            yield row | {"text": text.text[statement.start : statement.end]}


def _view(text: ReportText, found: Sequence[Statement]) -> Text:
    """The text with its statements coloured, and a line for each."""
    from rich.text import Text

    from libra_bench.metrics.error_counts import in_words

    view = Text(f"{text.question_id} {text.source}\n", style="bold")
    body = Text(text.text.strip("\n"), style="not bold")
    offset = len(text.text) - len(text.text.lstrip("\n"))
    for statement in found:
        body.stylize(STYLES[statement.presence], statement.start - offset, statement.end - offset)
    view.append_text(body)
    for statement in found:
        words = in_words(statement)
        line = f"\n  {statement.presence:<10}{words:<42}{statement.category or ''}"
        view.append(line.rstrip(), style=f"not bold {STYLES[statement.presence]}")
    return view.append("\n")
