"""Boards as CSV and Markdown, and the words that every kind of table uses. Rounding happens here, not before."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from benchmarks.files.formulas import guarded
from benchmarks.records.scores import MOVED_BY_EMPTY_TEXTS
from benchmarks.wording import rate_in_words
from reports.board import Board, BoardRow, Cell
from reports.leaderboard import COUNTS, NAME, RUN, empty_note, metric_columns

TIE = "†"
OTHER = "‡"
UNRANKED = "–"
INTERVAL_DIGITS = 1
"""Of the ends of an interval where there is little room."""
PROTOCOL = "protocol"
NUMBERS = ("n", "failed", "empty", "truncated", "studies/min")
WORDS = ("trained on", "notes")


def to_csv(boards: Sequence[Board]) -> str:
    """One table over all boards, full precision: key, low and high in columns each; guarded for spreadsheets."""
    keys = metric_columns(dict.fromkeys(key for board in boards for key in board.keys))
    ends = [column for key in keys for column in (key, f"{key} low", f"{key} high")]
    shares = [f"{key} empty" for key in keys if key.startswith(MOVED_BY_EMPTY_TEXTS)]
    limited = ("limit",) if any(board.limit for board in boards) else ()
    before = ("suite", "protocol", *limited, "rank", NAME, "kind")
    columns = [*before, *ends, *shares, *COUNTS, "studies_per_minute", "trained_on", "note", "flags", RUN]
    stream = io.StringIO()
    table = csv.DictWriter(stream, columns, restval="", extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    for board in boards:
        for row in board.rows:
            cells: dict[str, object] = {}
            for key, cell in row.cells.items():
                cells |= {key: cell.value, f"{key} low": cell.low, f"{key} high": cell.high}
                if cell.empty_share is not None:
                    cells[f"{key} empty"] = cell.empty_share
            facts: dict[str, object] = {
                "suite": board.suite,
                "protocol": row.protocol if board.across_protocols else board.protocol,
                "limit": board.limit,
                "rank": row.rank,
                NAME: row.name,
                "kind": row.kind,
                "studies_per_minute": row.studies_per_minute,
                "trained_on": row.trained_on,
                "note": row.note,
                "flags": "; ".join(row.flags),
                RUN: row.run,
            }
            table.writerow({name: guarded(value) for name, value in (facts | cells | dict(row.counts)).items()})
    return stream.getvalue()


def to_markdown(boards: Sequence[Board]) -> str:
    """A table per board: best bold, second underlined, intervals small below the value."""
    return "\n".join(line for board in boards for line in _markdown_lines(board)).rstrip() + "\n"


def _markdown_lines(board: Board) -> list[str]:
    rows = [
        [
            rank(row),
            _markdown(row.name) if row.is_model else f"*{_markdown(named(row))}*",
            *(_markdown_cell(row.cells.get(key)) for key in board.keys),
            *map(_markdown, facts(row, board)),
        ]
        for row in board.rows
    ]
    known = fact_headers(board)
    header = ["", "Model", *headers(board), *known]
    ruler = ["---:", ":---", *["---:"] * len(board.keys), *("---:" if name in NUMBERS else ":---" for name in known)]
    lines = [f"### {_markdown(title(board))}", "", *(f"| {' | '.join(row)} |" for row in [header, ruler, *rows]), ""]
    return [*lines, *(f"- {_markdown(line)}" for line in legend(board)), ""]


def _markdown_cell(cell: Cell | None) -> str:
    if cell is None:
        return ""
    text = {"best": "**{}**", "second": "<u>{}</u>", None: "{}"}[cell.place].format(number(cell))
    return text + "".join(f"<br><sub>{line}</sub>" for line in small_print(cell))


def _markdown(text: str) -> str:
    """Text that Markdown and the HTML in it leave as it is."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", " ".join(escaped.split()))


def title(board: Board) -> str:
    """What a board is about."""
    if board.across_protocols:
        how = "all protocols"
    elif board.protocol is not None:
        how = f"protocol {board.protocol}"
    else:
        how = "texts made elsewhere" if any(row.is_model for row in board.rows) else "no model"
    part = "" if board.limit is None else f" (only the first {board.limit})"
    return f"{board.suite}{part}, {how}, sorted by {board.sort}"


def named(row: BoardRow) -> str:
    """A row's name; a ceiling says that it is one."""
    return f"{row.name} (ceiling)" if row.kind == "ceiling" else row.name


def rank(row: BoardRow) -> str:
    """1, or 1= where others share it."""
    return UNRANKED if row.rank is None else f"{row.rank}{'=' if row.shared else ''}"


def number(cell: Cell | None) -> str:
    """The value with its marks."""
    if cell is None:
        return ""
    return f"{cell.value:.2f}{TIE if cell.tied else ''}{OTHER if cell.other_signature else ''}"


def small_print(cell: Cell | None, digits: int = 2) -> list[str]:
    """What is shown below the value: the 95 % interval, and the share of empty texts if they dominate it."""
    if cell is None:
        return []
    lines = [] if cell.low is None or cell.high is None else [f"[{cell.low:.{digits}f}, {cell.high:.{digits}f}]"]
    return lines if cell.empty_share is None else [*lines, empty_note(cell.empty_share)]


def fact_headers(board: Board) -> list[str]:
    """The columns after the scores."""
    return [*([PROTOCOL] if board.across_protocols else []), *NUMBERS, *WORDS]


def facts(row: BoardRow, board: Board) -> list[str]:
    """The columns after the scores: protocol, counts, throughput, training data, and notes about the model."""
    speed = "" if row.studies_per_minute is None else rate_in_words(row.studies_per_minute)
    counts = [str(row.counts[name]) if row.counts else "" for name in COUNTS]
    notes = "; ".join([*row.flags, *([row.note] if row.note else [])])
    return [*([row.protocol] if board.across_protocols else []), *counts, speed, row.trained_on, notes]


def legend(board: Board, *, ranks: bool = True) -> list[str]:
    """What the marks of a board mean; only those that occur.

    Args:
        board: the board.
        ranks: whether the ranks are shown.
    """
    cells = [cell for row in board.rows for cell in row.cells.values()]
    lines = []
    if any(cell.low is not None for cell in cells):
        lines.append("Brackets: 95 % interval.")
    if any(cell.tied for cell in cells):
        lines.append(f"{TIE} a paired test cannot tell it apart from the best.")
    if not board.tested and sum(row.rank is not None for row in board.rows) > 1:
        lines.append("Ties were not tested.")
    if any(cell.other_signature for cell in cells):
        lines.append(f"{OTHER} computed in another way than the rest of its column, so not compared with it.")
    if ranks and any(row.rank is None and row.is_model for row in board.rows):
        lines.append(f"{UNRANKED} not ranked, since it cannot be compared.")
    return lines


def headers(board: Board) -> list[str]:
    """The columns of scores, with their direction."""
    return [f"{key} {'↑' if higher else '↓'}" for key, higher in board.keys.items()]
