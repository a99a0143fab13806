"""Where an extractor's weights are: a path, the local hub cache, or the hub. Says what is missing without loading.

Nothing is fetched before `fetch_encoder` is called, and that refuses when the hub is switched off.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from benchmarks.errors import MetricUnavailableError, ModelError
from benchmarks.files import sha256_file
from benchmarks.hub import cached_file, fetch_files, why_not
from libra_bench.metrics.metric import Missing
from model_adapters.checkpoints.files import read_config

HUB_ALIASES = {
    "bert-base-uncased": "google-bert/bert-base-uncased",
    "distilbert-base-uncased": "distilbert/distilbert-base-uncased",
    "distilroberta-base": "distilbert/distilroberta-base",
    "roberta-large": "FacebookAI/roberta-large",
}
"""Old hub names and what they are called now; either may be in the cache."""

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
INDEX_FILES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "spm.model", "sentencepiece.bpe.model")
HINT = "pass its path; see docs/weights.md"


def is_path(name: str) -> bool:
    """Whether a name means a place on disk: it exists, or could only be a path."""
    return Path(name).expanduser().exists() or name.startswith(("/", "./", "../", "~")) or name.count("/") > 1


def encoder_folder(name: str, *, weights: bool = True, tokenizer: bool = True) -> Path | None:
    """The folder of a transformers model on this machine: the path itself, or its place in the hub cache.

    Args:
        name: a folder or a hub id; an existing folder wins.
        weights: False where the configuration and the tokenizer are enough.
        tokenizer: False where its tokenizer is another's.
    """
    needed = {"weights": weights, "tokenizer": tokenizer}
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder if _encoder_gap(folder, **needed) is None else None
    if is_path(name):
        return None
    for repository in _names(name):
        config = cached_file(repository, "config.json")
        if config and _encoder_gap(config.parent, **needed) is None:
            return config.parent
    return None


def encoder_missing(name: str, *, parameter: str, weights: bool = True, tokenizer: bool = True) -> Missing | None:
    """Why a transformers model cannot be used here, or None: it is here, or the hub has it."""
    if encoder_folder(name, weights=weights, tokenizer=tokenizer):
        return None
    given = f"{parameter}=FOLDER"
    if is_path(name):
        folder = Path(name).expanduser()
        gap = _encoder_gap(folder, weights=weights, tokenizer=tokenizer) if folder.is_dir() else "is not a folder"
        return Missing(
            f"{folder} {gap}", f"pass {given} with config.json, the tokenizer's files and the weights", given
        )
    return hub_missing(name, "config.json", given, f"which `hf download {name} --local-dir FOLDER` fills")


def fetch_encoder(name: str, *, weights: bool = True, tokenizer: bool = True) -> Path:
    """The folder of a transformers model; fetched from the hub if it is not here and the hub may be used.

    Raises:
        MetricUnavailableError: it is no model. HubError: it is neither here nor to be had.
    """
    needed = {"weights": weights, "tokenizer": tokenizer}
    if folder := encoder_folder(name, **needed):
        return folder
    if not is_path(name):
        patterns = ["*.json", "*.txt", "*.model", *(WEIGHT_FILES[:1] if weights else ())]
        folder = fetch_files(name, patterns, hint=HINT)
        if weights and _encoder_gap(folder, **needed):
            folder = fetch_files(name, [*patterns, WEIGHT_FILES[1]], hint=HINT)
        if _encoder_gap(folder, **needed) is None:
            return folder
    raise MetricUnavailableError(f"{name} is not a folder with a model", hint="see docs/weights.md")


def hub_missing(repository: str, filename: str, parameter: str, what: str) -> Missing | None:
    """Why a file cannot be fetched from the hub, or None. Asks the hub once, for a few seconds at most.

    Args:
        repository: its hub id.
        filename: the file.
        parameter: what would do instead, e.g. "model=FOLDER".
        what: what that is.
    """
    refusal = why_not(repository, filename)
    if refusal is None:
        return None
    hint = f"pass {parameter}, {what} (docs/weights.md says more)"
    return Missing(f"{repository} is not on this machine, and the hub {refusal}", hint, parameter)


def label(name: str) -> str:
    """What a signature calls a model: its hub id, or the name of its file or folder, whose place is private."""
    return Path(name).expanduser().name if is_path(name) else name


def digest(path: Path | None) -> str:
    """Twelve hex digits of the sha256 of a weight file, or of a model folder's weight files; "unknown" without one."""
    if path is None:
        return "unknown"
    files = [path] if path.is_file() else _weight_files(path)
    hashes = [file_digest(file) for file in files]
    return hashes[0][:12] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()[:12]


def tokenizer_digest(folder: Path) -> str:
    """A hash of a model folder's configuration and tokenizer files."""
    names = ("config.json", "tokenizer_config.json", *TOKENIZER_FILES)
    content = b"".join((folder / name).read_bytes() for name in names if (folder / name).exists())
    return hashlib.sha256(content).hexdigest()[:12]


def file_digest(path: Path) -> str:
    """The sha256 of a file; a large one of the hub cache has it in its name."""
    blob = path.resolve().name
    if len(blob) == 64 and set(blob) <= set("0123456789abcdef"):
        return blob
    return sha256_file(path)


def _weight_files(folder: Path) -> list[Path]:
    for name in WEIGHT_FILES:
        if (folder / name).exists():
            return [folder / name]
    return sorted(folder.glob("model-*.safetensors")) or sorted(folder.glob("pytorch_model-*.bin"))


def _encoder_gap(folder: Path, *, weights: bool, tokenizer: bool) -> str | None:
    """What a model folder lacks, as a verb phrase."""
    if not (folder / "config.json").exists():
        return "has no config.json"
    try:
        read_config(folder)
    except ModelError as error:
        return f"has a damaged config.json ({error.what})"
    if tokenizer and not _has_any(folder, TOKENIZER_FILES):
        return "has no tokenizer files"
    if weights and not _has_any(folder, (*WEIGHT_FILES, *INDEX_FILES)):
        return "has no weights"
    return None


def _has_any(folder: Path, names: Iterable[str]) -> bool:
    return any((folder / name).exists() for name in names)


def _names(name: str) -> list[str]:
    old = [short for short, full in HUB_ALIASES.items() if full == name]
    return [name, *([HUB_ALIASES[name]] if name in HUB_ALIASES else []), *old]
