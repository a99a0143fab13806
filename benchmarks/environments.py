"""Side environments: packages that need older pins than ours, in a virtual environment of their own, behind a pipe."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

from benchmarks.errors import InputError, LibraBenchError
from benchmarks.files import user_cache, write_json

CPU_TORCH_INDEX = "https://download.pytorch.org/whl/cpu"


@dataclass(frozen=True)
class SideEnvironment:
    """One virtual environment, found by its name in the user's cache."""

    name: str
    """Its folder in the cache."""
    packages: Mapping[str, str]
    """Package -> release."""
    with_torch: bool = True
    """Whether it holds our own torch, too."""

    @property
    def stamp(self) -> str:
        """The file that marks a folder as this environment; complete once it names the packages."""
        return f"libra-bench-{self.name}.json"

    def pins(self) -> list[str]:
        """What is installed: the packages, and our own torch (so a CPU build stays one)."""
        torch = [f"torch=={version('torch')}"] if self.with_torch else []
        return [*torch, *(f"{name}=={release}" for name, release in self.packages.items())]

    def folder(self, folder: Path | None = None) -> Path:
        """Where it is (a link there, if it was put elsewhere), or would be."""
        return folder.expanduser().absolute() if folder else user_cache() / self.name

    def python(self, folder: Path | None = None) -> Path | None:
        """Its interpreter, or None where it is not completely installed with today's pins."""
        place = self.folder(folder)
        try:
            installed = json.loads((place / self.stamp).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        python = _python(place)
        complete = isinstance(installed, dict) and installed.get("packages") == dict(self.packages)
        return python if complete and python.exists() else None

    def install(self, folder: Path | None = None, *, wheels: Path | None = None, further: Sequence[str] = ()) -> Path:
        """Create it and return its interpreter; what is complete already is only added to.

        Args:
            folder: where; None: the user's cache. Elsewhere, the cache gets a link to it, by which it is found.
            wheels: a folder of wheel files to install from instead of an index (offline).
            further: packages to add, as requirements; they may not change the pinned ones.

        Raises:
            InputError: the folder holds something else, and is left as it is; there is no such folder of wheels; or a
                package is no requirement.
            LibraBenchError: pip failed; its own words are on stderr.
        """
        place, known = self.folder(folder), self.folder()
        if wheels and not wheels.is_dir():
            raise InputError("no such folder of wheels", where=wheels, hint="check the path given to --wheels")
        for package in (*self.pins(), *further):
            _check_requirement(package)
        source = ["--no-index", "--find-links", str(wheels)] if wheels else []
        if python := self.python(folder):
            _link(known, place)
            self._add(python, further, source, place)
            return python
        self._refuse_foreign(place)
        write_json(place / self.stamp, {"installing": dict(self.packages)})  # an interrupted one is ours, too
        for left in place.iterdir():
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left)
            elif left.name != self.stamp:
                left.unlink()
        venv.create(place, with_pip=True)
        python = _python(place)
        torch = self.pins()[0] if self.with_torch else None
        installed = torch is None or _pip(python, [torch, *source])
        if torch and not installed and not wheels and torch.endswith("+cpu"):  # one's own index may have it, not PyPI
            installed = _pip(python, [torch, "--extra-index-url", CPU_TORCH_INDEX])
        if not installed or not _pip(python, [*self.pins(), *source]):
            raise LibraBenchError(
                f"the {self.name} packages could not be installed",
                where=place,
                hint="see pip's message above; without a network, pass --wheels FOLDER (docs/weights.md)",
            )
        write_json(place / self.stamp, {"packages": dict(self.packages), "torch": torch})
        _link(known, place)
        self._add(python, further, source, place)
        return python

    def _add(self, python: Path, further: Sequence[str], source: Sequence[str], place: Path) -> None:
        if further and not _pip(python, [*self.pins(), *further, *source]):
            raise LibraBenchError(
                f"{', '.join(further)} could not be added to the {self.name} environment",
                where=place,
                hint="see pip's message above; what was there before is unchanged",
            )

    def _refuse_foreign(self, place: Path) -> None:
        """Making an environment empties its folder: only an empty one, or one of ours, may be emptied."""
        if place.is_symlink() and not place.exists():
            raise InputError("is a link that leads nowhere", where=place, hint="remove it, or give another --dir")
        if not place.exists():
            return
        if not place.is_dir():
            raise InputError("is a file", where=place, hint="give a folder with --dir")
        if any(place.iterdir()) and not (place / self.stamp).is_file():
            raise InputError(
                f"holds files that libra-bench did not make, and making the {self.name} environment would erase them",
                where=place,
                hint="give a new or empty folder with --dir",
            )


class Worker:
    """A program in a side environment: one JSON request per line in, one JSON reply per line out.

    The program imports nothing of libra-bench, and keeps its own prints away from the replies. A reply with a key
    `error` is a failure.
    """

    def __init__(self, python: Path, program: Path, **variables: str) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  # as long as the process; a pipe could fill up
        self._process = subprocess.Popen(
            [str(python), "-I", str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            encoding="utf-8",
            env={**os.environ, **variables},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, **request: Any) -> dict[str, Any]:
        """One request, one reply.

        Raises:
            LibraBenchError: it failed; the message is the program's own, or the last line that it printed.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = ""
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            pass  # it is gone; what it said last tells why
        try:
            reply = json.loads(line)
        except ValueError:
            raise LibraBenchError(self._last_words()) from None
        if not isinstance(reply, dict) or "error" in reply:
            raise LibraBenchError(str(reply["error"] if isinstance(reply, dict) else reply))
        return reply

    @property
    def is_running(self) -> bool:
        """Whether the program has not ended."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the program; it ends by itself when no more requests can come."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it ended before
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._said.close()

    def _last_words(self) -> str:
        status = self._process.wait()
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"it ended with exit status {status}"


def _link(known: Path, place: Path) -> None:
    """Let `known` lead to `place`; an environment that is there already is left alone."""
    if known == place or (known.exists() and not known.is_symlink()):
        return
    known.parent.mkdir(parents=True, exist_ok=True)
    known.unlink(missing_ok=True)
    known.symlink_to(place)


def _check_requirement(text: str) -> None:
    """Pip would take other words as options, or as files to install."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        Requirement(text)
    except InvalidRequirement as error:
        what = f"{text!r} is no requirement"
        raise InputError(what, hint='name a package, such as "einops" or "einops>=0.8"') from error


def _pip(python: Path, arguments: Sequence[str]) -> bool:
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", *arguments]
    return subprocess.run(command, stdout=sys.stderr, check=False).returncode == 0


def _python(place: Path) -> Path:
    return place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
