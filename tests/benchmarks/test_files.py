"""Files: hashes of what is read, and paths that are no files."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path

import pytest

from benchmarks.errors import InputError, StorageError
from benchmarks.files import atomic_write, files_below, modified, read_jsonl, sha256_file, write_jsonl
from benchmarks.files.yaml_text import read_yaml

OLD = 1_700_000_000


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_changed_file_is_read_again(tmp_path):
    path = tmp_path / "suite.jsonl"
    path.write_text("one")
    os.utime(path, (OLD, OLD))
    assert sha256_file(path) == sha256("one")
    path.write_text("two")
    assert sha256_file(path) == sha256("two")
    os.utime(path, (OLD + 1, OLD + 1))
    assert sha256_file(path) == sha256("two")


def test_so_is_one_that_changed_within_a_tick_of_the_clock(tmp_path):
    path = tmp_path / "suite.jsonl"
    now = time.time_ns()
    for text in ("one", "two"):
        path.write_text(text)
        os.utime(path, ns=(now, now))
        assert sha256_file(path) == sha256(text)


def test_an_unchanged_file_is_read_once(tmp_path):
    path = tmp_path / "weights.bin"
    path.write_text("one")
    os.utime(path, (OLD, OLD))
    assert sha256_file(path) == sha256("one")
    path.write_text("two")
    os.utime(path, (OLD, OLD))  # behind the clock's back
    assert sha256_file(path) == sha256("one")


def test_a_file_that_is_gone_has_no_hash(tmp_path):
    with pytest.raises(FileNotFoundError):
        sha256_file(tmp_path / "none")


@pytest.mark.parametrize(("folder_mode", "mode"), [(0o755, 0o600), (0o775, 0o664)])
def test_files_with_reports_are_their_owners(folder_mode: int, mode: int, tmp_path: Path) -> None:
    earlier = os.umask(0o002)
    try:
        (tmp_path / "runs").mkdir()
        (tmp_path / "runs").chmod(folder_mode)
        path = tmp_path / "runs" / "answers.jsonl"
        write_jsonl(path, [{"text": "Clear."}])
        assert path.stat().st_mode & 0o777 == mode
        path.chmod(0o640)  # what the user chose stays
        write_jsonl(path, [{"text": "Clear."}])
        assert path.stat().st_mode & 0o777 == 0o640
    finally:
        os.umask(earlier)


def test_half_characters_are_written_as_question_marks(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"text": "a\ud800b"}])
    assert (tmp_path / "a.jsonl").read_text(encoding="utf-8") == '{"text": "a?b"}\n'


def test_a_pipe_is_written_into_and_stays_one(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    write_jsonl(pipe, [{"a": 1}])
    reader.join(10)
    assert read == ['{"a": 1}\n']
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_link_stays_one_and_its_file_is_replaced(tmp_path: Path) -> None:
    file, link = tmp_path / "below" / "file", tmp_path / "link"
    link.symlink_to(file)
    for value in (1, 2):
        write_jsonl(link, [{"a": value}])
        assert link.readlink() == file
        assert file.read_text() == f'{{"a": {value}}}\n'


@pytest.mark.parametrize("name", ["/", ".", ""])
def test_a_folder_is_not_written(name: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is a folder"), atomic_write(tmp_path / name):
        pytest.fail("opened")


def test_an_endless_device_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a device"):
        next(read_jsonl(Path("/dev/zero")))
    with pytest.raises(InputError, match="larger than any recipe"):
        read_yaml(Path("/dev/zero"), InputError, "recipe")


def test_what_vanishes_while_folders_are_read_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("b", "a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text("{}")
    walk = os.scandir

    def vanishing(path: str) -> object:
        if str(path).endswith("b"):
            raise FileNotFoundError(path)
        return walk(path)

    monkeypatch.setattr(os, "scandir", vanishing)
    assert files_below(tmp_path, "run.json") == [tmp_path / "a" / "run.json"]
    assert modified(tmp_path / "gone") == 0.0
