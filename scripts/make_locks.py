"""Write `locks/`: what the make targets install, with the SHA-256 of every file of each package.

The versions are those of constraints.txt and tests/environments; uv asks the package index for the files.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "constraints.txt"
VLLM = ROOT / "tests" / "environments" / "vllm.txt"
LLAMA = ROOT / "tests" / "environments" / "llama.txt"
DOCS = ROOT / "tests" / "environments" / "docs.txt"
LOCKS = ROOT / "locks"
FOR_SDISTS = ("setuptools",)
"""Builds the packages that come as source alone."""
FOR_EDITABLE = ("editables",)
"""What hatchling needs for `pip install -e`."""
TORCH = ("torch==", "triton==", "cuda-", "nvidia-")
"""How torch's entry begins, and those of the packages that only its CUDA build needs."""
CPU_BUILD = ("torch==2.13.0+cpu", "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b")
"""torch for Python 3.11 on x86-64 without CUDA, 200 MB instead of 3 GB; the general index does not have it."""
OPTIONS = shlex.split(
    "--universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-config --quiet"
)
ENTRY = re.compile(r"^[A-Za-z0-9._-]+==[^\n]*\\\n(?:    --hash=\S+(?: \\)?\n)+", re.MULTILINE)


def main() -> None:
    """Write the seven files.

    Raises:
        SystemExit: another version of torch, whose CPU build is not entered here.
    """
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    pin, sha256 = CPU_BUILD
    project = entries("pyproject.toml", "--extra", "all", "--extra", "dev", "-c", CONSTRAINTS)
    if not any(entry.startswith(pin.removesuffix("+cpu") + " ") for entry in project):
        raise SystemExit(f"{pin} is not the version of constraints.txt: enter the next one's wheel (pip hash FILE)")
    write("build", entries("-", "-c", CONSTRAINTS, given=[*build, *FOR_EDITABLE, *FOR_SDISTS]))
    write("torch-cpu", [f"{pin} \\\n    --hash=sha256:{sha256}\n"])
    write("torch", [entry for entry in project if entry.startswith(TORCH)])
    write("all", [entry for entry in project if not entry.startswith(TORCH)])
    write("vllm", [entry for entry in entries(VLLM, "--no-deps") if not entry.startswith(TORCH)])
    write("llama", entries(LLAMA, "--no-deps"))
    write("docs", entries(DOCS, "--no-deps"))


def entries(*arguments: object, given: Sequence[str] = ()) -> list[str]:
    """One text per package, from uv: the version, where it is for, the hashes of all files of it."""
    done = subprocess.run(
        [Path(sys.executable).with_name("uv"), "pip", "compile", *map(str, arguments), *OPTIONS],
        cwd=ROOT,
        input="\n".join(given),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = list(ENTRY.finditer(done.stdout))
    if "".join(entry[0] for entry in found) != done.stdout:
        raise SystemExit(f"uv wrote something else than packages with hashes:\n{done.stdout[:2000]}")
    return [entry[0] for entry in found]


def write(name: str, packages: Sequence[str]) -> None:
    """Write one lock."""
    LOCKS.mkdir(exist_ok=True)
    head = f"# {len(packages)} packages, written by scripts/make_locks.py (make locks); do not edit.\n"
    (LOCKS / f"{name}.txt").write_text(head + "".join(packages), encoding="utf-8")


if __name__ == "__main__":
    main()
