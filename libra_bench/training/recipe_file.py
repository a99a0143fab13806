"""Reading a recipe: YAML and flags become typed fields, with the origin of every value."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from benchmarks.errors import InputError, UnknownNameError
from libra_bench.training.recipe import Recipe, Stage, check_recipe

RECIPES_FOLDER = Path(__file__).parent / "recipes"


@dataclass(frozen=True, slots=True)
class Origins:
    """A recipe and where each of its values comes from."""

    recipe: Recipe
    origins: Mapping[str, str]
    """Field -> "default", the recipe's name or file, or "--flag"."""

    def lines(self) -> list[str]:
        """YAML lines `field: value  # origin`."""
        import yaml

        values = dataclasses.asdict(self.recipe)
        text = {name: yaml.safe_dump({name: value}, width=1000).strip() for name, value in values.items()}
        return [f"{line}  # {self.origins[name]}" for name, line in text.items()]


def recipe_names() -> list[str]:
    """The recipes that ship with libra-bench."""
    return sorted(path.stem for path in RECIPES_FOLDER.glob("*.yaml"))


def recipe_file(name: str) -> Path:
    """The file of a recipe: a path, or the name of a shipped one.

    Raises:
        UnknownNameError: neither.
    """
    if Path(name).is_file():
        return Path(name)
    if name in recipe_names():
        return RECIPES_FOLDER / f"{name}.yaml"
    raise UnknownNameError("recipe", name, recipe_names(), hint="or give a YAML file")


def load_recipe(name: str, stage: Stage, overrides: Mapping[str, Any] | None = None) -> Origins:
    """Read a recipe, put the flags on top, and check the whole.

    Args:
        name: a shipped recipe or a YAML file.
        stage: what the command trains.
        overrides: field -> value or text as given on the command line; None means not given.

    Raises:
        InputError: an unknown field, a value of another type, or fields that contradict each other; names them.
    """
    path = recipe_file(name)
    values = _read_yaml(path)
    origins = dict.fromkeys(fields(), "default") | dict.fromkeys(values, str(path))
    for field, value in (overrides or {}).items():
        if value is not None:
            _known(field, "--" + field.replace("_", "-"))
            values[field] = value
            origins[field] = "--" + field.replace("_", "-")
    typed = {field: _typed(field, value, origins[field]) for field, value in values.items()}
    recipe = Recipe(**typed)
    check_recipe(recipe, stage)
    return Origins(recipe, origins)


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise InputError(f"not a YAML file ({' '.join(str(error).split())})", where=path) from error
    if not isinstance(values, dict):
        raise InputError("a recipe is a list of `field: value` lines", where=path)
    for field in values:
        _known(str(field), str(path))
    return values


@cache
def fields() -> dict[str, Any]:
    """Field -> type."""
    return typing.get_type_hints(Recipe)


@cache
def field_help() -> dict[str, str]:
    """Field -> the docstring under it."""
    tree = ast.parse(inspect.getsource(Recipe)).body[0]
    found: dict[str, str] = {}
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    for statement, following in itertools.pairwise(body):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            value = following.value if isinstance(following, ast.Expr) else None
            found[statement.target.id] = " ".join(ast.literal_eval(value).split()) if value is not None else ""
    return found


def _known(field: str, where: str) -> None:
    if field not in fields():
        raise UnknownNameError(f"recipe field (in {where})", field, fields())


def _typed(field: str, value: Any, where: str) -> Any:
    """A value in the field's type; text from the command line is converted."""
    hint = fields()[field]
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None or (isinstance(value, str) and value.lower() in ("none", "null") and type(None) in options):
        if type(None) in options:
            return None
        raise InputError(f"{field} needs a value", where=where)
    kind = next(option for option in options if option is not type(None))
    if typing.get_origin(kind) is Literal:
        if value not in typing.get_args(kind):
            raise UnknownNameError(f"{field} (in {where})", str(value), typing.get_args(kind))
        return value
    if kind is bool:
        if isinstance(value, bool):
            return value
        if str(value).lower() in ("true", "yes", "1", "false", "no", "0"):
            return str(value).lower() in ("true", "yes", "1")
    elif kind is str:
        if isinstance(value, str | int):
            return str(value)
    else:
        try:
            if not isinstance(value, bool) and (kind is float or float(value).is_integer()):
                return kind(float(value))
        except (TypeError, ValueError):
            pass
    raise InputError(f"{field} takes {_in_words(kind)}, not {value!r}", where=where)


def _in_words(kind: type) -> str:
    return {bool: "true or false", int: "a whole number", float: "a number", str: "text"}[kind]
