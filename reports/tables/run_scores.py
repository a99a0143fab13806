"""The scores of one run on the terminal."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.records.scores import CEILING, Score, Scores
from benchmarks.wording import studies
from reports.leaderboard import COUNTS, empty_note

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
    from rich.measure import Measurement

POINTS_IN_SHORT = {"shuffled-references": "shuffled", CEILING: "reader"}
POINT_WORDS = {
    "empty": "empty texts",
    "shuffled-references": "reports of other patients (shuffled)",
    "constant": "one report for all (constant)",
    CEILING: "one reference against the others (reader)",
}
"""Reference point -> the texts that are scored."""
REACHED = "!"
"""Marks a reference point that is as good as the model."""


def as_table(scores: Scores) -> Group:
    """The scores of one run for the terminal: value, 95 % interval, direction, reference points; counts below it.

    A reference point (what an empty or a shuffled text scores) that is as good as the value is red.
    """
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    with_intervals = any(entry.low is not None for entry in scores.scores)
    points = {point.name: point.scores for point in scores.reference_points}
    table = Table(
        title=Text(f"{scores.model} on {scores.suite}"),
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("metric")
    table.add_column("value", justify="right", no_wrap=True)
    if with_intervals:
        table.add_column("95 % CI", justify="right", no_wrap=True)
    for name in points:
        table.add_column(Text(POINTS_IN_SHORT.get(name, name)), justify="right", no_wrap=True, style="bright_black")
    as_good = False
    for entry in scores.scores:
        value = "undefined" if entry.value is None else f"{entry.value:.2f}"
        if (share := scores.empty_share_in(entry.key)) is not None:
            value += f" ({empty_note(share)})"
        cells: list[RenderableType] = [
            Hyphenated(f"{entry.key}\xa0{'↑' if entry.higher_is_better else '↓'}"),
            Text(value),
        ]
        if with_intervals:
            cells.append(Text("" if entry.low is None else f"{entry.low:.2f}–{entry.high:.2f}"))
        for name, values in points.items():
            point = values.get(entry.key)
            reached = name != CEILING and _as_good(point, entry)
            as_good |= reached
            shown = "" if point is None else f"{point:.1f}{REACHED if reached else ''}"
            cells.append(Text(shown, style="red" if reached else ""))
        table.add_row(*cells)
    counts = ", ".join(f"{n} {name.removeprefix('n_')}" for name in COUNTS[1:] if (n := getattr(scores, name)))
    caption = studies(scores.n) + (f", of them {counts}" if counts else ", none failed, empty or truncated")
    if points:
        caption += f"\nbeside each value: what {', '.join(POINT_WORDS.get(name, name) for name in points)} score"
    if as_good:
        caption += f"\n{REACHED} such texts score as well as the model"
    if scores.n_without_reference:
        caption += f"; {scores.n_without_reference} more without a reference were left out"
    for lacking in scores.unavailable:
        caption += f"\nnot run: {lacking.metric} ({lacking.reason}; {lacking.remedy})"
    for metric, reason in scores.not_applicable.items():
        caption += f"\nnothing to measure: {metric} ({reason})"
    return Group(table, Text(caption, style="table.caption"))  # as a caption of the table it would be as narrow


def _as_good(point: float | None, entry: Score) -> bool:
    """Whether a reference point reaches a value, which is not zero itself."""
    if point is None or not entry.value:
        return False
    return point >= entry.value if entry.higher_is_better else point <= entry.value


@dataclass(frozen=True, slots=True)
class Hyphenated:
    """A name that is broken at its hyphens, where it must be; no-break spaces are shown as spaces."""

    name: str

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """As wide as its longest part, at least."""
        from rich.measure import Measurement

        return Measurement(max(map(len, textwrap.wrap(self.name, 1, break_long_words=False))), len(self.name))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Its lines; those after the first are indented."""
        from rich.text import Text

        yield Text("\n".join(textwrap.wrap(self.name, options.max_width, subsequent_indent="  ")).replace("\xa0", " "))
