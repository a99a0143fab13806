"""Numbers as colours: rows by columns, each cell with its number."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from reports.figure import COLUMN_INCHES, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW_INCHES = 0.22
DARK = 0.6
"""Share of the range from which on numbers are white."""


@styled
def heat_map(
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float | None]],
    *,
    label: str,
    largest: float,
    groups: Sequence[str] = (),
) -> Figure:
    """A heat map over two columns of a paper.

    Args:
        rows: their names, from top to bottom.
        columns: their names.
        values: for each row one value per column; None: an empty cell.
        label: what the numbers are.
        largest: the value of the darkest colour.
        groups: for each column the group that it belongs to; groups have headings, and lines between them.
    """
    import numpy as np
    from matplotlib.figure import Figure

    figure = Figure(figsize=(COLUMN_INCHES[2], 1.5 + ROW_INCHES * len(rows)))
    axes = figure.add_subplot()
    shown = np.array([[np.nan if value is None else value for value in row] for row in values], dtype=float)
    axes.imshow(np.clip(shown, 0, largest), cmap="Blues", vmin=0, vmax=largest, aspect="auto")
    for y, row in enumerate(values):
        for x, value in enumerate(row):
            if value is not None:
                colour = "white" if value > DARK * largest else "black"
                axes.text(x, y, f"{value:.0f}", ha="center", va="center", fontsize=6.5, color=colour)
    start = 0
    for group, members in groupby(groups):
        end = start + len(list(members))
        middle = (start + end - 1) / 2
        axes.annotate(
            group, (middle, 1), (0, 2), xycoords=("data", "axes fraction"), textcoords="offset points", ha="center",
            va="bottom", fontsize=7,
        )  # fmt: skip
        if start:
            axes.axvline(start - 0.5, color="black", linewidth=0.8)
        start = end
    axes.set_xticks(range(len(columns)), columns, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_title(label, pad=14 if groups else None)
    return figure
