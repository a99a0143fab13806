"""Prompts of model cards as text with places for what is known of a study.

`{indication}` is the study's indication, `{technique|N/A}` its technique or else N/A, `{prompt}` the suite's own words;
what stands in square brackets is left out where one of its fields is not known. `<image>` marks where images go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from benchmarks.errors import UnknownNameError

FIELDS = (
    "prompt", "context", "indication", "history", "technique", "comparison", "examination", "prior_report", "age",
    "sex", "view",
)  # fmt: skip
"""What a template may ask for."""
_FIELD = re.compile(r"\{(\w+)(?:\|([^{}]*))?\}")
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")


def render_template(template: str, known: Mapping[str, str]) -> str:
    """The words of a template for one study; a field that is not known and has no default is empty."""

    def value(field: re.Match[str]) -> str:
        return known.get(field[1]) or field[2] or ""

    def optional(part: re.Match[str]) -> str:
        complete = all(known.get(name) or default for name, default in _FIELD.findall(part[1]))
        return _FIELD.sub(value, part[1]) if complete else ""

    pieces, end = [], 0
    for part in _OPTIONAL.finditer(template):
        pieces += [_FIELD.sub(value, template[end : part.start()]), optional(part)]
        end = part.end()
    return "".join([*pieces, _FIELD.sub(value, template[end:])])


def template_fields(template: str, where: str) -> frozenset[str]:
    """The fields of a template.

    Raises:
        UnknownNameError: one does not exist; `where` says whose template it is.
    """
    names = [name for name, _ in _FIELD.findall(template)]
    for name in names:
        if name not in FIELDS:
            raise UnknownNameError(f"field of {where}", name, FIELDS)
    return frozenset(names)
