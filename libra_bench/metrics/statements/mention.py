"""One finding named in a sentence, what is said of it, and the statements that this makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from libra_bench.metrics.statements.lexicon.entry import Entry
from libra_bench.metrics.statements.lexicon.modifiers import GRADE_ORDER, SEVERITIES
from libra_bench.metrics.statements.statement import Category, Change, Presence, Severity, Side, Statement

What: TypeAlias = Literal[
    "change", "change-weak", "grade", "grade-was", "grade-now", "size", "size-was", "size-now",
    "sign", "no-sign", "normal", "denied", "doubted", "open",
]  # fmt: skip

_TIMED = frozenset({"grade-was", "grade-now", "size-was", "size-now"})
_MAX_SAID = 64
_MAX_NEIGHBOURS = 8
"""How far along a list a side is looked for."""
_DIRECTIONS: dict[str, Change] = {"better": "smaller", "worse": "larger", "increased": "larger", "decreased": "smaller"}
_REVERSED: dict[str, Change] = {"larger": "smaller", "smaller": "larger"}


@dataclass(slots=True, eq=False)
class Said:
    """One thing said of a finding; of one side alone, where `sides` is not empty."""

    what: What
    value: str | float = ""
    sides: list[Side] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Mention:
    """A finding, a structure or a device in a sentence; without an entry, what "it" or "the left" refers to."""

    entry: Entry | None
    start: int
    end: int
    sides: list[Side] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    neighbour: Mention | None = None
    """Whose side it takes where it has none."""
    explains: bool = False
    """Named as the reason of another finding."""
    elided: bool = False
    """Not named here ("the left is unchanged"): nothing is stated but what is said."""

    def has(self, *what: What) -> bool:
        """Whether any of these is said."""
        return any(it.what in what for it in self.said)

    def add(self, what: What, value: str = "") -> None:
        """Says it once."""
        if not any(it.what == what and it.value == value for it in self.said):
            self.tell(Said(what, value))

    def tell(self, *said: Said) -> None:
        """States it; at most `_MAX_SAID` statements about one finding."""
        self.said.extend(said[: _MAX_SAID - len(self.said)] if len(self.said) < _MAX_SAID else ())

    @property
    def is_finding(self) -> bool:
        """No structure, no device, no pronoun."""
        return self.entry is not None and self.entry.kind == "finding"

    @property
    def is_device(self) -> bool:
        """A device, or what an operation has left behind."""
        return self.entry is not None and self.entry.kind == "device"

    @property
    def is_structure(self) -> bool:
        """A structure, or the whole study."""
        return self.entry is not None and self.entry.kind in {"structure", "study"}

    def own_sides(self) -> list[Side]:
        """Its sides, or those of its neighbour."""
        mention: Mention | None = self
        if not self.sides and self.entry is not None and self.entry.takes_no_side:
            return []
        for _ in range(_MAX_NEIGHBOURS):
            if mention is None or mention.sides:
                break
            mention = mention.neighbour
        return mention.sides if mention is not None else []

    def all_sides(self) -> list[Side]:
        """Its sides, or those that something is said of."""
        return self.own_sides() or [*dict.fromkeys(side for it in self.said for side in it.sides)]

    def statements(self, offset: int, entry: Entry, inherited: Sequence[Side] = ()) -> Iterator[Statement]:
        """Its statements as those of `entry`; offsets are moved by `offset`."""
        if entry.also is not None:
            yield from self.statements(offset, entry.also, inherited)
        own: list[Side | None] = [*dict.fromkeys(self.own_sides() or inherited)]
        if entry.kind == "study" and own:  # "the right chest XXXX" is a device
            return
        if entry.midline and (len(own) == 2 or entry.kind == "finding"):
            own = []
        told = [side for it in self.said for side in it.sides]
        sides = own or [*dict.fromkeys(told)] or [None]
        for side in sorted(sides, key=lambda side: side or ""):
            said = [it for it in self.said if not it.sides or side in it.sides or not set(it.sides) & set(own or told)]
            for name, category, presence in _presences(entry, said):
                change = _change(entry, said)
                if presence == "absent" and change != "resolved" and entry.kind in {"finding", "device"}:
                    change = change if entry.normal else None  # what is not there does not change
                severity = None if presence == "absent" or category == "Support Devices" else _severity(said)
                yield Statement(
                    name, category, presence, side, severity, change, offset + self.start, offset + self.end
                )


def _presences(entry: Entry, said: Sequence[Said]) -> Iterator[tuple[str, Category | None, Presence]]:
    """(name, category, presence) of each thing that is stated; nothing where a structure is only named."""
    what = {it.what for it in said}
    change = _change(entry, said)
    positive: Presence = "uncertain" if what & {"doubted", "open"} else "present"
    if entry.kind in {"structure", "study"}:
        yield from _of_structure(entry, said, change, positive)
    elif entry.normal:
        yield entry.name, entry.category, "present" if "denied" in what else "absent"
    else:
        gone = what & {"denied", "normal"} or change == "resolved"
        yield entry.name, entry.category, "absent" if gone else positive


def _of_structure(
    entry: Entry, said: Sequence[Said], change: Change | None, positive: Presence
) -> Iterator[tuple[str, Category | None, Presence]]:
    """What its signs make of a structure; one that is only said to have changed counts as absent, unless it grew."""
    what = {it.what for it in said} - ({"open"} if entry.kind == "study" else set())
    signs = _named(entry, said, "sign")
    for name, category in signs:
        yield name, category, "absent" if change == "resolved" else positive
    if signs:
        return
    if "open" in what or ("doubted" in what and change):
        yield entry.name, entry.category, "uncertain"
    elif "no-sign" in what and "normal" not in what:
        for name, category in _named(entry, said, "no-sign"):
            yield name, category, "absent"
    elif "normal" in what or _changed(entry, what, change):
        grew = entry.kind == "structure" and change in {"larger", "new"}
        yield entry.name, entry.category, "present" if grew else "absent"


def _changed(entry: Entry, what: set[What], change: Change | None) -> bool:
    """Whether a structure is said to have changed; "again seen" says nothing, and a study does not come or go."""
    told = "change" in what or entry.change is not None
    return told and not (entry.kind == "study" and change in {"new", "resolved"})


def _named(entry: Entry, said: Sequence[Said], what: What) -> list[tuple[str, Category | None]]:
    """What the structure's signs are called, each once."""
    signs = (entry.signs.get(str(it.value), entry.signs.get("*")) for it in said if it.what == what)
    return [*dict.fromkeys(sign for sign in signs if sign and sign[0])]


