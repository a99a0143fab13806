"""An option given twice that takes one value: refused, since the parser would silently take the last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.errors import InputError

TOGETHER = {"--suite": "`run` takes several", "--model": "`run` takes several"}
"""What to do instead, where a user has reason to give several."""


def refuse_repeated(command: Any, words: Sequence[str]) -> None:
    """Make sure that no option that takes one value is given twice.

    Args:
        command: the program, as `typer.main.get_command` gives it.
        words: the command line after the program's name.

    Raises:
        InputError: one is; names it and both values.
    """
    given: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            return
        if not word.startswith("-"):
            command = getattr(command, "commands", {}).get(word, command)
            continue
        name, has_value, value = word.partition("=")
        option = next((item for item in command.params if name in item.opts), None)
        if option is None or option.is_flag:
            continue
        if not has_value and rest:
            value = rest.pop(0)
        if option.name in given and not option.multiple:
            raise InputError(
                f"given twice ({given[option.name]} and {value})", where=name, hint=TOGETHER.get(name, "give it once")
            )
        given[option.name] = value
