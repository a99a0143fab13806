"""The one reader of JSON: what it refuses could not be written down again, or counted, or walked through."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from every_case import every_case

from benchmarks.errors import InputError
from benchmarks.files.json_text import MAX_DEPTH, parse_json
from benchmarks.files.yaml_text import read_yaml


@every_case(
    ("text", "what"),
    [
        ("[" * 5000 + "]" * 5000, "nested more than 64 deep"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "nested more than 64 deep"),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "nested more than 64 deep"),
        ("9" * 5000, "an integer of 5000 digits"),
        (str(2**64), "an integer of 20 digits"),
        ("NaN", "NaN is not a JSON value"),
        ("-1e400", "-1e400 is not a JSON value"),
        (r'"\ud800"', "half a character"),
        (r'{"\uDFFF": 1}', "half a character"),
        ('"\ud800"', "half a character"),
        (b'"\xff"', "not UTF-8 text (byte 1)"),
        ("", "Expecting value"),
    ],
)
def test_what_is_refused(text: str | bytes, what: str) -> None:
    with pytest.raises(json.JSONDecodeError) as error:
        parse_json(text)
    assert error.value.msg.startswith(what)


def test_what_is_read() -> None:
    assert parse_json("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    assert parse_json(b"\xef\xbb\xbf[1]") == [1]
    assert parse_json(r'"\ud83d\ude00 \\ud800"') == "😀 \\ud800"
    assert parse_json(f"[{2**64 - 1}, {-(2**63)}]") == [2**64 - 1, -(2**63)]
    assert parse_json("[NaN, 1e999]", not_finite="null") == [None, None]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: " + "[" * 5000, "nested too deep"),
        ("a: " + "{b: " * 5000, "nested too deep"),
        ("a: &x [*x]", "holds itself"),
        ("a: " + "9" * 400, "more than 64 bits"),
        ('a: "\\0"', "NUL"),
        ("a: 2020-99-99", "not a YAML file"),
        ("a: \0", "not a YAML file"),
    ],
)
def test_yaml_that_is_refused(text: str, what: str, tmp_path: Path) -> None:
    (tmp_path / "card.yaml").write_text(text)
    with pytest.raises(InputError, match=what):
        read_yaml(tmp_path / "card.yaml", InputError, "model card")
