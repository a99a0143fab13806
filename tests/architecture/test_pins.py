"""What is installed: every package pinned, every file of it with a hash, and all lists of one mind."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
VLLM = "tests/environments/vllm.txt"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SHA256 = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def pins(file: str) -> dict[str, str]:
    """The versions of a list by the package's name, as far as they are for this machine."""
    text = (ROOT / file).read_text(encoding="utf-8")
    found = [Requirement(line.rstrip(" \\")) for line in text.splitlines() if "==" in line and "--hash" not in line]
    here = [one for one in found if one.marker is None or one.marker.evaluate()]
    return {canonicalize_name(one.name): str(one.specifier).removeprefix("==") for one in here}


def wanted(*extras: str) -> Iterator[Requirement]:
    """What pyproject.toml asks for; an extra may be made of others."""
    yield from map(Requirement, PROJECT["project"]["dependencies"])
    for extra in extras:
        for one in map(Requirement, PROJECT["project"]["optional-dependencies"][extra]):
            if one.name == PROJECT["project"]["name"]:
                yield from wanted(*one.extras)
            else:
                yield one


LOCKED = pins("locks/build.txt") | pins("locks/torch.txt") | pins("locks/all.txt")


@pytest.mark.parametrize("file", ["constraints.txt", VLLM])
def test_every_dependency_is_pinned_wherever_the_program_is_installed(file):
    assert {canonicalize_name(one.name) for one in wanted()} - pins(file).keys() == set()


def test_the_lock_has_what_pyproject_asks_for():
    asked = [*wanted("all", "dev"), *map(Requirement, PROJECT["build-system"]["requires"])]
    assert len(asked) > 50
    assert [str(one) for one in asked if LOCKED.get(canonicalize_name(one.name), "none") not in one.specifier] == []


def test_the_lock_has_the_versions_of_the_constraints():
    cuda = pins("locks/torch.txt").keys() - {"torch"}
    assert {name: version for name, version in LOCKED.items() if name not in cuda} == pins("constraints.txt")
    assert pins("locks/torch-cpu.txt")["torch"].partition("+")[0] == LOCKED["torch"]


def test_vllms_lock_has_the_versions_of_its_list():
    assert pins("locks/vllm.txt") | {"torch": LOCKED["torch"]} == pins(VLLM)


@pytest.mark.parametrize("name", ["llama", "docs"])
def test_the_lock_of_another_environment_has_the_versions_of_its_list(name):
    assert pins(f"locks/{name}.txt") == pins(f"tests/environments/{name}.txt")


@pytest.mark.parametrize("file", sorted(path.name for path in (ROOT / "locks").iterdir()))
def test_every_package_has_hashes_and_no_address(file):
    lines = (ROOT / "locks" / file).read_text(encoding="utf-8").splitlines()[1:]
    assert lines
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        assert line.endswith("\\") == following.startswith("    --hash"), line
        assert SHA256.fullmatch(line) or ("==" in line and line.endswith(" \\") and "://" not in line), line
