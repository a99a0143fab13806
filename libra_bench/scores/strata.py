"""Strata: which samples belong to which level of a field, so that scores can be told apart by it.

Built in: `prior` (with or without), `view`, `reference_length` (quartiles of the words of the first reference),
`question_type`. Any field of the suite is one, too.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from benchmarks.errors import InputError, UnknownNameError
from benchmarks.schema import Sample

Strata: TypeAlias = dict[str, dict[str, Sequence[int]]]
"""Name of the stratum -> level -> indices into the samples."""

MISSING = "(none)"
"""The level of samples that lack the field."""
MAX_LEVELS = 50
VIEW_FIELDS = ("view", "view_position", "ViewPosition")
QUESTION_TYPE_FIELDS = ("question_type", "semantic_type", "content_type", "answer_type")


def strata(samples: Sequence[Sample], by: Iterable[str] = ()) -> Strata:
    """Split samples by fields.

    Args:
        samples: of the suite, in order.
        by: field names, or names of built-in strata; none: the built-in ones that this suite has.

    Returns:
        For each name its levels, in order (numbers by value, others by name), each with the indices of its samples.
        A built-in stratum with a single level is left out, unless asked for.

    Raises:
        UnknownNameError: no sample has this field.
        InputError: a field with more levels than can be shown.
    """
    asked = list(dict.fromkeys(by))
    if not asked:
        facts = _Facts.of(samples)
        found = {name: _group(split(facts)) for name, split in BUILT_IN.items()}
        return {name: levels for name, levels in found.items() if len(levels) > 1}
    return {name: _by_name(samples, name) for name in asked}


def _by_name(samples: Sequence[Sample], name: str) -> dict[str, Sequence[int]]:
    if any(name in sample.fields for sample in samples):
        levels = _group([_level(sample.fields.get(name)) for sample in samples])
        if len(levels) > MAX_LEVELS:
            raise InputError(
                f"field {name!r} has {len(levels)} levels", where="--by", hint=f"choose one with {MAX_LEVELS} or fewer"
            )
        return levels
    if name in BUILT_IN:
        return _group(BUILT_IN[name](_Facts.of(samples)))
    fields = {field for sample in samples for field in sample.fields}
    raise UnknownNameError("field", name, fields | set(BUILT_IN))


def _level(value: Any) -> str:
    if value is None or value == "":
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(sorted(map(str, value))) or MISSING
    return str(value)


def _group(levels: Sequence[str]) -> dict[str, Sequence[int]]:
    groups: dict[str, array[int]] = {}
    for index, level in enumerate(levels):
        groups.setdefault(level, array("q")).append(index)
    return dict(sorted(groups.items(), key=lambda item: _rank(item[0])))


def _rank(level: str) -> tuple[int, float, str]:
    """Numbers by value, then names, then what is missing."""
    try:
        return 0, float(level), level
    except ValueError:
        return (2 if level == MISSING else 1), 0.0, level


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the built-in strata look at, read in one go: samples may lie in a file."""

    priors: list[bool]
    lengths: list[int]
    """Words of the first reference."""
    fields: dict[str, list[str | None]]
    """Name -> the level of each sample; None: it lacks the field."""

    @classmethod
    def of(cls, samples: Iterable[Sample]) -> _Facts:
        facts = cls([], [], {name: [] for name in (*VIEW_FIELDS, *QUESTION_TYPE_FIELDS)})
        for sample in samples:
            facts.priors.append(sample.has_prior)
            facts.lengths.append(len(sample.references[0].split()) if sample.references else 0)
            for name, levels in facts.fields.items():
                levels.append(_level(sample.fields[name]) if name in sample.fields else None)
        return facts

    def first_field(self, names: Sequence[str]) -> list[str]:
        """The levels of the first of these fields that any sample has."""
        there = (self.fields[name] for name in names if any(level is not None for level in self.fields[name]))
        return [level or MISSING for level in next(there, [None] * len(self.priors))]


def _prior(facts: _Facts) -> list[str]:
    return ["with prior" if has else "without prior" for has in facts.priors]


def _reference_length(facts: _Facts) -> list[str]:
    """Quartiles of the number of words; equal lengths stay together, so quartiles may differ in size."""
    lengths = facts.lengths
    ordered = sorted(lengths)
    cuts = [ordered[min(len(ordered) - 1, len(ordered) * quarter // 4)] for quarter in (1, 2, 3)]
    quartiles = [sum(length >= cut for cut in cuts) for length in lengths]
    ranges = {
        quartile: [length for length, its in zip(lengths, quartiles, strict=True) if its == quartile]
        for quartile in set(quartiles)
    }
    names = {its: f"Q{its + 1} ({min(words)}-{max(words)} words)" for its, words in ranges.items()}
    return [names[quartile] for quartile in quartiles]


BUILT_IN: Mapping[str, Callable[[_Facts], list[str]]] = {
    "prior": _prior,
    "view": lambda facts: facts.first_field(VIEW_FIELDS),
    "reference_length": _reference_length,
    "question_type": lambda facts: facts.first_field(QUESTION_TYPE_FIELDS),
}
