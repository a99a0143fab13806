"""From what the user writes after `--model` to a loaded adapter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.errors import HubError, ModelError, UnknownNameError
from benchmarks.hub import cached_file, fetch_file
from benchmarks.machine import without_collecting
from model_adapters.adapter import Adapter, ModelSpec, checked_options
from model_adapters.cards import Card, card_names, read_card, shipped_card
from model_adapters.cards.requirements import how_to_get, missing_packages
from model_adapters.checkpoints.family import is_libra
from model_adapters.checkpoints.files import read_config
from model_adapters.checkpoints.foreign import COMPLETE, handed_over
from model_adapters.registry import ADAPTERS, adapter_class, adapter_targets
from model_adapters.side.environments import environment_of


def resolve_model(
    name: str,
    *,
    adapter: str | None = None,
    options: Mapping[str, Any] | None = None,
    weights: str | Path | None = None,
    train_file: Path | None = None,
    **spec: Any,
) -> ModelSpec:
    """Find out which model a name means: an existing path, `replay:FILE`, a card, an adapter, or a hub id.

    Args:
        name: the value of `--model`.
        adapter: the adapter to use; None: the card's, or inferred from the checkpoint.
        options: options of the adapter; it must know each of them.
        weights: the folder of the checkpoint, where that of the card is not within reach.
        train_file: the option `train` of an adapter that has it, where `options` do not name one.
        **spec: further fields of ModelSpec (`model_base`, `conv_mode`, `device`, `dtype`, `batch_size`).

    Raises:
        UnknownNameError: nothing has this name, or no such option; suggests the nearest.
        ModelError: the path is there, but no model; or it needs a package that isn't here.
    """
    found = _find(name, adapter)
    if found is None:
        known = {*card_names(), *adapter_targets()}
        hint = "a path, a hub id such as org/name, replay:FILE, openai:NAME or module:function work too"
        raise UnknownNameError("model", name, known, hint=hint)
    kind, path, card = found
    if weights is not None:
        path = _weights(weights, name, card)
    if card is not None and (lacking := missing_packages(card)):
        raise ModelError(f"needs {', '.join(lacking)}", where=f"model {card.id}", hint=how_to_get(lacking))
    used = adapter or kind
    known_adapter = adapter_class(used)
    _check_path(name, used, known_adapter, path)
    values = {key: value for key, value in spec.items() if value is not None}
    if card is not None:
        own = {"conv_mode": card.conv_mode, "model_base": card.model_base}
        values = {**{key: value for key, value in own.items() if value}, **values}
    chosen = checked_options(used, known_adapter.OPTIONS, options or {})
    if train_file is not None and "train" in known_adapter.OPTIONS:
        chosen.setdefault("train", str(train_file))
    return ModelSpec(
        name=card.id if card else name,
        adapter=used,
        path=path,
        card=asdict(card) if card else {},
        options=chosen,
        **values,
    )


def load_adapter(model: str | ModelSpec, **options: Any) -> Adapter:
    """Load a model, by name, path or hub id, ready to `generate`.

    Raises:
        UnknownNameError, ModelError: see `resolve_model`.
    """
    spec = model if isinstance(model, ModelSpec) else resolve_model(model, **options)
    kind = adapter_class(spec.adapter)
    with (
        without_collecting(),
        handed_over(spec.path or spec.name, "the model cannot be loaded", f"{COMPLETE}; --debug shows where"),
    ):
        loaded: object = kind.load(spec)
    if not isinstance(loaded, Adapter):
        raise ModelError(
            f"its `load` returned an instance of {type(loaded).__name__}, which is no adapter",
            where=adapter_targets()[spec.adapter],
            hint="end `load` with `return cls(...)`, and let the class inherit from model_adapters.adapter.Adapter",
        )
    return loaded


def _find(name: str, adapter: str | None) -> tuple[str, str | None, Card | None] | None:
    """(adapter, path, card) of a name; `adapter` as the user gave it."""
    prefix, colon, rest = name.partition(":")
    path = Path(name).expanduser()
    if _exists(path):
        if path.suffix in {".yaml", ".yml"}:
            return _of_card(read_card(path))
        return adapter or _adapter_of_checkpoint(path), str(path), None
    if name.startswith((".", "/", "~")) or path.suffix in {".yaml", ".yml"}:
        raise ModelError("no such file or folder", where=f"--model {name}", hint="check the path")
    if colon and prefix in adapter_targets():
        return prefix, rest or None, None
    if colon and adapter is None:
        return "function", name, None
    if name in card_names():
        return _of_card(shipped_card(name))
    for card in map(shipped_card, card_names()):
        if name == card.hub_id:
            return _of_card(card)
    if name in adapter_targets():
        return name, None, None
    if adapter is not None:
        return adapter, name, None
    if name.count("/") == 1:
        return _adapter_of_hub_id(name), name, None
    return None


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # too long for a path
        return False


def _check_path(name: str, adapter: str, known: type[Adapter], path: str | None) -> None:
    """Refuse what the adapter's class says cannot work.

    Raises:
        ModelError: it needs a path after its name and there is none, or vice versa.
    """
    if known.needs_weights and not path:
        raise ModelError(
            f"the adapter {adapter!r} needs {known.path_metavar}",
            where=f"--model {name}",
            hint=f"write --model {adapter}:{known.path_metavar}",
        )
    if known.needs_weights is False and path:
        raise ModelError(
            f"the adapter {adapter!r} reads no weights", where=f"--model {name}", hint=f"write --model {adapter}"
        )


def _weights(folder: str | Path, name: str, card: Card | None) -> str:
    """The folder that takes the place of a card's hub id.

    Raises:
        ModelError: there is no card, or no such folder.
    """
    if card is None or card.hub_id is None:
        raise ModelError(
            f"{name!r} is no model card with a hub id", where="--weights", hint="give the folder itself as --model"
        )
    if not Path(folder).expanduser().is_dir():
        raise ModelError("no such folder", where=f"--weights {folder}", hint="check the path")
    return str(Path(folder).expanduser())


def _of_card(card: Card) -> tuple[str, str | None, Card]:
    return card.adapter, card.path or card.hub_id, card


def _adapter_of_hub_id(hub_id: str) -> str:
    """Which adapter reads a repository: its config.json says, from the hub's cache or the hub."""
    try:
        config_file = fetch_file(hub_id, "config.json")
    except HubError:
        return "hf_vlm"  # whose loading says in words why it cannot be fetched
    return _adapter_of_checkpoint(config_file.parent)


