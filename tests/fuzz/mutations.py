"""Inputs made wrong: bytes changed anywhere, values of JSON and YAML replaced by odd ones, files cut or swapped."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

Files = Mapping[str, bytes]
"""Name -> content: one input."""

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 0.1, -0.0, 1e308, 1e-320,
    "", " ", "0", "-1", "\0", "\ud800", "\u202e", "\ufeff", "é", "𝔸" * 9, "x" * 70_000, "a\nb\rc\u2028d", "\x1b[31m",
    "..", "../..", "/", "/dev/zero", ".", "~", "=1+1", "{{x}}", "%s%n", "<script>", "[bold]x[/]", "[/]",
    [], {}, [[]], [None], [""], ["a", 1], {"": None}, {"a": {"b": []}}, [0] * 3_000, [[[[[[[[]]]]]]]],
    "nan", "inf", "1e999", "true", "null", "2020-99-99",
)  # fmt: skip
ODD_BYTES: tuple[bytes, ...] = (
    b"\0", b"\xff", b"\xfe\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\n", b"\n\n", b'"', b"'", b",", b"\\",
    b"{", b"}", b"[", b"]",
    b":", b"NaN", b"Infinity", b"1e999", b"-", b"9" * 5_000, b"[" * 5_000, b'{"a":' * 3_000,
    b"null", b'"\\ud800"', b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"&a *a",
    b"!!python/object", b"\t", b"<<: *x", b"~",
)  # fmt: skip


def mutated(files: Files, draw: random.Random, *, structured: bool = True) -> dict[str, bytes]:
    """One to four changes to an input; no change at all now and then."""
    changed = dict(files)
    for _ in range(draw.choice((0, 1, 1, 1, 2, 2, 3, 4))):
        name = draw.choice(sorted(changed))
        if draw.random() < 0.02:
            del changed[name]
        elif draw.random() < 0.02:
            changed[name] = changed[draw.choice(sorted(changed))]
        elif structured and draw.random() < 0.6 and (found := _other_value(changed[name], draw)) is not None:
            changed[name] = found
        else:
            changed[name] = _other_bytes(changed[name], draw)
        if not changed:
            return dict(files)
    return changed


def _other_bytes(content: bytes, draw: random.Random) -> bytes:
    place = min(draw.randrange(len(content) + 1), draw.choice((16, 200, 10**9)))
    end = min(len(content), place + draw.choice((1, 2, 4, 16, 300)))
    match draw.randrange(7):
        case 0:
            return content[:place]
        case 1:
            return content[:place] + content[end:]
        case 2:
            return content[:place] + draw.choice(ODD_BYTES) + content[place:]
        case 3:
            return content[:place] + draw.choice(ODD_BYTES) + content[end:]
        case 4:
            return content[:end] + content[place:]
        case 5:
            return b""
        case _:
            return content[:place] + draw.randbytes(end - place) + content[end:]


def _other_value(content: bytes, draw: random.Random) -> bytes | None:
    """A JSON file, or one line of JSON lines, with a value replaced, removed or added; None where it is no JSON."""
    lines = content.split(b"\n")
    whole = content.lstrip().startswith((b"{\n", b"[")) or len(lines) <= 2
    at = 0 if whole else draw.randrange(len(lines))
    try:
        value = json.loads(content if whole else lines[at])
    except (ValueError, RecursionError):
        return None
    found = json.dumps(_replaced(value, draw), ensure_ascii=draw.random() < 0.7).encode(errors="surrogatepass")
    return found if whole else b"\n".join([*lines[:at], found, *lines[at + 1 :]])


def _replaced(value: Any, draw: random.Random) -> Any:
    if isinstance(value, dict | list) and value and draw.random() < 0.85:
        copy = value.copy()
        key = draw.choice(sorted(copy, key=str)) if isinstance(copy, dict) else draw.randrange(len(copy))
        chance = draw.random()
        if chance < 0.1:
            del copy[key]
        elif chance < 0.2 and isinstance(copy, dict):
            copy[draw.choice((*map(str, copy), "new", "", "\0"))] = draw.choice(ODD_VALUES)
        else:
            copy[key] = _replaced(copy[key], draw)
        return copy
    return draw.choice(ODD_VALUES)
