"""Boards as LaTeX (booktabs), to \\input into a paper."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reports.board import Board, BoardRow, Cell
from reports.tables import headers, legend, named, number, small_print, title

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
"""What fits over two columns of a paper; the rest goes into a second tabular."""
LONG = 12
"""Letters; a longer header is broken."""
PREAMBLE = "% needs \\usepackage{booktabs,xcolor}"


def to_latex(boards: Sequence[Board]) -> str:
    """A table per board: best bold, second underlined, intervals as small print, what is no model grey."""
    return "\n\n".join([PREAMBLE, *map(_table, boards)]) + "\n"


def escaped(text: str) -> str:
    """Text that LaTeX prints as it is; a letter that pdfLaTeX may not know becomes a question mark."""
    return "".join(ESCAPES.get(letter, letter if letter.isascii() and letter.isprintable() else "?") for letter in text)


def _table(board: Board) -> str:
    remarks = {row.name: "; ".join(filter(None, [*row.flags, row.note])) for row in board.rows}
    notes = [f"{name}: {remark}." for name, remark in remarks.items() if remark]
    caption = " ".join([f"{title(board)}.", *legend(board, ranks=False), *notes])
    columns = list(zip(board.keys, headers(board), strict=True))
    parts = [_tabular(board, columns[start : start + MAX_COLUMNS]) for start in range(0, len(columns), MAX_COLUMNS)]
    lines = [
        "\\begin{table*}",
        "\\centering\\footnotesize\\setlength{\\tabcolsep}{2.5pt}",
        f"\\caption{{{escaped(caption)}}}",
        "\n\n\\medskip\n".join(parts),
        "\\end{table*}",
    ]
    return "\n".join(lines)


def _tabular(board: Board, columns: Sequence[tuple[str, str]]) -> str:
    """Some (key, header) columns of a board."""
    keys = [key for key, _ in columns]
    models = [line for row in board.rows if row.is_model for line in _lines(row, keys)]
    beside = [line for row in board.rows if not row.is_model for line in _lines(row, keys)]
    lines = [
        f"\\begin{{tabular}}{{l{'r' * len(columns)}}}",
        "\\toprule",
        _row(["Model", *(_header(header) for _, header in columns)]),
        "\\midrule",
        *models,
        *(["\\midrule"] if models and beside else []),
        *beside,
        "\\bottomrule",
        "\\end{tabular}",
    ]
    return "\n".join(lines)


def _lines(row: BoardRow, keys: Sequence[str]) -> list[str]:
    """The row of values and, where there are any, the row of intervals under it."""
    cells = [row.cells.get(key) for key in keys]
    grey = (lambda text: f"\\textcolor{{gray}}{{{text}}}" if text else "") if not row.is_model else str
    lines = [_row([grey(escaped(named(row))), *(grey(_value(cell)) for cell in cells)])]
    small = [small_print(cell) for cell in cells]
    for level in range(max(map(len, small), default=0)):
        words = [f"{{\\tiny {escaped(text[level])}}}" if level < len(text) else "" for text in small]
        lines.append(_row(["", *map(grey, words)]))
    return lines


def _header(header: str) -> str:
    """A column's header; a long one is broken at its hyphens and underscores."""
    if len(header) <= LONG:
        return escaped(header)
    return (
        "\\shortstack[r]{\\rule{0pt}{2.2ex}"
        + "\\\\".join(escaped(part) for part in re.split(r"(?<=[_-])", header))
        + "}"
    )


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells).rstrip() + " \\\\"


def _value(cell: Cell | None) -> str:
    if cell is None:
        return ""
    text = escaped(number(cell))
    return {"best": f"\\textbf{{{text}}}", "second": f"\\underline{{{text}}}", None: text}[cell.place]
