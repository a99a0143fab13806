"""`<suite>.card.json`: what a built suite is, beside its file: source, licence, how it was built, and its hash."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from benchmarks.records.json_record import Record, read_record, write_record

CARD_VERSION = 1


class SourceFile(Record):
    """A file that a suite was built from."""

    name: str
    sha256: str | None
    """None: a folder."""
    bytes: int | None = None


class DataCard(Record):
    """What a suite is and where it comes from."""

    schema_version: int = CARD_VERSION
    suite: str
    """Its name in the catalogue, or the stem of its file."""
    description: str
    homepage: str
    """Where the data set is published; empty: unknown."""
    licence: str
    """Of the data set, in short; empty: unknown."""
    how: str
    """What was built: the task and its split."""
    n: int
    with_prior: int
    with_lateral: int
    patients: int
    """0: unknown."""
    published: int | None
    """The published number of samples; None: unknown."""
    fields: Mapping[str, int]
    """Field -> how many samples have it."""
    steps: Mapping[str, int]
    """What was left after each step of the selection."""
    notes: tuple[str, ...] = ()
    sources: tuple[SourceFile, ...] = ()
    built_with: str
    """libra-bench and its version."""
    sha256: str
    """Of the suite's file."""


def card_file(suite_file: Path) -> Path:
    """Where the card of a suite's file is."""
    return suite_file.with_suffix(".card.json")


def write_card(suite_file: Path, card: DataCard) -> None:
    """Write the card beside the suite's file.

    Raises:
        StorageError: it cannot be written.
    """
    write_record(card_file(suite_file), card)


def read_card(suite_file: Path) -> DataCard | None:
    """The card beside a suite's file; None: there is none.

    Raises:
        InputError: it cannot be used.
    """
    path = card_file(suite_file)
    return read_record(path, DataCard, version=CARD_VERSION, hint="build the suite again, or delete the card")
