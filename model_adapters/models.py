"""From what the user writes after `--model` to a loaded adapter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.errors import ModelError, UnknownNameError
from model_adapters.adapter import Adapter, ModelSpec
from model_adapters.cards import Card, card_names, read_card, shipped_card
from model_adapters.options import checked_options
from model_adapters.registry import ADAPTERS, adapter_class, adapter_targets

ORACLE = "oracle"
"""The one model that knows the references: the run makes it, as a replay of them."""

WEIGHTLESS = {
    "echo": "answers with the prompt; the tutorial adapter",
    "constant": "says the same text about every study (--option text=...)",
    "normal": "says the most frequent normal report of --train FILE about every study",
    "random-report": "draws a report from --train FILE for each study",
    "retrieval": "repeats the report of the most similar study of --train FILE (--option by=prompt|indication|image)",
    "copy-prior-report": "repeats the prior study's report (the suite's field prior_report)",
    ORACLE: "repeats the reference: the ceiling of every metric",
}
"""Models that need no weights, by the name that stands after `--model`."""
NOT_A_NAME = frozenset({"libra", "hf_vlm", "vllm", "openai", "function", "replay"})
"""Adapters that need a checkpoint, a file or a name behind them."""


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
        name: what stands after `--model`.
        adapter: the adapter to use; None: the card's, or inferred from the checkpoint.
        options: options of the adapter; it must know each of them.
        weights: the folder of the checkpoint, where that of the card is not within reach.
        train_file: the option `train` of an adapter that has it, where `options` do not name one.
        **spec: further fields of ModelSpec (`model_base`, `conv_mode`, `device`, `dtype`, `batch_size`).

    Raises:
        UnknownNameError: nothing has this name, or no such option; suggests the nearest.
        ModelError: the path is there, but no model; or it needs a package that isn't here.
    """
    found = _find(name)
    if found is None:
        known = [*card_names(), *WEIGHTLESS]
        hint = "a path, a hub id such as org/name, replay:FILE, openai:NAME or module:function work too"
        raise UnknownNameError("model", name, known, hint=hint)
    kind, path, card = found
    if weights is not None:
        path = _weights(weights, name, card)
    values = {key: value for key, value in spec.items() if value is not None}
    for name_of_field in ("conv_mode", "model_base"):
        if card is not None and getattr(card, name_of_field):
            values.setdefault(name_of_field, getattr(card, name_of_field))
    if card is not None and (lacking := _lacking(card)):
        raise ModelError(f"needs {', '.join(lacking)}", where=f"model {card.id}", hint=_hint(lacking))
    used = adapter or kind
    known_options = getattr(adapter_class(used), "OPTIONS", {} if used in ADAPTERS else None)
    chosen = checked_options(used, known_options, options or {})
    if train_file is not None and known_options and "train" in known_options:
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
    return adapter_class(spec.adapter).load(spec)


def _find(name: str) -> tuple[str, str | None, Card | None] | None:
    """(adapter, path, card) of a name."""
    prefix, colon, rest = name.partition(":")
    path = Path(name).expanduser()
    if path.exists():
        if path.suffix in {".yaml", ".yml"}:
            return _of_card(read_card(path))
        return _adapter_of_checkpoint(path), str(path), None
    if name.startswith((".", "/", "~")) or path.suffix in {".yaml", ".yml"}:
        raise ModelError("no such file or folder", where=f"--model {name}", hint="check the path")
    if colon and prefix == "replay":
        return "replay", rest, None
    if colon and prefix == "openai":  # an endpoint has no beam search, so the default protocol cannot be Libra's
        return "openai", rest, Card(id=name, adapter="openai", image_policy="prior", protocol="greedy")
    if colon and prefix in adapter_targets():
        return prefix, rest, None
    if colon:
        return "function", name, None
    if name in card_names():
        return _of_card(shipped_card(name))
    for card in map(shipped_card, card_names()):
        if name == card.hub_id:
            return _of_card(card)
    if name == ORACLE:
        return "replay", None, None
    if name in WEIGHTLESS or (name in adapter_targets() and name not in NOT_A_NAME):
        return name, None, None
    if name.count("/") == 1:
        return _adapter_of_hub_id(name), name, None
    return None


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
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        config_file = Path(hf_hub_download(hub_id, "config.json"))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError):
        return "hf_vlm"  # whose loading says in words why it cannot be fetched
    return _adapter_of_checkpoint(config_file.parent)


def _adapter_of_checkpoint(path: Path) -> str:
    """Which adapter reads a checkpoint folder: its config says.

    Raises:
        ModelError: not a checkpoint.
    """
    from model_adapters.libra.checkpoint.layout import names_libra

    config_file = path / "config.json"
    if (path / "adapter_config.json").exists() and not config_file.exists():
        return "libra"
    try:
        config = json.loads(config_file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ModelError(
            "not a model: no config.json in it", where=path, hint="give a checkpoint folder, a card (.yaml) or a name"
        ) from error
    except ValueError as error:
        raise ModelError("config.json cannot be read as JSON", where=config_file) from error
    return "libra" if names_libra(config) else "hf_vlm"


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


def list_models() -> list[ListedModel]:
    """The model cards, then the adapters that need no weights, then those of installed packages."""
    listed = [_listed(shipped_card(name)) for name in card_names()]
    for name, what in WEIGHTLESS.items():
        listed.append(ListedModel(name, name, what, True, "needs no weights", "", {}))
    for name, target in adapter_targets().items():
        if name not in ADAPTERS:
            listed.append(ListedModel(name, name, f"plug-in ({target})", True, "installed", "", {}))
    return listed


def _listed(card: Card) -> ListedModel:
    lacking = _lacking(card)
    own_code = "brings code of its own: --trust-remote-code" if card.trust_remote_code else None
    description = "; ".join(filter(None, [card.decoder, card.tower, card.projector, own_code, card.note]))
    if lacking:
        state, hint = f"needs {', '.join(lacking)}", _hint(lacking)
    elif card.path:
        state = "ships with libra-bench" if Path(card.path).exists() else "its files are missing"
        hint = "" if Path(card.path).exists() else "install libra-bench again"
    elif card.hub_id and _in_hub_cache(card.hub_id):
        state, hint = "in the hub's cache", ""
    else:
        state, hint = "not here", f"fetched from the hub ({card.hub_id}) when used; or give its folder: --weights DIR"
    return ListedModel(card.id, card.adapter, description, not hint, state, hint, asdict(card))


def _lacking(card: Card) -> list[str]:
    """The card's requirements that are not met here."""
    from packaging.requirements import Requirement

    lacking = []
    for text in card.needs:
        requirement = Requirement(text)
        try:
            met = requirement.specifier.contains(version(requirement.name), prereleases=True)
        except PackageNotFoundError:
            met = False
        if not met:
            lacking.append(text)
    return lacking


def _hint(lacking: list[str]) -> str:
    if any("==" in text for text in lacking):  # another version than libra-bench itself runs on
        return "run it in an environment of its own, and score its answers with --model replay:FILE"
    return f"pip install {' '.join(lacking)}"


def _in_hub_cache(hub_id: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(hub_id, "config.json"), str)
