"""Where a model is: a folder on this machine, or a repository of the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.errors import ModelError
from benchmarks.hub import fetch_files
from model_adapters.adapter import ModelSpec

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
TEXT_FILES = ["*.json", "*.model", "*.txt", "*.jinja", "*.py"]
"""Code is fetched with the rest, and run only where another adapter was told to."""
TOWER_MARKS = ("config.json", "open_clip_config.json")


def checkpoint_path(spec: ModelSpec) -> str:
    """The checkpoint as the user named it.

    Raises:
        ModelError: the user named none.
    """
    if spec.path is None:
        raise ModelError("no checkpoint given", where=spec.name, hint="give a folder or a hub id")
    return spec.path


def find_checkpoint(name: str | Path) -> Path:
    """The folder of a checkpoint; a hub id is fetched into (or found in) Hugging Face's own cache.

    Raises:
        ModelError: no such folder.
        HubError: a repository that cannot be fetched (unknown, private, offline).
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise ModelError("is a file, not the folder of a checkpoint", where=folder, hint="give the folder")
    if HUB_ID.fullmatch(str(name)):
        return _fetch(str(name))
    raise ModelError("no such folder", where=folder, hint="check the path, or give a hub id (owner/name)")


def find_tower(name: str, checkpoint: Path) -> Path:
    """The folder of the vision tower that a checkpoint's `mm_vision_tower` names: here, else on the hub.

    Raises:
        ModelError: it is nowhere; says where to put it.
        HubError: a repository that cannot be fetched.
    """
    if found := local_tower(name, checkpoint):
        return found
    if HUB_ID.fullmatch(name):
        return _fetch(name)
    raise ModelError(
        f"vision tower {name!r} is not here",
        where=checkpoint / "config.json",
        hint=f"put its folder at {checkpoint.parent / Path(name).name}, or correct mm_vision_tower",
    )


def local_tower(name: str, checkpoint: Path) -> Path | None:
    """A tower's folder on this machine, or None.

    Looked up from the working folder, then from the checkpoint's folder and the two above it; then by its last
    part alone inside and beside the checkpoint (a copy for use offline).
    """
    checkpoint = checkpoint.resolve()
    roots = [Path.cwd(), checkpoint, *checkpoint.parents[:2]]
    candidates = [root / name for root in roots]
    candidates += [root / Path(name).name for root in (checkpoint, checkpoint.parent)]
    return next((folder for folder in candidates if any((folder / mark).is_file() for mark in TOWER_MARKS)), None)


def _fetch(hub_id: str) -> Path:
    """Find a repository in the cache or download it: text files, safetensors, and .bin where weights are missing."""
    folder = fetch_files(hub_id, [*TEXT_FILES, "*.safetensors"])
    if not any((folder / name).is_file() for name in ("model.safetensors", "model.safetensors.index.json")):
        folder = fetch_files(hub_id, ["*.bin"])
    return folder
