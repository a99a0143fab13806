"""Errors: one tree, drawn where it is declared; what messages tell people to type exists."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from repository import ROOT
from typer.main import get_command

from benchmarks import errors
from libra_bench.cli.app import app

PACKAGES = ("benchmarks", "libra_bench", "model_adapters", "reports")
OTHER_PROGRAMS = {
    "--disable-pip-version-check", "--no-index", "--find-links", "--extra-index-url",
    "--always", "--dirty", "--abbrev", "--exclude", "--local-dir",
}  # fmt: skip
"""Flags of pip, git and hf."""


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text(encoding="utf-8"))


def test_the_tree_is_drawn_as_it_is():
    drawn: dict[str, str] = {}
    above: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"    ([│├└─ ]*)(\w+)(  |$)", line):
            depth, name = len(found[1]) // 4, found[2]
            above[depth] = name
            if depth:
                drawn[name] = above[depth - 1]
    actual = {
        name: kind.__bases__[0].__name__
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, Exception) and kind is not errors.LibraBenchError
    }
    assert drawn == actual


def test_every_error_is_in_the_tree():
    elsewhere = [
        (str(path), node.name)
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and not node.name.startswith("_")
        and any(re.search(r"(Error|Exception|Warning|Interrupt)$", ast.unparse(base)) for base in node.bases)
        and path != Path("benchmarks/errors.py")
    ]
    assert elsewhere == []


def flags(command: Any) -> set[str]:
    """The flags of a command and of all below it."""
    own = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    return own.union(*map(flags, getattr(command, "commands", {}).values()))


def test_flags_that_messages_name_exist():
    known = flags(get_command(app)) | {"--help", "--debug"} | OTHER_PROGRAMS
    assert len(known) > 100
    absent = []
    for path, tree in sources():
        docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                named = re.findall(r"(?<![\w/-])--[a-z][a-z0-9-]*\b(?!-)", node.value)
                absent += [(str(path), node.lineno, flag) for flag in named if flag not in known]
    assert absent == []


def test_a_message_is_one_line_whatever_it_quotes():
    error = errors.InputError("an id is 'a\nb\r\u2028\x1b[31m'", where="a\nfile", hint="c\x85d")
    assert str(error) == "a\\nfile: an id is 'a\\nb\\r\\u2028\\x1b[31m'; c\\x85d"
