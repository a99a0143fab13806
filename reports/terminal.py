"""Boards in the terminal: models in rows where all columns fit, else metrics in rows and as many models as fit."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reports.board import Board, BoardRow, Cell
from reports.tables import (
    INTERVAL_DIGITS,
    NUMBERS,
    PROTOCOL,
    fact_headers,
    facts,
    headers,
    legend,
    named,
    number,
    rank,
    small_print,
    title,
)

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

MODEL_WIDTH = 24
MAX_BESIDE = 24
"""Models whose names head columns; more are in rows, and the columns in several tables."""
HEADING_WIDTH = 13
"""Of a model's name above its values."""
SMALL = "not bold not underline dim"
"""The style of what is below a value."""
GAP = 2
"""Characters between columns."""


@dataclass(frozen=True, slots=True)
class _Line:
    """What is said of every row of a board: a column, or a line of the transposed table."""

    header: str
    cells: Sequence[Text]
    numeric: bool = True

    @property
    def width(self) -> int:
        """Characters of the widest cell."""
        return max((len(part) for cell in self.cells for part in cell.plain.split("\n")), default=0)


def to_terminal(boards: Sequence[Board], width: int) -> RenderableType:
    """A table per board.

    Args:
        boards: what to show.
        width: characters per line.
    """
    from rich.console import Group

    return Group(*(table for board in boards for table in _tables(board, width)))


def _tables(board: Board, width: int) -> list[RenderableType]:
    from rich.text import Text

    lines = [
        _Line(header, [_score(row.cells.get(key)) for row in board.rows])
        for header, key in zip(headers(board), board.keys, strict=True)
    ]
    lines += _facts(board)
    names = min(MODEL_WIDTH, max(len(named(row)) for row in board.rows))
    in_rows = 3 + GAP + names + sum(GAP + max(line.width, len(line.header)) for line in lines)
    tables: list[RenderableType]
    if in_rows <= width:
        tables = [_by_model(board, lines)]
    elif len(board.rows) > MAX_BESIDE:
        tables = _in_parts(board, lines, width)
    else:
        tables = [*_by_metric(board, lines, width)]
    remarks = [f"{row.name}: {remark}" for row in board.rows if (remark := _remark(row))]
    below = Text("\n".join([*legend(board), *remarks, ""]), style="dim")
    return [Text(title(board), style="bold"), *tables, below]


def _facts(board: Board) -> list[_Line]:
    """The facts that say something: those that are numbers, and the protocol where there are several."""
    from rich.text import Text

    known = zip(fact_headers(board), zip(*(facts(row, board) for row in board.rows), strict=True), strict=True)
    return [
        _Line(header, [Text(value) for value in values], numeric=header in NUMBERS)
        for header, values in known
        if header in (*NUMBERS, PROTOCOL) and any(value not in ("", "0") for value in values)
    ]


def _remark(row: BoardRow) -> str:
    """What cannot be said in a narrow column."""
    return "; ".join([*row.flags, *filter(None, [row.trained_on and f"trained on {row.trained_on}", row.note])])


def _by_model(board: Board, lines: Sequence[_Line]) -> Table:
    from rich.text import Text

    table = _empty_table()
    table.add_column("", justify="right")
    table.add_column("model", overflow="fold", max_width=MODEL_WIDTH)
    for line in lines:
        table.add_column(line.header, justify="right" if line.numeric else "left", no_wrap=True)
    for place, row in enumerate(board.rows):
        cells = [line.cells[place] for line in lines]
        table.add_row(rank(row), Text(named(row)), *cells, style=None if row.is_model else "bright_black")
    return table