def _change(entry: Entry, said: Sequence[Said]) -> Change | None:
    """A direction before "unchanged", a plain word before a weak one."""
    if entry.change:
        return entry.change
    plain = [_direction(entry, it) for it in said if it.what == "change"] + [*_told_by_degrees(said)]
    for change in reversed(plain):  # "the increased opacity has cleared"
        if change != "unchanged":
            return change
    if plain or any(it.what == "change-weak" for it in said):
        return "unchanged"
    return None


def _direction(entry: Entry, said: Said) -> Change:
    """Of the disease: less air in the lungs is more of it."""
    word = str(said.value)
    direction: Change = _DIRECTIONS.get(word, word)  # type: ignore[arg-type]
    return _REVERSED.get(direction, direction) if entry.quantity and word not in {"better", "worse"} else direction


def _told_by_degrees(said: Sequence[Said]) -> Iterator[Change]:
    """The change between two grades or sizes: "previously small, now large"."""
    if not any(it.what in _TIMED for it in said):
        return
    for what, key in (("grade", lambda value: GRADE_ORDER.index(str(value))), ("size", float)):
        was, plain, now = (
            [key(it.value) for it in said if it.what == form] for form in (f"{what}-was", what, f"{what}-now")
        )
        was, now = was or (plain if now else []), now or plain  # "the large effusion is now small"
        if was and now:
            yield "larger" if now[-1] > was[0] else "smaller" if now[-1] < was[0] else "unchanged"


def _severity(said: Sequence[Said]) -> Severity | None:
    changed = any(it.what == "change" and it.value != "unchanged" for it in said)
    for what in ("grade-now", "grade", *(() if changed else ("grade-was",))):
        grades = [GRADE_ORDER.index(str(it.value)) for it in said if it.what == what]
        if grades:
            return SEVERITIES[GRADE_ORDER[max(grades)]][0]
    return None
