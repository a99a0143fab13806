"""Boards in the terminal: as many columns as fit, then the rest below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reports.board import Board, BoardRow, Cell
from reports.tables import FACT_HEADERS, facts, headers, legend, named, number, rank, small_print, title

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table
    from rich.text import Text

MODEL_WIDTH = 24
PADDING = 3
NUMBERS = 5
"""How many of the facts are numbers; the others are words."""


def to_terminal(boards: Sequence[Board], width: int) -> RenderableType:
    """A table per board; one that is too wide is cut into several, each with rank and model.

    Args:
        boards: what to show.
        width: characters per line.
    """
    from rich.console import Group

    return Group(*(table for board in boards for table in _tables(board, width)))


def _tables(board: Board, width: int) -> list[RenderableType]:
    from rich.text import Text

    scores = [
        (header, [_score(row.cells.get(key)) for row in board.rows])
        for header, key in zip(headers(board), board.keys, strict=True)
    ]
    known = list(zip(*map(facts, board.rows), strict=True))
    told = [
        (header, [Text(value) for value in values])
        for header, values in zip(FACT_HEADERS[:NUMBERS], known[:NUMBERS], strict=True)
        if any(value not in ("", "0") for value in values)
    ]
    used = 8 + min(MODEL_WIDTH, max(len(named(row)) for row in board.rows)) + PADDING
    parts: list[list[tuple[str, list[Text]]]] = [[]]
    room = width - used
    for column in [*scores, *told]:
        needs = PADDING + min(max(len(column[0]), *(max(map(len, cell.plain.split("\n"))) for cell in column[1])), 40)
        if needs > room and parts[-1]:
            parts.append([])
            room = width - used
        parts[-1].append(column)
        room -= needs
    tables = [_table(board.rows, columns) for columns in parts]
    tables[0].title = Text(title(board))
    remarks = [f"{row.name}: {remark}" for row in board.rows if (remark := _remark(row))]
    return [*tables, Text("\n".join([*legend(board), *remarks, ""]), style="dim")]


def _remark(row: BoardRow) -> str:
    """What cannot be said in a narrow column."""
    return "; ".join([*row.flags, *filter(None, [row.trained_on and f"trained on {row.trained_on}", row.note])])


def _table(rows: Sequence[BoardRow], columns: Sequence[tuple[str, list[Text]]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(title_justify="left", title_style="bold")
    table.add_column("", justify="right")
    table.add_column("model", overflow="fold", max_width=MODEL_WIDTH)
    for header, _ in columns:
        table.add_column(header, justify="right", no_wrap=True)
    for place, row in enumerate(rows):
        cells = [values[place] for _, values in columns]
        table.add_row(rank(row), Text(named(row)), *cells, style=None if row.is_model else "bright_black")
    return table


def _score(cell: Cell | None) -> Text:
    from rich.text import Text

    text = Text(number(cell), style={"best": "bold", "second": "underline"}.get((cell and cell.place) or "", ""))
    for line in small_print(cell):
        text.append(f"\n{line}", style="not bold not underline dim")
    return text
