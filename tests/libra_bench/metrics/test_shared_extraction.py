"""Several processes extract together: every text once, the same values, and nobody is waited for in vain."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter

import pytest
import tiny_encoders as tiny
from real_program import launch, workers_of
from torch.distributed import HashStore

from libra_bench.metrics.extractors import sharing
from libra_bench.metrics.extractors.cache import ExtractionCache, extract
from libra_bench.metrics.extractors.sharing import help_to_extract, shared_extraction

TEXTS = [f"text number {number}" + " longer" * (number % 7) for number in range(60)]
EXPECTED = {text: text[::-1].encode() for text in TEXTS}
computed: Counter[tuple[str, str]] = Counter()
"""(Thread, text) -> how often."""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path / "cache"))
    computed.clear()


def reverse(texts):
    time.sleep(0.002)
    computed.update((threading.current_thread().name, text) for text in texts)
    return [text[::-1].encode() for text in texts]


def only_the_leader(texts):
    if threading.current_thread() is not threading.main_thread():
        raise MemoryError
    return reverse(texts)


def together(compute, *, helpers=1):
    """What the leader has of TEXTS with helpers in threads, each of which ends."""
    store = HashStore()
    threads = [threading.Thread(target=help_to_extract, args=(store,), name=f"helper {n}") for n in range(helpers)]
    for thread in threads:
        thread.start()
    try:
        with shared_extraction(store, helpers + 1):
            first = extract(TEXTS[:20], compute, cache=ExtractionCache("toy", "1"), title="toy")
            everything = extract(TEXTS, compute, cache=ExtractionCache("toy", "1"), title="toy")
    finally:
        for thread in threads:
            thread.join(timeout=30)
    assert first == {text: EXPECTED[text] for text in TEXTS[:20]}
    assert not any(thread.is_alive() for thread in threads)
    return everything


@pytest.mark.parametrize("helpers", [1, 3])
def test_every_text_is_computed_once_and_everyone_takes_part(helpers):
    assert together(reverse, helpers=helpers) == EXPECTED
    assert set(Counter(text for _, text in computed.elements()).values()) == {1}
    assert len({thread for thread, _ in computed}) == helpers + 1
    assert ExtractionCache("toy", "1").get(TEXTS) == EXPECTED


def test_large_values_come_through_in_pieces(monkeypatch):
    monkeypatch.setattr(sharing, "PIECE", 16)
    assert together(reverse) == EXPECTED


def test_what_fails_in_a_helper_is_computed_here():
    assert together(only_the_leader) == EXPECTED


def test_what_cannot_be_sent_is_computed_here():
    assert together(lambda texts: reverse(texts)) == EXPECTED  # a lambda cannot be pickled
    assert {thread for thread, _ in computed} == {"MainThread"}


def test_an_error_of_the_leader_releases_the_helpers():
    def broken(texts):
        raise ValueError(len(texts))

    with pytest.raises(ValueError):
        together(broken)


def test_a_part_that_never_comes_back_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(sharing, "MIN_WAIT_SECONDS", 0.1)
    store = HashStore()
    assert store.add("job 0 next", 1) == 1  # somebody takes the first part, and is killed
    with shared_extraction(store, 2):
        assert extract(TEXTS, reverse, cache=None, title="toy") == EXPECTED


def test_what_a_part_needs_is_extracted_where_the_part_is():
    def outer(texts):
        inner = extract(texts, reverse, cache=None, title="inner")
        return [inner[text] for text in texts]

    store = HashStore()
    with shared_extraction(store, 2):
        assert extract(TEXTS, outer, cache=None, title="outer") == EXPECTED
    assert not store.check(["job 1"])


@pytest.fixture
def to_score(program, monkeypatch):
    """Arguments that score made-up reports with two extractors; their cache is new in every call."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    words = ["effusion", "no edema", "small opacity", "tube", "possible pneumonia", "heart is normal"]
    for name in ("reference", "text"):
        rows = [
            {"question_id": n, "image": [], "text": "?", name: ". ".join(words[n % 6 :] + words[: n % 5 + 1]) + f" {n}"}
            for n in range(80)
        ]
        (program.folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    metrics = (
        f"chexbert[model={tiny.CHEXBERT};backbone={tiny.BERT}],radgraph[model={tiny.RADGRAPH};backbone={tiny.BERT}]"
    )
    files = ("--references", "reference.jsonl", "--predictions", "text.jsonl", "--metrics", metrics.replace(";", ","))

    def arguments(name):
        monkeypatch.setenv("LIBRA_BENCH_CACHE", str(program.folder / f"cache of {name}"))
        return ("score", *files, "--csv", f"{name}.csv")

    return arguments


@pytest.mark.slow
def test_two_processes_score_as_one(program, to_score):
    alone = program(*to_score("alone"), OMP_NUM_THREADS="1")
    assert alone.returncode == 0, alone.stderr
    process = launch(program, 2, *to_score("together"))
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    assert (program.folder / "together.csv").read_bytes() == (program.folder / "alone.csv").read_bytes()


@pytest.mark.slow
def test_a_killed_process_ends_the_other_and_what_was_done_is_kept(program, to_score):
    process = launch(program, 2, *to_score("killed"))
    kept = program.folder / "cache of killed/extractions"
    while process.poll() is None and not list(kept.glob("chexbert-*")):
        time.sleep(0.02)
    os.kill(workers_of(process.pid)[1], signal.SIGKILL)
    began = time.monotonic()
    process.communicate(timeout=120)
    assert time.monotonic() - began < 60
    again = program(*to_score("killed"), OMP_NUM_THREADS="1")
    assert again.returncode == 0, again.stderr
