"""What a run folder's plots and page were made from, so that they are made again only when that has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from benchmarks.errors import InputError
from benchmarks.files import sha256_file, sha256_json
from benchmarks.packages import installed_version
from benchmarks.records.audit import AUDIT_FILE
from benchmarks.records.json_record import Record, read_record, write_record
from benchmarks.records.run import read_run
from benchmarks.records.samples import SAMPLES_FILE, SPANS_FILE
from benchmarks.records.scores import SCORES_FILE
from libra_bench.runs.answers import ANSWERS_FILE

MADE_FILE = ".made_from.json"
READ_FILES = (SCORES_FILE, SAMPLES_FILE, SPANS_FILE, ANSWERS_FILE, AUDIT_FILE)
"""What plots and page are made from, besides run.json, the suite and its images."""


class Made(Record):
    """What was made, and the hash of what it was made from."""

    schema_version: int = 1
    inputs: str
    plots: tuple[Annotated[str, Field(pattern=r"^plots/[^/]+\.(png|svg)$")], ...] = ()
    """Files, relative to the run folder; none outside of it."""


def inputs_of(folder: Path) -> str:
    """The hash of all that plots and page depend on: results, suite, images (name, size, time), and the release."""
    record = read_run(folder)
    suite = Path(record.suite.file) if record.suite.file else None
    return sha256_json(
        {
            "release": installed_version("libra-bench"),
            "code": _code(),
            "run": record.model_copy(update={"cost": None}).as_json(),
            "files": {name: sha256_file(folder / name) for name in READ_FILES if (folder / name).exists()},
            "suite": sha256_file(suite) if suite is not None and suite.is_file() else None,
        }
    )


def _code() -> list[Any]:
    """What tells one state of the package that draws from another, where it runs from a checkout."""
    import reports

    files = sorted(path for path in Path(reports.__path__[0]).rglob("*") if path.suffix != ".pyc" and path.is_file())
    return [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files]


def read_made(folder: Path) -> Made | None:
    """What a folder says was made; None where it says nothing that can be used."""
    try:
        return read_record(folder / MADE_FILE, Made, version=1, hint="remove it")
    except InputError:
        return None


def write_made(folder: Path, made: Made) -> None:
    """Keep it.

    Raises:
        StorageError: it cannot be written.
    """
    write_record(folder / MADE_FILE, made)
