"""Typed text as values: what each type takes, and the one line that says what it doesn't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Gt, Le
from every_case import every_case

from benchmarks.errors import InputError
from benchmarks.values import NONE_WORDS, converted, in_words


@every_case(
    ("value", "kind", "expected"),
    [
        ("5", int, 5),
        (5.0, int, 5),
        ("1e-3", float, 0.001),
        (3, float, 3.0),
        ("yes", bool, True),
        ("FALSE", bool, False),
        (0, bool, False),
        (-2, str, "-2"),
        (Path("a/b"), str, "a/b"),
        ("a/b", Path | None, Path("a/b")),
        ("none", str | None, None),
        ("null", int | None, None),
        ("none", str, "none"),
        ("8", Literal[4, 8], 8),
        ("auto", int | Literal["auto"], "auto"),
        ("3", int | Literal["auto"], 3),
        ("0.5", Annotated[float, Gt(0), Le(1)] | None, 0.5),
        ("view", Sequence[str], ["view"]),
        (("a", "b"), Sequence[str], ("a", "b")),
        ("a,b", str | Sequence[str] | None, "a,b"),
        (["a-b=1", "c=d=e"], Mapping[str, Any], {"a_b": "1", "c": "d=e"}),
        ({"a": 1}, Mapping[str, Any], {"a": 1}),
    ],
)
def test_what_a_type_takes(value, kind, expected):
    found = converted(value, kind, none=NONE_WORDS)
    assert found == expected
    assert type(found) is type(expected)


@every_case(
    ("value", "kind", "message"),
    [
        ("x", int, "field takes a whole number, not 'x'"),
        (1.5, int, "field takes a whole number, not 1.5"),
        (True, float, "field takes a number, not True"),
        ("inf", float, "field takes a number, not 'inf'"),
        ("perhaps", bool, "field takes true or false, not 'perhaps'"),
        (None, int, "field needs a value"),
        ([1], str | None, r"field takes text, not \[1\]"),
        ("0", Annotated[int, Ge(1)], "field takes a whole number of at least 1, not '0'"),
        ("2", Annotated[float, Gt(0), Le(1)] | None, "field takes a number above 0 and of at most 1, not '2'"),
        ("corpsu", Literal["corpus", "coco"], "field takes corpus or coco, not 'corpsu'; did you mean 'corpus'"),
        ("\ud800", str, r"field takes text, not '\\ud800'"),
    ],
)
def test_what_it_does_not_take_is_said_with_the_place(value, kind, message):
    with pytest.raises(InputError, match="^recipe.yaml: " + message):
        converted(value, kind, where="recipe.yaml", name="field")


def test_types_in_words():
    assert in_words(Annotated[int, Ge(1)] | None, ("auto",)) == "a whole number of at least 1 or auto"
    assert in_words(Literal["a", "b", "c"]) == "a, b or c"