def _by_metric(board: Board, lines: Sequence[_Line], width: int) -> list[Table]:
    """Metrics in rows; models that do not fit beside the others are in a further table."""
    from rich.text import Text

    lines = [_Line("rank", [Text(rank(row)) for row in board.rows]), *lines]
    first = max(len(line.header) for line in lines)
    widths = [
        max(
            max(len(part) for line in lines for part in line.cells[place].plain.split("\n")),
            min(HEADING_WIDTH, len(named(row))),
        )
        for place, row in enumerate(board.rows)
    ]
    parts: list[list[int]] = [[]]
    room = width - first
    for place, needs in enumerate(widths):
        if needs + GAP > room and parts[-1]:
            parts.append([])
            room = width - first
        parts[-1].append(place)
        room -= needs + GAP
    tables = []
    for places in parts:
        table = _empty_table()
        table.add_column("", no_wrap=True)
        for place in places:
            row = board.rows[place]
            heading = Text("\n".join(textwrap.wrap(named(row), widths[place])))
            table.add_column(heading, justify="right", overflow="fold", width=widths[place])
        for line in lines:
            if any(line.cells[place].plain for place in places):
                table.add_row(Text(line.header), *(_styled(line.cells[place], board.rows[place]) for place in places))
        tables.append(table)
    return tables


def _in_parts(board: Board, lines: Sequence[_Line], width: int) -> list[RenderableType]:
    """Models in rows; columns that do not fit beside the others are in a further table, ranks and names repeated.

    Lines of text, since rich's tables take seconds for the cells of 500 models.
    """
    from rich.text import Text

    names = [textwrap.wrap(named(row), MODEL_WIDTH) for row in board.rows]
    ranks = [rank(row) for row in board.rows]
    first = max(map(len, ranks)) + 1
    room = width - first - max(len(part) for name in names for part in name)
    parts: list[list[_Line]] = []
    left = 0
    for line in lines:
        needs = GAP + max(line.width, len(line.header))
        if needs > left or not parts:
            parts.append([])
            left = room
        parts[-1].append(line)
        left -= needs
    shown: list[RenderableType] = []
    for part in parts:
        widths = [max(line.width, len(line.header)) for line in part]
        heads = [Text(line.header) for line in part]
        shown += _row("", ["model"], heads, part, widths, first, width - room - first, style="bold")
        shown.append(Text("─" * min(width, width - room + sum(GAP + wide for wide in widths)), no_wrap=True))
        for place, row in enumerate(board.rows):
            cells = [line.cells[place] for line in part]
            style = "" if row.is_model else "bright_black"
            shown += _row(ranks[place], names[place], cells, part, widths, first, width - room - first, style=style)
        shown.append(Text(""))
    return shown


def _row(
    place: str,
    name: Sequence[str],
    cells: Sequence[Text],
    part: Sequence[_Line],
    widths: Sequence[int],
    first: int,
    second: int,
    *,
    style: str,
) -> list[Text]:
    """The lines of a row: rank, name, and cells of one or more lines each."""
    from rich.text import Text

    columns = [cell.plain.split("\n") for cell in cells]
    found = []
    for at in range(max(len(name), *map(len, columns))):
        text = Text(f"{place if at == 0 else '':>{first - 1}} ", style=style, no_wrap=True, overflow="ignore")
        text.append(f"{name[at] if at < len(name) else '':<{second}}")
        for column, cell, line, wide in zip(columns, cells, part, widths, strict=True):
            words = column[at] if at < len(column) else ""
            pad = " " * (wide - len(words))
            text.append(" " * GAP + (pad if line.numeric else ""))
            text.append(words, style=cell.style if at == 0 else SMALL)
            text.append("" if line.numeric else pad)
        text.rstrip()
        found.append(text)
    return found


def _styled(cell: Text, row: BoardRow) -> Text:
    """What is no model is grey."""
    shown = cell.copy()
    if not row.is_model:
        shown.style = "bright_black"
    return shown


def _empty_table() -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, GAP - 1, 0, 0), pad_edge=False)


def _score(cell: Cell | None) -> Text:
    from rich.text import Text

    text = Text(number(cell), style={"best": "bold", "second": "underline"}.get((cell and cell.place) or "", ""))
    for line in small_print(cell, INTERVAL_DIGITS):
        text.append(f"\n{line}", style=SMALL)
    return text
