"""Boards as LaTeX (booktabs), to \\input into a paper."""

from __future__ import annotations

from collections.abc import Sequence

from reports.board import Board, BoardRow, Cell
from reports.tables import headers, interval, legend, number, title

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
PREAMBLE = "% needs \\usepackage{booktabs,xcolor}"


def to_latex(boards: Sequence[Board]) -> str:
    """A table a board: best bold, second underlined, intervals as small print, floors grey."""
    return "\n\n".join([PREAMBLE, *map(_table, boards)]) + "\n"


def escaped(text: str) -> str:
    """Text that LaTeX prints as it is; a letter that pdfLaTeX may not know becomes a question mark."""
    return "".join(ESCAPES.get(letter, letter if letter.isascii() and letter.isprintable() else "?") for letter in text)


def _table(board: Board) -> str:
    models = [line for row in board.rows if not row.floor for line in _lines(board, row)]
    floors = [line for row in board.rows if row.floor for line in _lines(board, row)]
    notes = [
        f"{row.name}: {'; '.join(said)}."
        for row in board.rows
        if (said := [*row.flags, *([row.note] * bool(row.note))])
    ]
    caption = " ".join([f"{title(board)}.", *legend(board), *notes])
    lines = [
        "\\begin{table*}",
        "\\centering\\small",
        f"\\caption{{{escaped(caption)}}}",
        f"\\begin{{tabular}}{{l{'r' * len(board.keys)}}}",
        "\\toprule",
        _row(["Model", *map(escaped, headers(board))]),
        "\\midrule",
        *models,
        *(["\\midrule"] if models and floors else []),
        *floors,
        "\\bottomrule",
        "\\end{tabular}",
        "\\end{table*}",
    ]
    return "\n".join(lines)


def _lines(board: Board, row: BoardRow) -> list[str]:
    """The row of values and, where there are any, the row of intervals under it."""
    cells = [row.cells.get(key) for key in board.keys]
    grey = (lambda text: f"\\textcolor{{gray}}{{{text}}}" if text else "") if row.floor else str
    lines = [_row([grey(escaped(row.name)), *(grey(_value(cell)) for cell in cells)])]
    if any(interval(cell) for cell in cells):
        small = [f"{{\\tiny {interval(cell)}}}" if interval(cell) else "" for cell in cells]
        lines.append(_row(["", *map(grey, small)]))
    return lines


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells).rstrip() + " \\\\"


def _value(cell: Cell | None) -> str:
    if cell is None:
        return ""
    text = escaped(number(cell))
    return {"best": f"\\textbf{{{text}}}", "second": f"\\underline{{{text}}}", None: text}[cell.place]
