"""What an extractor found in a text, kept on disk: the second model to be scored pays for its own texts only.

Keyed by the sha256 of the text and by the extractor's identity (weights, backbone, version). No text is stored, but
what is stored was computed from reports: keep the folder as private as them.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from typing import TypeVar

from benchmarks.files import user_cache
from libra_bench.metrics.extractors.sharing import leading

WAIT_SECONDS = 60.0
"""How long to wait for another process that is writing."""
LOOKUP_SIZE = 500
"""Texts in one query: below the number of variables that every SQLite allows."""

BAR = "{desc}: {percentage:3.0f}%|{bar}|{postfix} [{elapsed}<{remaining}]"
"""How progress is shown: time that is left is told from how much text is left."""

T = TypeVar("T")
_keep: ContextVar[bool | None] = ContextVar("keep", default=None)
"""Set while progress is not shown: whether what is found is kept."""


@contextmanager
def quiet_extraction(*, keep: bool) -> Iterator[None]:
    """Inside, no progress is shown, and what is found is only kept if `keep`: texts that never come again are not."""
    token = _keep.set(keep)
    try:
        yield
    finally:
        _keep.reset(token)


def progress_is_hidden() -> bool:
    """Whether this is inside `quiet_extraction`."""
    return _keep.get() is not None


class ExtractionCache:
    """One SQLite file per extractor; several processes may use it at once.

    A cache that cannot be read or written (a full disk, a read-only home) costs time, never a score: it says so once
    and is not used any more.
    """

    def __init__(self, extractor: str, identity: str) -> None:
        name = f"{extractor}-{hashlib.sha256(identity.encode()).hexdigest()[:16]}.sqlite3"
        self.path = user_cache() / "extractions" / name
        self._broken = False

    def get(self, texts: Iterable[str]) -> dict[str, bytes]:
        """What is known of these texts; a value that is not as it was written is not known."""
        if not os.path.exists(self.path):  # Path.exists raises where the folder may not be looked into
            return {}
        by_hash = {_hash(text): text for text in texts}
        hashes = list(by_hash)

        def look_up(connection: sqlite3.Connection) -> dict[str, bytes]:
            found: dict[str, bytes] = {}
            for start in range(0, len(hashes), LOOKUP_SIZE):
                part = hashes[start : start + LOOKUP_SIZE]
                marks = ",".join("?" * len(part))
                joined = "extractions LEFT JOIN checksums USING (text_sha256)"
                query = f"SELECT text_sha256, value, crc32 FROM {joined} WHERE text_sha256 IN ({marks})"  # noqa: S608
                found |= {
                    by_hash[key]: value
                    for key, value, crc32 in connection.execute(query, part)
                    if isinstance(value, bytes) and crc32 in (None, zlib.crc32(value))
                }
            return found

        return self._use(look_up, otherwise={})

    def put(self, values: Mapping[str, bytes]) -> None:
        """Keep these values; all of them are written, or none."""
        rows = [(_hash(text), value) for text, value in values.items()]

        def insert(connection: sqlite3.Connection) -> None:
            with connection:
                connection.executemany("INSERT OR REPLACE INTO extractions VALUES (?, ?)", rows)
                checksums = ((key, zlib.crc32(value)) for key, value in rows)
                connection.executemany("INSERT OR REPLACE INTO checksums VALUES (?, ?)", checksums)

        self._use(insert, otherwise=None)

    def _use(self, action: Callable[[sqlite3.Connection], T], *, otherwise: T) -> T:
        if self._broken:
            return otherwise
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=WAIT_SECONDS)) as connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS extractions"
                    " (text_sha256 BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID"
                )
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS checksums (text_sha256 BLOB PRIMARY KEY, crc32 INTEGER) WITHOUT ROWID"
                )
                return action(connection)
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            self._broken = True
            print(f"note: the cache {self.path} cannot be used ({error}); not using it", file=sys.stderr)  # noqa: T201
            return otherwise


def extract(
    texts: Iterable[str],
    compute: Callable[[Sequence[str]], list[bytes]],
    *,
    cache: ExtractionCache | None,
    title: str,
    chunk_size: int = 128,
) -> dict[str, bytes]:
    """What the extractor says of each distinct text; computes only what the cache does not know.

    Texts of like length are computed together. Each chunk is kept when it is done, so an interrupted run loses little.
    Inside `shared_extraction` other processes compute chunks, too.

    Args:
        texts: any texts; duplicates are computed once.
        compute: the extractor; called only if something is left to compute, so it may load its weights then.
        cache: None keeps nothing.
        title: what the progress bar says.
        chunk_size: texts in one call of `compute`.
    """
    wanted = list(dict.fromkeys(texts))
    found = cache.get(wanted) if cache else {}
    rest = sorted((text for text in wanted if text not in found), key=len, reverse=True)
    if not rest:
        return found
    from tqdm import tqdm

    keep = _keep.get()
    hidden = None if keep is None else True
    size = sum(map(_work, rest))
    with leading() as leader, tqdm(total=size, desc=title, bar_format=BAR, disable=hidden) as progress:
        step = leader.part_size(len(rest), chunk_size) if leader else chunk_size
        parts = [rest[start : start + step] for start in range(0, len(rest), step)]
        computed = leader.compute(parts, compute) if leader else ((part, compute(part)) for part in parts)
        done = 0
        for part, of_part in computed:
            values = dict(zip(part, of_part, strict=True))
            if cache and keep is not False:
                cache.put(values)
            found |= values
            done += len(part)
            progress.set_postfix_str(f"{done} of {len(rest)} texts", refresh=False)
            progress.update(sum(map(_work, part)))
    return found


def _work(text: str) -> int:
    """What a text takes, for the time left: the longest come first."""
    return len(text) + 1


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
