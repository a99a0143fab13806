"""Where a run's answers come from: what decides them (the fingerprint), and the program and machine that made them."""

from __future__ import annotations

import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.files import json_list, sha256_json, sha256_texts
from benchmarks.files.secrets import command_without_secrets, secrets_in, without_secrets
from benchmarks.packages import installed_version
from benchmarks.records.run import AskedQuestions, DecidingFacts
from benchmarks.schema import HIDDEN_KEYS, Sample
from model_adapters.adapter import Decoding

FINGERPRINT_LENGTH = 12
PACKAGES = (
    "libra-bench", "accelerate", "bert-score", "matplotlib", "nltk", "numpy", "pandas", "peft", "pillow", "pydicom",
    "radgraph", "rapidfuzz", "rouge-score", "safetensors", "scipy", "sentencepiece", "tokenizers", "torch",
    "transformers",
)  # fmt: skip


def questions_sha256(samples: Sequence[Sample]) -> str:
    """The hash of what models are asked: ids, prompts, image names and visible fields, in order."""
    return sha256_texts(
        json_list(
            [
                sample.question_id,
                sample.text,
                sample.image_value,
                {name: value for name, value in sample.fields.items() if name not in HIDDEN_KEYS},
            ]
            for sample in samples
        )
    )


def deciding_facts(samples: Sequence[Sample], model: Mapping[str, Any], decoding: Decoding) -> DecidingFacts:
    """Everything that decides the answers; device, batch size, number of processes and secrets are not in it."""
    return DecidingFacts(
        suite=AskedQuestions(questions_sha256=questions_sha256(samples), n=len(samples)),
        model=without_secrets(dict(model), secrets_in(model)),
        decoding=decoding.deciding(),
    )


def fingerprint(facts: DecidingFacts) -> str:
    """The short hash that names a run."""
    return sha256_json(facts.as_json())[:FINGERPRINT_LENGTH]


@dataclass(frozen=True, slots=True)
class Environment:
    """The exact command, versions of what numbers depend on, machine and commit."""

    command: str
    versions: dict[str, str]
    git_commit: str | None
    platform: str


def environment() -> Environment:
    """The environment of this process."""
    versions = {"python": platform.python_version()}
    versions |= {package: found for package in PACKAGES if (found := installed_version(package))}
    command = shlex.join([Path(sys.argv[0]).name, *command_without_secrets(sys.argv[1:], secrets_in())])
    return Environment(command, versions, _git_commit(), platform.platform())


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
