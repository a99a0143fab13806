"""Boards as LaTeX (booktabs), to \\input into a paper."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reports.board import Board, BoardRow, Cell
from reports.labels import score_label
from reports.tables import legend, named, number, small_print, title

ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "†": r"$^\dagger$",
    "‡": r"$^\ddagger$",
    "–": "--",
    "\n": " ",
}
MAX_COLUMNS = 8
"""What fits over two columns of a paper; a table of more has its columns in rows."""
LONG = 12
"""Letters; a longer header is broken."""
FIT = r"\resizebox{\ifdim\width>\textwidth\textwidth\else\width\fi}{!}"
"""Smaller where it is wider than the page."""
PREAMBLE = "% needs \\usepackage{booktabs,graphicx,xcolor}"


def to_latex(boards: Sequence[Board], *, mark_best: bool = False) -> str:
    """One table per board, with caption and label; intervals as small print, what is no model grey.

    Models are in rows, or in columns where the scores are too many to stand side by side.

    Args:
        boards: what to write.
        mark_best: the best of a column bold, the second underlined.
    """
    return "\n\n".join([PREAMBLE, *(_table(board, mark_best=mark_best) for board in boards)]) + "\n"


def escaped(text: str) -> str:
    """Text that LaTeX prints as it is; a letter that pdfLaTeX may not know becomes a question mark."""
    return "".join(ESCAPES.get(letter, letter if letter.isascii() and letter.isprintable() else "?") for letter in text)


def _table(board: Board, *, mark_best: bool) -> str:
    remarks = {row.name: "; ".join(filter(None, [*row.flags, row.note])) for row in board.rows}
    notes = [f"{name}: {remark}." for name, remark in remarks.items() if remark]
    marks = ["Bold: best; underlined: second."] if mark_best else []
    caption = " ".join([f"{title(board)}.", *legend(board, ranks=False), *marks, *notes])
    tabular = _by_model if len(board.keys) <= MAX_COLUMNS else _by_metric
    lines = [
        "\\begin{table*}",
        "\\centering\\footnotesize\\setlength{\\tabcolsep}{2.5pt}",
        f"\\caption{{{escaped(caption)}}}",
        f"\\label{{{_label(board)}}}",
        "\\smallskip",
        FIT + "{%\n" + tabular(board, mark_best=mark_best) + "}",
        "\\end{table*}",
    ]
    return "\n".join(lines)


def _names(board: Board) -> list[str]:
    """The scores as a reader knows them, with their direction."""
    return [f"{score_label(key).partition(' (')[0]} {'↑' if higher else '↓'}" for key, higher in board.keys.items()]


def _label(board: Board) -> str:
    """`tab:findings-greedy`: letters, digits and hyphens of what the board is about."""
    parts = [board.suite, board.protocol or "", "" if board.limit is None else f"first-{board.limit}"]
    words = re.sub(r"[^A-Za-z0-9]+", "-", "-".join(filter(None, parts))).strip("-")
    return f"tab:{words or 'leaderboard'}"


def _by_model(board: Board, *, mark_best: bool) -> str:
    across = ["Protocol"] if board.across_protocols else []
    models = [line for row in board.rows if row.is_model for line in _lines(row, board, mark_best=mark_best)]
    beside = [line for row in board.rows if not row.is_model for line in _lines(row, board, mark_best=mark_best)]
    return "\n".join(
        [
            f"\\begin{{tabular}}{{l{'l' * len(across)}{'r' * len(board.keys)}}}",
            "\\toprule",
            _row(["Model", *across, *map(_header, _names(board))]),
            "\\midrule",
            *models,
            *(["\\midrule"] if models and beside else []),
            *beside,
            "\\bottomrule",
            "\\end{tabular}",
        ]
    )


def _by_metric(board: Board, *, mark_best: bool) -> str:
    """Scores in rows, models in columns, intervals below their values."""
    names = [_grey(row, _header(named(row))) for row in board.rows]
    protocols = [_row(["", *(_grey(row, escaped(row.protocol)) for row in board.rows)])]
    lines = []
    for key, header in zip(board.keys, _names(board), strict=True):
        cells = [row.cells.get(key) for row in board.rows]
        lines += _with_small_print(escaped(header), cells, board.rows, mark_best=mark_best)
    return "\n".join(
        [
            f"\\begin{{tabular}}{{l{'r' * len(board.rows)}}}",
            "\\toprule",
            _row(["", *names]),
            *(protocols if board.across_protocols else []),
            "\\midrule",
            *lines,
            "\\bottomrule",
            "\\end{tabular}",
        ]
    )


def _lines(row: BoardRow, board: Board, *, mark_best: bool) -> list[str]:
    """The row of values and, where there are any, the row of intervals under it."""
    cells = [row.cells.get(key) for key in board.keys]
    rows = [row] * len(cells)
    first = _grey(row, escaped(named(row)))
    if board.across_protocols:
        first += f" & {_grey(row, escaped(row.protocol))}"
    lines = _with_small_print(first, cells, rows, mark_best=mark_best)
    empty = " &" if board.across_protocols else ""
    return [lines[0], *(empty + line for line in lines[1:])]


def _with_small_print(
    first: str, cells: Sequence[Cell | None], rows: Sequence[BoardRow], *, mark_best: bool
) -> list[str]:
    lines = [
        _row([first, *(_grey(row, _value(cell, mark_best=mark_best)) for row, cell in zip(rows, cells, strict=True))])
    ]
    small = [small_print(cell) for cell in cells]
    for level in range(max(map(len, small), default=0)):
        words = [f"{{\\tiny {escaped(text[level])}}}" if level < len(text) else "" for text in small]
        lines.append(_row(["", *(_grey(row, word) for row, word in zip(rows, words, strict=True))]))
    return lines


def _grey(row: BoardRow, text: str) -> str:
    return text if row.is_model or not text else f"\\textcolor{{gray}}{{{text}}}"


def _header(header: str) -> str:
    """A column's header; a long one is broken at its hyphens and underscores."""
    if len(header) <= LONG:
        return escaped(header)
    return (
        "\\shortstack[r]{\\rule{0pt}{2.2ex}"
        + "\\\\".join(escaped(part) for part in re.split(r"(?<=[_-])| (?![↑↓])", header))
        + "}"
    )


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells).rstrip() + " \\\\"


def _value(cell: Cell | None, *, mark_best: bool) -> str:
    if cell is None:
        return ""
    text = escaped(number(cell))
    place = cell.place if mark_best else None
    return {"best": f"\\textbf{{{text}}}", "second": f"\\underline{{{text}}}", None: text}[place]
