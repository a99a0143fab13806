"""The cache of what extractors found: right after crashes, with several processes, and when it cannot be used."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmarks.files import user_cache
from libra_bench.metrics.extractors.cache import ExtractionCache, extract


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path / "cache"))


def reverse(texts):
    return [text[::-1].encode() for text in texts]


def test_computes_each_distinct_text_once():
    calls = []

    def compute(texts):
        calls.extend(texts)
        return reverse(texts)

    cache = ExtractionCache("toy", "1")
    assert extract(["ab", "cd", "ab", ""], compute, cache=cache, title="toy") == {"ab": b"ba", "cd": b"dc", "": b""}
    assert sorted(calls) == ["", "ab", "cd"]
    assert extract(["cd", "ef"], compute, cache=ExtractionCache("toy", "1"), title="toy")["cd"] == b"dc"
    assert calls.count("cd") == 1


def test_another_identity_is_another_cache():
    ExtractionCache("toy", "weights 1").put({"a": b"1"})
    assert ExtractionCache("toy", "weights 2").get(["a"]) == {}


def test_what_was_finished_before_a_crash_is_kept():
    def breaks_late(texts):
        if "x" in texts:
            raise RuntimeError
        return reverse(texts)

    with pytest.raises(RuntimeError):
        extract(
            ["long text", "longer text", "x"], breaks_late, cache=ExtractionCache("toy", "1"), title="", chunk_size=1
        )
    assert set(ExtractionCache("toy", "1").get(["long text", "longer text", "x"])) == {"long text", "longer text"}


def test_many_texts_are_looked_up():
    texts = [f"text {index}" for index in range(1234)]
    cache = ExtractionCache("toy", "1")
    cache.put({text: text.encode() for text in texts})
    assert len(cache.get([*texts, "unknown"])) == 1234


def test_any_text_has_a_place():
    odd = ["\ud800", "\x00", "é", "e\u0301", " ", ""]
    cache = ExtractionCache("toy", "1")
    cache.put({text: repr(text).encode() for text in odd})
    assert cache.get(odd) == {text: repr(text).encode() for text in odd}


def test_several_processes_write_at_once():
    code = (
        "import sys\n"
        "from libra_bench.metrics.extractors.cache import ExtractionCache\n"
        "cache = ExtractionCache('toy', '1')\n"
        "for step in range(20): cache.put({f'{sys.argv[1]} {step} {k}': b'v' for k in range(10)})\n"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code, str(w)], stderr=subprocess.PIPE) for w in range(4)]
    for worker in workers:
        _, words = worker.communicate(timeout=120)
        assert (worker.returncode, words) == (0, b"")
    texts = [f"{w} {step} {k}" for w in range(4) for step in range(20) for k in range(10)]
    assert len(ExtractionCache("toy", "1").get(texts)) == 800


def test_an_unusable_cache_costs_time_and_no_score(capsys):
    cache = ExtractionCache("toy", "1")
    cache.path.parent.mkdir(parents=True)
    cache.path.write_bytes(b"this is no database, this is no database, this is no database " * 9)
    assert extract(["ab", "cd"], reverse, cache=cache, title="toy") == {"ab": b"ba", "cd": b"dc"}
    words = capsys.readouterr().err
    assert words.count("cannot be used") == 1
    assert str(cache.path) in words


def test_the_folder_can_be_chosen(tmp_path, monkeypatch):
    assert user_cache() == tmp_path / "cache"
    monkeypatch.delenv("LIBRA_BENCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_cache().name == "libra-bench"
