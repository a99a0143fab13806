"""Every reply of a judge, kept at once: a killed run continues where it was, and no question is paid for twice.

Keyed by the hash of all that a reply depends on. What is stored quotes reports: keep the file as private as them, and
publish `rows(texts=False)`.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from benchmarks.errors import StorageError
from benchmarks.files import sha256_json, user_cache
from benchmarks.files.json_text import parse_json
from benchmarks.wording import first_line

WAIT_SECONDS = 60.0
"""How long to wait for another process that is writing."""
LOOKUP_SIZE = 500
"""Keys in one query: below the number of variables that every SQLite allows."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a reply depends on."""

    prompt: str
    """Hash of the prompt without the texts, the schema of the reply included."""
    pair: str
    """Hash of the texts."""
    model: str
    revision: str | None
    decoding: Mapping[str, float | str | None]
    repeat: int

    @property
    def key(self) -> str:
        """Its hash."""
        return sha256_json(asdict(self))


@dataclass(frozen=True, slots=True)
class Judgement:
    """One reply of a judge."""

    text: str
    finish: str
    """"stop", or "length" where it was cut."""
    served_model: str | None
    """What the server says has answered."""
    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float
    structured: str | None
    """Kind of `response_format` that the server took; None: it was not told any."""


_IDENTITY, _JUDGEMENT = TypeAdapter(Identity), TypeAdapter(Judgement)


class Judgements:
    """One SQLite file; any number of threads and processes may use it at once."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or user_cache() / "judgements" / "judgements.sqlite3"
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def get(self, keys: Iterable[str]) -> dict[str, Judgement]:
        """Those of these keys that are known."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, Judgement] = {}
        if not self.path.exists():
            return found
        for start in range(0, len(wanted), LOOKUP_SIZE):
            part = wanted[start : start + LOOKUP_SIZE]
            marks = ",".join("?" * len(part))
            query = f"SELECT key, reply, facts FROM judgements WHERE key IN ({marks})"  # noqa: S608
            for key, reply, facts in self._read(query, part):
                with self._readable():
                    found[key] = _JUDGEMENT.validate_python({**parse_json(facts), "text": reply})
        return found

    def put(self, identity: Identity, judgement: Judgement) -> None:
        """Keep a reply; it is on the disk when this returns.

        Raises:
            StorageError: it cannot be written.
        """
        facts = asdict(judgement)
        row = (identity.key, json.dumps(asdict(identity)), facts.pop("text"), json.dumps(facts))
        try:
            with self._lock, self._opened() as connection:
                connection.execute("INSERT OR REPLACE INTO judgements VALUES (?, ?, ?, ?)", row)
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            raise StorageError(
                f"a judgement cannot be kept ({error})",
                where=self.path,
                hint="free some space, or set LIBRA_BENCH_CACHE to another folder; those before are kept",
            ) from error

    def rows(self, *, texts: bool = True) -> Iterator[dict[str, Any]]:
        """All of them, as JSON objects; without `texts` nothing that was said of a report, only hashes and facts."""
        if not self.path.exists():
            return
        for identity, reply, facts in self._read("SELECT identity, reply, facts FROM judgements ORDER BY key"):
            with self._readable():
                row = {**parse_json(identity), **parse_json(facts)}
                _IDENTITY.validate_python(row)
                _JUDGEMENT.validate_python(row | {"text": reply})
                row |= {"reply": reply} if texts else {}
            yield row

    def _read(self, query: str, parameters: Sequence[str] = ()) -> list[tuple[str, str, str]]:
        try:
            with self._lock:
                return self._opened().execute(query, parameters).fetchall()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise self._unusable(error) from error

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """A row that is not as it was written is damage: nothing that was paid for is asked for again unsaid."""
        try:
            yield
        except (TypeError, ValueError) as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> StorageError:
        return StorageError(
            f"the kept judgements cannot be used ({first_line(error)})",
            where=self.path,
            hint="move the file away, or set LIBRA_BENCH_CACHE to another folder",
        )

    def _opened(self) -> sqlite3.Connection:
        """The connection to the file, which is made where it is missing; the caller holds the lock.

        Raises:
            StorageError: it cannot be used.
        """
        if self._connection is not None:
            return self._connection
        try:
            if not self.path.exists():
                self.path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            connection = sqlite3.connect(self.path, timeout=WAIT_SECONDS, check_same_thread=False)
            connection.execute(
                "CREATE TABLE IF NOT EXISTS judgements"
                " (key TEXT PRIMARY KEY, identity TEXT NOT NULL, reply TEXT NOT NULL, facts TEXT NOT NULL)"
            )
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            raise self._unusable(error) from error
        self._connection = connection
        return connection
