"""What decides a run's answers (the fingerprint), and everything needed to repeat and to trust it (run.json)."""

from __future__ import annotations

import json
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.errors import InputError, RunConflictError
from benchmarks.files import sha256_json
from benchmarks.schema import HIDDEN_KEYS, Sample
from model_adapters.adapter import Decoding

SCHEMA_VERSION = 1
FINGERPRINT_LENGTH = 12
BATCHING_FILE = "batching.json"
PACKAGES = (
    "libra-bench", "accelerate", "bert-score", "matplotlib", "nltk", "numpy", "pandas", "peft", "pillow", "pydicom",
    "radgraph", "rapidfuzz", "rouge-score", "safetensors", "sentencepiece", "tokenizers", "torch", "transformers",
)  # fmt: skip


def questions_sha256(samples: Sequence[Sample]) -> str:
    """The hash of what models are asked: ids, prompts, image names and visible fields, in order."""
    return sha256_json(
        [
            [
                sample.question_id,
                sample.text,
                list(sample.images),
                {name: value for name, value in sample.fields.items() if name not in HIDDEN_KEYS},
            ]
            for sample in samples
        ]
    )


def deciding_facts(samples: Sequence[Sample], model: Mapping[str, Any], decoding: Decoding) -> dict[str, Any]:
    """Everything that decides the answers; device, batch size and number of processes are not in it."""
    return {
        "suite": {"questions_sha256": questions_sha256(samples), "n": len(samples)},
        "model": dict(model),
        "decoding": decoding.deciding(),
    }


def fingerprint(facts: Mapping[str, Any]) -> str:
    """The short hash that names a run."""
    return sha256_json(facts)[:FINGERPRINT_LENGTH]


def refuse_other_run(folder: Path, facts: Mapping[str, Any]) -> None:
    """Make sure that a folder belongs to this run, or to none.

    Raises:
        RunConflictError: it holds another run; names what differs.
        InputError: it holds a run.json that cannot be read, or answers without one.
    """
    record = folder / "run.json"
    if not record.exists():
        if any(folder.glob("answers*.jsonl")):
            raise InputError("holds answers, but no run.json", where=folder, hint="give another --out")
        return
    there = read_record(folder).get("deciding", {})
    differences = list(_differences(there, facts))
    if differences:
        raise RunConflictError(
            "this folder belongs to another run: " + ", ".join(differences[:4]),
            where=folder,
            hint="give another --out, or the settings of that run",
        )


def read_record(folder: Path) -> dict[str, Any]:
    """The run.json of a run folder.

    Raises:
        InputError: it isn't there, cannot be read, or is from a newer version.
    """
    path = folder / "run.json"
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError("not a run folder: no run.json", where=folder, hint="give the folder of a run") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError("cannot be read as JSON", where=path, hint="give another --out") from error
    if record.get("schema_version", 0) > SCHEMA_VERSION:
        raise InputError("written by a newer libra-bench", where=path, hint="update libra-bench")
    return record


def batching_found(folder: Path) -> dict[str, Any]:
    """The field `batching` of run.json: what `verify-batching` left in the folder; nothing where it did not run."""
    path = folder / BATCHING_FILE
    return {"batching": json.loads(path.read_text(encoding="utf-8"))} if path.exists() else {}


def _differences(there: Any, here: Any, name: str = "") -> Iterator[str]:
    if isinstance(there, dict) and isinstance(here, dict):
        for key in {**there, **here}:
            yield from _differences(there.get(key), here.get(key), f"{name}.{key}" if name else str(key))
    elif there != here:
        yield f"{name} is {there!r} there, {here!r} here"


def environment() -> dict[str, Any]:
    """The exact command, versions of what numbers depend on, machine and commit."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "versions": versions,
        "git_commit": _git_commit(),
        "platform": platform.platform(),
    }


def _git_commit() -> str | None:
    """The commit of the checkout that this program runs from; None where it is installed from a wheel."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def now() -> str:
    """The time in UTC, ISO 8601, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
