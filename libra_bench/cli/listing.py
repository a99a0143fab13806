"""Lists: one line per item, as wide as the terminal; tab-separated, one header line, where stdout is no terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

INDENT = "  "
GAP = 2
MIN_ABOUT = 16
"""Characters; where less is left of a line, it has no description."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a list."""

    name: str
    whole: str = ""
    """What is typed or looked up: a hub id, a command, a version. Never cut."""
    about: str = ""
    """A description: cut at a word where the line ends."""
    dim: bool = False
    """Whether it does not work here."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list for the screen, and the same as a table for programs."""

    summary: str
    groups: Mapping[str, Sequence[Item]]
    """Heading -> items; a heading without items is not shown."""
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    """Everything that is known, for a program that reads it."""
    notes: Sequence[str] = ()
    """Below the list."""

    def on_screen(self, width: int) -> Text:
        """The summary, then each group with one line per item."""
        from rich.text import Text

        shown = {heading: items for heading, items in self.groups.items() if items}
        one_column = _widest_name([item for items in shown.values() for item in items], width)
        lines = [Text(line, style="bold") for line in wrapped(self.summary, width)]
        for heading, items in shown.items():
            lines += [Text(), *(Text(line, style="bold") for line in wrapped(heading, width))]
            whole = max(len(item.whole) for item in items)
            names = one_column or max(len(item.name) for item in items)
            lines += [_line(item, names, whole, width) for item in items]
        if self.notes:
            lines.append(Text())
        lines += [Text(line) for note in self.notes for line in wrapped(note, width)]
        return Text("\n").join(lines)

    def as_table(self) -> str:
        """Tab-separated text with a header."""
        return tab_separated([self.columns, *self.rows])


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything about one item: a name and a text per fact; a fact without a text is not shown."""

    facts: Mapping[str, str]
    shown: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "shown", {name: text for name, text in self.facts.items() if text})

    def on_screen(self, width: int) -> Text:
        """A line per fact, long ones wrapped at words under their beginning."""
        from rich.text import Text

        names = max(map(len, self.shown))
        lines = []
        for name, text in self.shown.items():
            parts = [part for line in text.splitlines() for part in wrapped(line, width - names - GAP, indent="")]
            for place, part in enumerate(parts):
                lines.append(
                    Text((name if place == 0 else "").ljust(names + GAP), style="bold").append(part, "not bold")
                )
        return Text("\n").join(lines)

    def as_table(self) -> str:
        """A line per fact: name, tab, text."""
        return tab_separated(self.shown.items())


def wrapped(text: str, width: int, indent: str = INDENT) -> list[str]:
    """Lines of at most `width` characters, broken between words only; those after the first are indented."""
    found = textwrap.wrap(
        text, max(width, 20), subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return found or [""]


def tab_separated(rows: Iterable[Iterable[object]]) -> str:
    """One line per row; a tab or line break inside a cell is a space."""
    return "".join("\t".join(" ".join(str(cell).split()) for cell in row) + "\n" for row in rows)


def grouped(items: Iterable[tuple[str, Item]], order: Iterable[str] = ()) -> dict[str, list[Item]]:
    """Items by heading: in this order first, then as they come."""
    groups: dict[str, list[Item]] = {heading: [] for heading in order}
    for heading, item in items:
        groups.setdefault(heading, []).append(item)
    return groups


def _widest_name(items: Sequence[Item], width: int) -> int | None:
    """The width of the names; None: with it, something that is whole would not fit, so each group has its own."""
    names = max((len(item.name) for item in items), default=0)
    fits = all(len(INDENT) + names + GAP + len(item.whole) <= width for item in items)
    return names if fits else None


def _line(item: Item, names: int, whole: int, width: int) -> Text:
    from rich.text import Text

    line = Text(INDENT, style="dim" if item.dim else "").append(item.name.ljust(names), "" if item.dim else "cyan")
    if whole:
        line.append(" " * GAP + item.whole.ljust(whole))
    room = width - len(line.plain) - GAP
    if item.about and room >= MIN_ABOUT:
        line.append(" " * GAP + textwrap.shorten(item.about, room, placeholder=" …"))
    line.rstrip()
    return line
