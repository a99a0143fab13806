"""The one reader of JSON: what it refuses could not be written down again, or counted, or walked through."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from every_case import every_case

from benchmarks.errors import InputError, UnreadableReplyError
from benchmarks.files.json_text import MAX_DEPTH, parse_json, shallow_json
from benchmarks.files.secrets import command_without_secrets
from benchmarks.files.yaml_text import read_yaml
from benchmarks.predictions.cleaning import clean
from libra_bench.metrics.judges.replies import json_in
from model_adapters.openai.replies import chat_reply

LAUGHS = "a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha]\n" + "".join(
    f"a{level}: &a{level} [{', '.join(9 * [f'*a{level - 1}'])}]\n" for level in range(1, 12)
)
"""A few hundred characters that stand for 9**12 words."""


class Cleaned:
    """Garbage that takes a few levels of the stack to clean up."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        self._down(20)

    def _down(self, levels: int) -> None:
        if levels:
            self._down(levels - 1)


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


@pytest.mark.parametrize("pair", ["[]", "{}"])
def test_brackets_are_counted_where_they_are_none_of_a_text(pair: str) -> None:
    quoted = json.dumps({"a": pair[0] * 500 + '\\"' + pair[0] * 500, "b": [pair[1] * 500]})
    assert parse_json(quoted) == json.loads(quoted)
    flat = json.dumps([[1], {"a": 1}] * 500)
    assert parse_json(flat) == json.loads(flat)
    for unfinished in ('"' + pair[0] * 500, '"' + pair[0] * 500 + "\\", pair[1] * 500):
        with pytest.raises(json.JSONDecodeError, match=r"Unterminated|Expecting"):
            parse_json(unfinished)


@pytest.mark.parametrize(
    "read",
    [
        parse_json,
        shallow_json,
        lambda text: chat_reply(text.encode(), attempts=1),
        json_in,
        lambda text: clean(text, "report-1"),
        lambda text: command_without_secrets(["--option", f"body={text}"]),
    ],
)
def test_nothing_else_fails_while_a_deep_text_is_read(read: Callable[[str], object], monkeypatch) -> None:
    """Garbage is collected at any moment; its clean-up failed, unseen, where the stack was nearly used up."""
    failed: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", failed.append)
    thresholds = gc.get_threshold()
    try:
        for levels in range(600, sys.getrecursionlimit(), 5):  # a level is an allocation
            gc.collect()
            gc.set_threshold(levels)
            Cleaned()
            with suppress(ValueError, UnreadableReplyError):
                read('{"a":' * 2000)
            gc.set_threshold(*thresholds)
    finally:
        gc.set_threshold(*thresholds)
    assert not failed


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: " + "[" * 5000, "nested too deep"),
        ("a: " + "{b: " * 5000, "nested too deep"),
        (" ".join("-" * 5000), "nested too deep"),
        ("".join(" " * depth + "a:\n" for depth in range(200)), "nested too deep"),
        ("a: &x [*x]", "holds itself"),
        (LAUGHS, "repeats its own parts"),
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
