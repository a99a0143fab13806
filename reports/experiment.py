"""What an experiment leaves: JSON, CSV, LaTeX, figures and a page of its own, all from one outcome.

An experiment hands over its result (the JSON), tables and figures; how they are written is decided here, once for all.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks.files import atomic_write, write_json
from benchmarks.files.formulas import guarded
from reports.figure import encoded, file_part, save, svg_address
from reports.latex import escaped

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import RenderableType

WHOLE_NAME = 34
"""Letters; a shorter name in the first column is never broken."""
WHOLE_WORD = 10
"""Letters; a shorter word in another one is not, either."""
Value: TypeAlias = str | float | int | bool | None


@dataclass(frozen=True, slots=True)
class Table:
    """One table; numbers in full precision, rounded where they are shown."""

    name: str
    """Its part of the file name: letters and hyphens."""
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Value]]
    note: str = ""
    digits: int = 2
    """Decimals that people see."""
    first: int | None = None
    """How many rows a terminal shows; None: all."""
    in_files: bool = True
    """False: a piece of another table, only for terminals, which are narrow."""

    def shown(self) -> list[list[str]]:
        """The cells as people see them."""
        return [[self._shown(value) for value in row] for row in self.rows]

    def is_number(self, column: int) -> bool:
        """Whether a column holds numbers alone: those are set flush right."""
        values = [row[column] for row in self.rows if row[column] is not None]
        return bool(values) and not any(isinstance(value, str | bool) for value in values)

    def _shown(self, value: Value) -> str:
        if value is None:
            return "–"
        if isinstance(value, bool):
            return "yes" if value else "no"
        return f"{value:.{self.digits}f}" if isinstance(value, float) else str(value)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an experiment found."""

    name: str
    """Stem of its files."""
    title: str
    result: Mapping[str, Any]
    """The content of the JSON file."""
    tables: Sequence[Table]
    findings: Sequence[str] = ()
    """One sentence each."""
    figures: Mapping[str, Callable[[], Figure]] = field(default_factory=dict)
    """Part of the file name -> what draws it."""
    subjects: Sequence[str] = ()
    """What it is about, in the names of the figures' files: models, or the name of a data set."""


def write_outcome(outcome: Outcome, folder: Path) -> list[Path]:
    """Write an outcome's files into a folder: NAME.json, NAME-TABLE.csv, NAME.tex, NAME-FIGURE.SUBJECTS.png and
    .pdf, NAME.html.

    Returns:
        The files.

    Raises:
        StorageError: one cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / outcome.name
    write_json(stem.with_suffix(".json"), outcome.result)
    paths = [stem.with_suffix(".json")]
    for table in _in_files(outcome):
        paths.append(_write(Path(f"{stem}-{table.name}.csv"), to_csv(table)))
    paths.append(_write(stem.with_suffix(".tex"), to_latex(_in_files(outcome))))
    about = f".{file_part(outcome.subjects)}" if outcome.subjects else ""
    for name, draw in outcome.figures.items():
        paths += save(draw(), f"{stem}-{name}{about}", ("png", "pdf"))
    return [*paths, _write(stem.with_suffix(".html"), to_page(outcome))]


def to_csv(table: Table) -> str:
    """A table in full precision, guarded for spreadsheets."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([guarded(column) for column in table.columns])
    writer.writerows([["" if value is None else guarded(value) for value in row] for row in table.rows])
    return stream.getvalue()


def to_latex(tables: Sequence[Table]) -> str:
    """The tables for a paper (booktabs)."""
    return "\n\n".join(["% needs \\usepackage{booktabs}", *map(_latex_table, tables)]) + "\n"


def to_terminal(outcome: Outcome) -> RenderableType:
    """The tables and findings, for 80 columns and more."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = []
    for table in outcome.tables:
        if table.first == 0:
            continue
        hidden = len(table.rows) - len(table.rows[: table.first])
        more = f"{hidden} more rows in the files that --out DIR writes." if hidden else ""
        parts += [_rich_table(table), *(Text(line) for line in (more, table.note) if line), Text()]
    return Group(*parts, *map(Text, outcome.findings))


def to_page(outcome: Outcome) -> str:
    """One HTML page that loads nothing."""
    from markupsafe import Markup

    from reports.page import environment, script

    return (
        environment()
        .get_template("experiment.html")
        .render(
            outcome=outcome,
            tables=_in_files(outcome),
            figures={name: svg_address(encoded(draw(), "svg")) for name, draw in outcome.figures.items()},
            css=Markup(script("page.css", "board.css")),  # noqa: S704 - our own file
        )
    )


def _in_files(outcome: Outcome) -> list[Table]:
    return [table for table in outcome.tables if table.in_files]


def _latex_table(table: Table) -> str:
    alignment = "".join("r" if table.is_number(column) else "l" for column in range(len(table.columns)))
    rows = [" & ".join(map(escaped, row)) + r" \\" for row in table.shown()]
    caption = escaped(" ".join(filter(None, [f"{table.title.rstrip('.')}.", table.note])))
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering\footnotesize",
            rf"\caption{{{caption}}}",
            rf"\label{{tab:{table.name}}}",
            rf"\begin{{tabular}}{{{alignment}}}",
            r"\toprule",
            " & ".join(map(escaped, table.columns)) + r" \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )


def _rich_table(table: Table) -> RenderableType:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    title = Text(table.title, style="bold")
    shown = RichTable(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
    for place, column in enumerate(table.columns):
        if table.is_number(place):  # a long heading wraps at its words, a number never
            widest = max(len(row[place]) for row in table.shown())
            heading = column if len(column) <= widest else column.replace("_", " ").replace("-", " ")
            shown.add_column(Text(heading), justify="right", min_width=widest, overflow="fold")
        else:
            widest = max((len(row[place]) for row in table.shown()), default=0)
            shown.add_column(Text(column), overflow="fold", no_wrap=widest <= (WHOLE_WORD if place else WHOLE_NAME))
    before = ""
    for row in table.shown()[: table.first]:
        repeated = row[0] == before and len(row) > 1  # a group of rows names itself once
        shown.add_row(*map(Text, ["" if repeated else row[0], *row[1:]]))
        before = row[0]
    return shown


def _write(path: Path, text: str) -> Path:
    with atomic_write(path, encoding="utf-8", newline="") as stream:
        stream.write(text)
    return path
