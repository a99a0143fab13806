"""Model cards: one small YAML file per model says what it is and how it must be asked.

Behaviour comes from the card or the checkpoint's own config, never from the name of a path.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from benchmarks.errors import ModelError, UnknownNameError
from benchmarks.files import is_folder_name
from benchmarks.files.yaml_text import read_yaml
from model_adapters.cards.prompt_template import template_fields

ImagePolicy: TypeAlias = Literal["one", "lateral", "prior", "lateral-prior", "all", "dummy-prior"]
POLICIES: tuple[ImagePolicy, ...] = get_args(ImagePolicy)

CARDS_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Card:
    """What libra-bench knows about a model."""

    id: str
    """The model's name on the command line and in the leaderboard."""
    adapter: str
    hub_id: str | None = None
    """Where the weights are on the hub."""
    path: str | None = None
    """Where they are on disk, relative to the card; for models that ship with the package."""
    model_base: str | None = None
    """The base model of a LoRA or projector checkpoint: a hub id or a path."""
    decoder: str | None = None
    tower: str | None = None
    projector: str | None = None
    conv_mode: str | None = None
    """Conversation template."""
    prompt_hook: str | None = None
    """A named rewriting of the prompt, for a format that `prompts` cannot express."""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """Section that a suite asks for (findings, impression) -> how this model is asked for it (`prompt_template`)."""
    system: str | None = None
    """System prompt."""
    image_policy: ImagePolicy | None = None
    """one: the current image only; lateral, prior, lateral-prior, all: these images beside it, where there are any;
    dummy-prior: the current image again where there is no prior; None: the adapter's default."""
    protocol: str | None = None
    """Default protocol; None: `card` where there is `decoding`, else the adapter's."""
    decoding: Mapping[str, int | float] = field(default_factory=dict)
    """Decoding field -> value: the protocol `card`, on top of greedy decoding."""
    cleaning: str | None = None
    """How its texts are cleaned before they are scored; None: as the protocol says."""
    environment: str | None = None
    """The side environment that it runs in (`libra-bench models install`)."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Field -> the address that the fact was read at."""
    verified: Literal["tiny", "none"] = "none"
    """tiny: prompt and answers were checked on a tiny checkpoint of the same architecture; none: not checked."""
    trained_on: tuple[str, ...] = ()
    """Data sets in its training, so that a leaderboard can mark contamination."""
    licence: str | None = None
    needs: tuple[str, ...] = ()
    """Packages beyond the core ones, as requirements: "torchvision", "transformers==4.40.0"."""
    trust_remote_code: bool = False
    """Whether the model brings code of its own; it runs only with `--trust-remote-code`."""
    made_for: Literal["phantoms"] | None = None
    """phantoms: it knows only synthetic images; a run on anything else warns."""
    note: str | None = None
    """What readers of its scores should know, e.g. "ported weights"."""


def card_names() -> list[str]:
    """The names of the cards that ship with libra-bench."""
    return sorted(path.stem for path in CARDS_FOLDER.glob("*.yaml"))


@functools.cache
def shipped_card(name: str) -> Card:
    """The shipped card of this name.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in card_names():
        raise UnknownNameError("model", name, card_names())
    return read_card(CARDS_FOLDER / f"{name}.yaml")


def read_card(path: Path) -> Card:
    """Read a card; `path:` inside it is taken relative to the card, and a field without a value is as if not there.

    Raises:
        ModelError: not YAML, a field that doesn't exist (suggests the nearest), or one of another type.
    """
    values = read_yaml(path, ModelError, "model card")
    if not isinstance(values, dict):
        raise ModelError("a model card is a list of `field: value` lines", where=path)
    known = {item.name: item for item in dataclasses.fields(Card)}
    for name in values:
        if name not in known:
            raise UnknownNameError(f"field of the card {path}", str(name), known)
    values = {name: _checked(path, name, value) for name, value in values.items() if value is not None}
    for name in ("id", "adapter"):
        if name not in values:
            raise ModelError(f"the card has no {name!r}", where=path, hint=f"add a line `{name}: ...`")
    if not all(map(is_folder_name, values["id"].split("/"))):
        raise ModelError(f"the id {values['id']!r} cannot be the name of a folder", where=path, hint="choose another")
    if values.get("path"):
        values["path"] = str((path.parent / values["path"]).resolve())
    return Card(**values)


MAPPINGS: Mapping[str, type | tuple[type, ...]] = {"prompts": str, "sources": str, "decoding": (int, float)}
"""Field -> the type of its values."""
CHOICES: Mapping[str, tuple[str, ...]] = {"image_policy": POLICIES, "verified": ("tiny", "none")}


def _mapping(path: Path, name: str, value: Any) -> Mapping[str, Any]:
    """The value of a field that holds `name: value` lines of its own.

    Raises:
        ModelError: it doesn't, or a value has another type. UnknownNameError: a prompt asks for an unknown field.
    """
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ModelError(f"{name!r} must be a list of `name: value` lines", where=path)
    for key, item in value.items():
        if isinstance(item, bool) or not isinstance(item, MAPPINGS[name]):
            kind = "text" if MAPPINGS[name] is str else "a number"
            raise ModelError(f"{key!r} of {name!r} must be {kind}, found {item!r}", where=path)
        if name == "prompts":
            template_fields(str(item), f"the prompt {key!r} in {path}")
    return value


def _checked(path: Path, name: str, value: Any) -> Any:
    if name in {"trained_on", "needs"}:
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise ModelError(f"{name!r} must be a list of names", where=path)
    if name == "trust_remote_code":
        if isinstance(value, bool):
            return value
        raise ModelError(f"{name!r} must be true or false", where=path)
    if name in MAPPINGS:
        return _mapping(path, name, value)
    for choice, known in CHOICES.items():
        if name == choice and value not in known:
            raise UnknownNameError(f"{choice} in the card {path}", str(value), known)
    if isinstance(value, str):
        return value
    raise ModelError(f"{name!r} must be text, found {value!r}", where=path)