def _adapter_of_checkpoint(path: Path) -> str:
    """Which adapter reads a checkpoint folder: its config says.

    Raises:
        ModelError: not a checkpoint.
    """
    if (path / "config.json").exists():
        return "libra" if is_libra(read_config(path)) else "hf_vlm"
    if (path / "adapter_config.json").exists():  # a LoRA
        return "libra"
    raise ModelError(
        "not a model: no config.json in it",
        where=path,
        hint="give a checkpoint folder, a card (.yaml) or a name; or name its adapter: --adapter NAME",
    )


@dataclass(frozen=True, slots=True)
class ListedModel:
    """One line of `libra-bench models`."""

    name: str
    adapter: str
    description: str
    here: bool
    """Whether it can be loaded now, without fetching anything."""
    state: str
    remedy: str
    card: Mapping[str, Any]
    needs_packages: bool = False
    """Whether a package is lacking."""


def list_models() -> list[ListedModel]:
    """The model cards, then what is loaded by an adapter's name alone, then adapters that need a path after theirs."""
    adapters = [_listed_adapter(name, target) for name, target in adapter_targets().items()]
    return [_listed(shipped_card(name)) for name in card_names()] + sorted(adapters, key=lambda model: not model.here)


def _listed_adapter(name: str, target: str) -> ListedModel:
    origin = "" if name in ADAPTERS else f"plug-in {target}"
    try:
        known = adapter_class(name)
    except ModelError as error:
        return ListedModel(name, name, origin, False, error.what, error.hint or "", {})
    description = "; ".join(filter(None, [known.summary, origin]))
    if known.needs_weights:
        return ListedModel(
            name, name, description, False, f"needs {known.path_metavar}", f"--model {name}:{known.path_metavar}", {}
        )
    return ListedModel(name, name, description, True, "needs no weights", "", {})


def _listed(card: Card) -> ListedModel:
    lacking = missing_packages(card)
    own_code = "brings code of its own: --trust-remote-code" if card.trust_remote_code else None
    description = "; ".join(filter(None, [card.decoder, card.tower, card.projector, own_code, card.note]))
    if lacking:
        state, remedy = f"needs {', '.join(lacking)}", how_to_get(lacking)
    elif card.environment and environment_of(card).python() is None:
        state, remedy = "needs a side environment", f"libra-bench models install {card.id}"
    elif card.path:
        state = "ships with libra-bench" if Path(card.path).exists() else "its files are missing"
        remedy = "" if Path(card.path).exists() else "install libra-bench again"
    elif card.hub_id and cached_file(card.hub_id, "config.json"):
        state, remedy = "in the hub's cache", ""
    else:
        state, remedy = "not here", f"fetched from the hub ({card.hub_id}) when used; or give its folder: --weights DIR"
    return ListedModel(card.id, card.adapter, description, not remedy, state, remedy, asdict(card), bool(lacking))
