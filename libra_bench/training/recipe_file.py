"""Reading a recipe: YAML and flags become typed fields, with the origin of every value."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.catalog import suite_card, suite_names
from benchmarks.errors import InputError, UnknownNameError
from benchmarks.files.yaml_text import read_yaml
from benchmarks.values import NONE_WORDS, converted
from libra_bench.training.recipe import Recipe, Stage, check_recipe
from model_adapters.cards import card_names, shipped_card

DEFAULT = "default"
RECIPES_FOLDER = Path(__file__).parent / "recipes"


@dataclass(frozen=True, slots=True)
class Origins:
    """A recipe and where each of its values comes from."""

    recipe: Recipe
    origins: Mapping[str, str]
    """Field -> "default", the recipe's name or file, or "--flag"."""

    def lines(self, *, defaults: bool = True) -> list[str]:
        """YAML lines `field: value  # origin`.

        Args:
            defaults: whether fields that nobody set are among them.
        """
        import yaml

        values = {
            name: value
            for name, value in dataclasses.asdict(self.recipe).items()
            if defaults or self.origins[name] != DEFAULT
        }
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
    origin = str(path) if path.parent != RECIPES_FOLDER else path.stem
    origins = dict.fromkeys(fields(), DEFAULT) | dict.fromkeys(values, origin)
    for field, value in (overrides or {}).items():
        if value is not None:
            _known(field, "--" + field.replace("_", "-"))
            values[field] = value
            origins[field] = "--" + field.replace("_", "-")
    typed = {
        field: converted(value, fields()[field], where=origins[field], name=field, none=NONE_WORDS)
        for field, value in values.items()
    }
    recipe = Recipe(**_with_shipped(typed))
    check_recipe(recipe, stage)
    return Origins(recipe, origins)


def _with_shipped(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, a shipped model or training set by its files."""
    found = dict(values)
    model, data = str(found.get("model_name_or_path", "")), str(found.get("data_path", ""))
    if model in card_names() and not Path(model).exists():
        card = shipped_card(model)
        found["model_name_or_path"] = card.path or card.hub_id or model
    if data in suite_names() and not Path(data).exists() and (file := suite_card(data).train_file) is not None:
        found["data_path"] = str(file)
        found.setdefault("image_folder", str(file.parent))
    return found


def _read_yaml(path: Path) -> dict[str, Any]:
    values = read_yaml(path, InputError, "recipe")
    if not isinstance(values, dict):
        raise InputError("a recipe is a list of `field: value` lines", where=path)
    for field in values:
        _known(str(field), str(path))
    return values


@cache
def fields() -> dict[str, Any]:
    """Field -> type."""
    return typing.get_type_hints(Recipe)


def _known(field: str, where: str) -> None:
    if field not in fields():
        raise UnknownNameError(f"recipe field (in {where})", field, fields())
