"""The side environment: one venv with the official packages and the pins with which they run unpatched."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks.errors import LibraBenchError
from benchmarks.files import write_json
from benchmarks.user_cache import user_cache

PACKAGES = {
    "radgraph": "0.1.18",
    "f1chexbert": "0.0.2",
    "bert-score": "0.3.13",
    "transformers": "4.57.6",
    "huggingface_hub": "0.36.2",
    "scikit-learn": "1.7.2",
}
"""Measured to run together unpatched. transformers 5 and scikit-learn 1.8 break the first two."""
CPU_TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
STAMP = "libra-bench-official.json"


def pins() -> list[str]:
    """What is installed: PACKAGES, and this environment's own torch (so a CPU build stays one)."""
    return [f"torch=={version('torch')}", *(f"{name}=={release}" for name, release in PACKAGES.items())]


def environment_folder(folder: Path | None = None) -> Path:
    """Where the side environment is (a link there, if it was put elsewhere), or would be."""
    return folder.expanduser().absolute() if folder else user_cache() / "official"


def python_of(folder: Path | None = None) -> Path | None:
    """The side environment's interpreter, or None where it isn't completely installed with today's pins."""
    place = environment_folder(folder)
    try:
        installed = json.loads((place / STAMP).read_text())
    except (OSError, ValueError):
        return None
    python = _python(place)
    return python if installed.get("packages") == PACKAGES and python.exists() else None


def install(folder: Path | None = None, *, wheels: Path | None = None) -> Path:
    """Create the side environment and return its interpreter; nothing happens where it is complete.

    Args:
        folder: where; None: the user's cache. Elsewhere, the cache gets a link to it, by which it is found.
        wheels: a folder of wheel files to install from instead of an index (offline).

    Raises:
        LibraBenchError: pip failed; its own words are on stderr.
    """
    place, known = environment_folder(folder), environment_folder()
    if python := python_of(folder):
        _link(known, place)
        return python
    venv.create(place, with_pip=True, clear=True)
    python = _python(place)
    source = ["--no-index", "--find-links", str(wheels)] if wheels else []
    torch = pins()[0]
    installed = _pip(python, [torch, *source])
    if not installed and not wheels and torch.endswith("+cpu"):  # an index of one's own may have it; PyPI does not
        installed = _pip(python, [torch, "--extra-index-url", CPU_TORCH_INDEX])
    if not installed or not _pip(python, [*pins(), *source]):
        raise LibraBenchError(
            "the official packages could not be installed",
            where=place,
            hint="see pip's message above; without a network, pass --wheels FOLDER (docs/weights.md)",
        )
    write_json(place / STAMP, {"packages": PACKAGES, "torch": torch})
    _link(known, place)
    return python


def _link(known: Path, place: Path) -> None:
    """Let `known` lead to `place`; an environment that is there already is left alone."""
    if known == place or (known.exists() and not known.is_symlink()):
        return
    known.parent.mkdir(parents=True, exist_ok=True)
    known.unlink(missing_ok=True)
    known.symlink_to(place)


def _pip(python: Path, arguments: Sequence[str]) -> bool:
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, stdout=sys.stderr, check=False).returncode == 0


def _python(place: Path) -> Path:
    return place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
