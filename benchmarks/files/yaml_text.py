"""YAML files that people write: cards, recipes, published tables."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.errors import InputError
from benchmarks.files.json_text import MAX_DEPTH, MAX_INTEGER, MIN_INTEGER

if TYPE_CHECKING:
    from yaml import Node

MAX_YAML_CHARACTERS = 2**20
"""A settings file is far smaller."""


def read_yaml(path: Path, fault: type[InputError], what: str) -> Any:
    """The value of a YAML file.

    Args:
        path: the file.
        fault: the error to raise.
        what: what the file is, for the message ("recipe").

    Raises:
        fault: it is not there, is no such file, or holds what cannot be written down again.
    """
    import yaml

    try:
        with path.open(encoding="utf-8-sig") as stream:
            text = stream.read(MAX_YAML_CHARACTERS + 1)
        if len(text) > MAX_YAML_CHARACTERS:
            raise fault(f"is larger than any {what}", where=path, hint="give another file")
        if _open_brackets(text) > MAX_DEPTH:  # PyYAML's time grows with the square of it
            raise RecursionError
        value = _shallow_yaml(text)
    except FileNotFoundError as error:
        raise fault(f"no such {what}", where=path, hint="check the path") from error
    except OSError as error:
        raise fault(f"cannot be read ({error.strerror})", where=path, hint="check the path") from error
    except RecursionError as error:
        raise fault("is nested too deep", where=path, hint=f"write it as a {what}") from error
    except (yaml.YAMLError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as error:
        raise fault(f"not a YAML file ({' '.join(str(error).split())[:200]})", where=path) from error
    if problem := _problem(value):
        raise fault(problem, where=path, hint="correct the file")
    return value


def _shallow_yaml(text: str) -> Any:
    """As `yaml.safe_load`, which else goes down until the stack ends (see `shallow_json`)."""
    from yaml import SafeLoader

    class ShallowLoader(SafeLoader):
        depth = 0

        def compose_node(self, parent: Node | None, index: Any) -> Node | None:
            if self.depth > MAX_DEPTH:
                raise RecursionError
            self.depth += 1
            node = super().compose_node(parent, index)
            self.depth -= 1
            return node

    return ShallowLoader(text).get_single_data()


def _open_brackets(text: str) -> int:
    """How many brackets are open at once, at most."""
    steps = ((character in "[{") - (character in "]}") for character in text)
    return max(accumulate(steps, initial=0))


def _problem(value: Any) -> str | None:
    """Why a value cannot be written down again; None where it can."""
    held = [(value, 0)]
    for _ in range(MAX_YAML_CHARACTERS):
        if not held:
            return None
        part, depth = held.pop()
        if depth > MAX_DEPTH:
            return "is nested too deep, or holds itself"
        if isinstance(part, int) and not MIN_INTEGER <= part <= MAX_INTEGER:
            return "holds an integer of more than 64 bits"
        if isinstance(part, str) and "\0" in part:
            return "holds a NUL character"
        if isinstance(part, dict):
            held += [(within, depth + 1) for pair in part.items() for within in pair]
        elif isinstance(part, list):
            held += [(within, depth + 1) for within in part]
    return "repeats its own parts (*name) until it holds millions of values"
