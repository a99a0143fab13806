"""Files: JSON lines, hashes, writes that leave either the old file or the whole new one, and the cache folder."""

from __future__ import annotations

import fnmatch
import functools
import hashlib
import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import platformdirs

from benchmarks.errors import InputError, StorageError
from benchmarks.files.json_text import parse_json

CACHE_VARIABLE = "LIBRA_BENCH_CACHE"
"""The environment variable that names the cache folder."""
SETTLED_NANOSECONDS = 2 * 10**9
"""A file that is younger may change again without a new time: file systems count in steps of up to two seconds."""


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, object) of a JSON-lines file; blank lines are skipped.

    Reads UTF-8 with or without a byte-order mark, and any line ends.

    Raises:
        InputError: the file is missing, is not text, or a line is not one JSON object; names the line.
    """
    with reading(path), path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            yield number, json_object(line, f"{path}:{number}")


def json_object(line: str | bytes, where: str) -> dict[str, Any]:
    """The object of a line of a JSON-lines file.

    Raises:
        InputError: it is not one JSON object.
    """
    hint = "each line must be one JSON object"
    try:
        record = parse_json(line, unique_keys=True)
    except json.JSONDecodeError as error:
        raise InputError(f"not valid JSON ({error.msg}, column {error.colno})", where=where, hint=hint) from error
    if not isinstance(record, dict):
        raise InputError(f"expected a JSON object, found {type(record).__name__}", where=where, hint=hint)
    return record


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Say of a file that the user gave why it cannot be read.

    Raises:
        InputError: it is missing, is a folder or an endless device, is not UTF-8 text where text is read, or cannot be
            read.
    """
    try:
        if (path.is_char_device() or path.is_block_device()) and not path.samefile("/dev/stdin"):
            raise InputError("is a device, not a file", where=path, hint="give a file")
        yield
    except FileNotFoundError as error:
        raise InputError("no such file", where=path, hint="check the path") from error
    except IsADirectoryError as error:
        raise InputError("is a folder, not a file", where=path, hint="give the file inside it") from error
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 text (byte {error.start})", where=path, hint="save the file as UTF-8") from error
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=path, hint="check the path") from error


def files_below(folder: Path, pattern: str = "*") -> list[Path]:
    """The files at any depth whose names match, sorted; folders that vanish meanwhile or cannot be read have none."""
    found = (Path(parent, name) for parent, _, names in os.walk(folder) for name in fnmatch.filter(names, pattern))
    return sorted(found)


def modified(path: Path) -> float:
    """When a file was last changed, in seconds; 0 where it is gone."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def dump_json_line(record: Mapping[str, Any]) -> str:
    """One line of a JSON-lines file, newline included; text stays readable (no \\u escapes)."""
    return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"


def is_folder_name(name: str) -> bool:
    """Whether a name can be that of one folder, and of none above."""
    return name not in ("", ".", "..") and not any(character in name for character in "/\\\0")


def private_opener(path: Path) -> Callable[[str, int], int]:
    """How `open` makes a file that holds reports: its owner's alone, unless a group writes into its folder.

    An existing file keeps its mode, which the user chose.
    """

    def opened(name: str, flags: int) -> int:
        with suppress(OSError):
            chosen = stat.S_IMODE(path.stat().st_mode)
            descriptor = os.open(name, flags, 0o600)
            with suppress(OSError):  # file systems without modes
                os.fchmod(descriptor, chosen)
            return descriptor
        return os.open(name, flags, 0o666 if path.parent.stat().st_mode & stat.S_IWGRP else 0o600)

    return opened


@contextmanager
def atomic_write(path: Path, mode: str = "w", *, private: bool = False, **open_options: Any) -> Iterator[IO[Any]]:
    """Open a temporary neighbour of `path`; on success it takes the place of `path`, else nothing changes.

    Text is UTF-8; half a character (a lone surrogate), which UTF-8 does not have, is written as "?".

    Args:
        path: the file.
        mode: as of `open`.
        private: whether it holds reports: a new file is its owner's alone, unless a group writes into its folder.
        open_options: of `open`.

    Raises:
        StorageError: the disk is full, the folder cannot be written, or `path` is a folder; it is as it was before.
    """
    if "b" not in mode:
        open_options = {"encoding": "utf-8", "errors": "replace", "newline": "", **open_options}
    if path.is_dir() or not path.name:
        raise StorageError("is a folder", where=path, hint="name a file")
    if path.exists() and not path.is_file():  # a pipe or a device, which no file must take the place of
        with _storing(path), open(path, mode, **open_options) as stream:
            yield stream
        return
    path = Path(os.path.realpath(path))  # a link stays one
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with _storing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            opener = private_opener(path) if private else None
            with open(temporary, mode, opener=opener, **open_options) as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def _storing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot write ({error.strerror or error})", where=path, hint="free some space or choose another folder"
        ) from error


def write_jsonl(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write a JSON-lines file atomically; it may hold reports, so that a new one is private."""
    with atomic_write(path, private=True) as stream:
        stream.writelines(dump_json_line(record) for record in records)


def write_json(path: Path, value: Any) -> None:
    """Write an indented JSON file atomically."""
    with atomic_write(path) as stream:
        json.dump(value, stream, ensure_ascii=False, indent=2)
        stream.write("\n")


def sha256_file(path: Path) -> str:
    """The sha256 of a file's bytes, as hex; read once per process as long as the file does not change."""
    facts = path.stat()
    if time.time_ns() - facts.st_mtime_ns < SETTLED_NANOSECONDS:
        return _sha256(path)
    return _sha256_of_version(path, facts.st_ino, facts.st_size, facts.st_mtime_ns)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@functools.cache
def _sha256_of_version(path: Path, inode: int, size: int, modified: int) -> str:
    return _sha256(path)


def sha256_json(value: Any) -> str:
    """The sha256 of a JSON value, independent of key order, as hex."""
    return sha256_texts([_canonical(value)])


def sha256_texts(texts: Iterable[str]) -> str:
    """The sha256 of texts one after another, as hex."""
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode(errors="surrogatepass"))
    return digest.hexdigest()


def json_list(items: Iterable[Any]) -> Iterator[str]:
    """A JSON list in pieces, whose `sha256_texts` is its `sha256_json`. An iterator among the items is a list, too."""
    yield "["
    for number, item in enumerate(items):
        if number:
            yield ","
        if isinstance(item, Iterator):
            yield from json_list(item)
        else:
            yield _canonical(item)
    yield "]"


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def user_cache() -> Path:
    """The folder of what can be made again (extractor outputs, unpacked weights, environments); it may not exist yet.

    LIBRA_BENCH_CACHE, else the platform's, such as ~/.cache/libra-bench.
    """
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).expanduser().absolute()
    return platformdirs.user_cache_path("libra-bench", appauthor=False)
