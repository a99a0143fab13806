"""Long sequences: what lies in a file is what was put there, and what is shown of it is made when it is asked for."""

from __future__ import annotations

import itertools
import tempfile
from threading import Thread

import pytest

from benchmarks.errors import StorageError
from benchmarks.files import json_list, sha256_json, sha256_texts, stored
from benchmarks.files.stored import ById, Picked, Repeated, View
from benchmarks.schema import Answer, Sample

RECORDS = [
    Sample(
        f"é{n}",
        ("a.png",) * (n % 3),
        "ask",
        ("\ud800 Größe",) * (n % 2),
        None if n % 2 else ("x",),
        {"subject_id": n // 3},
        {"lateral": "l"} if n % 2 else {},
    )
    for n in range(50)
] + [Answer(n, "", "x" * n, metadata={"finish": "stop"}) for n in range(50)]


@pytest.fixture(params=[2, 40, 1 << 20], ids=["one at a time", "a few at a time", "all at once"])
def records(request, monkeypatch):
    monkeypatch.setattr(stored, "MANY", 10)
    monkeypatch.setattr(stored, "_AT_ONCE", request.param)
    kept = stored.stored(iter(RECORDS))
    assert not isinstance(kept, list)
    return kept


def test_a_stored_sequence_is_the_list(records):
    assert len(records) == len(RECORDS)
    assert [*records] == RECORDS
    assert [*reversed(records)] == RECORDS[::-1]
    for index in (0, 7, -1, -100):
        assert records[index] == RECORDS[index]
    for part in (slice(None), slice(3, 9), slice(3, 9), slice(95, 200), slice(5, 5), slice(9, 2, -3), slice(0, 50, 7)):
        assert records[part] == RECORDS[part]
    with pytest.raises(IndexError):
        records[100]


def test_few_records_stay_a_list():
    assert stored.stored(iter(RECORDS)) == RECORDS


def test_threads_read_at_once(records):
    wrong = []

    def read():
        wrong.extend(n for n in range(200) if records[n % 97 : n % 97 + 3] != RECORDS[n % 97 : n % 97 + 3])

    threads = [Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_making_the_records_raises_is_raised(monkeypatch):
    monkeypatch.setattr(stored, "MANY", 2)
    with pytest.raises(ZeroDivisionError):
        stored.stored(1 // (3 - n) for n in range(10))


def test_a_folder_that_cannot_be_written_is_named(monkeypatch):
    monkeypatch.setattr(stored, "MANY", 2)
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(StorageError, match="/nowhere") as raised:
        stored.stored(RECORDS)
    assert "TMPDIR" in str(raised.value)


def test_views_show_what_their_lists_would():
    numbers, words = range(5), ["a", "b", "c", "d", "e"]
    both = View(lambda number, word: word * number, numbers, words)
    assert [*both] == ["", "b", "cc", "ddd", "eeee"]
    assert (both[-1], both[1:3], len(both)) == ("eeee", ["b", "cc"], 5)
    some = Picked(words, [4, 0, 0])
    assert ([*some], some[-1], some[:2], len(some)) == (["e", "a", "a"], "a", ["e", "a"], 3)
    same = Repeated("x", 3)
    assert ([*same], same[2], same[1:], len(same)) == (["x"] * 3, "x", ["x", "x"], 3)
    with pytest.raises(IndexError):
        same[3]


@pytest.mark.parametrize("items", [[], [1], [{"b": [1, {"é": None}], "a": "x"}, "y", None], [[], [[2]]]])
def test_the_hash_of_a_list_in_pieces_is_that_of_the_list(items):
    assert sha256_texts(json_list(items)) == sha256_json(items)
    assert sha256_texts(json_list([iter(items), 7])) == sha256_json([items, 7])


class Asked(list):
    """Says what it was asked for."""

    def __init__(self, items):
        super().__init__(items)
        self.asked = []

    def __getitem__(self, index):
        self.asked.append(index)
        return super().__getitem__(index)


@pytest.mark.parametrize("places", [[], [3], [0, 1, 2, 5, 6, 4, 4, 0], [*range(150), 7], [*reversed(range(9))]])
def test_picked_items_that_follow_each_other_are_asked_for_together(places):
    items = Asked(range(200))
    assert [*Picked(items, places)] == places
    assert all(isinstance(index, slice) for index in items.asked)
    assert (
        len([*filter(lambda index: index.stop > index.start, items.asked)])
        <= 1 + sum(b != a + 1 for a, b in itertools.pairwise(places)) + len(places) // 64
    )
    assert Picked(items, places)[2:7] == places[2:7]


def test_items_are_found_by_their_ids():
    found = ById(["a", "b", "c"], {"y": 1, "x": 0})
    assert dict(found) == {"y": "b", "x": "a"}
    assert (len(found), found.get("z"), "x" in found) == (2, None, True)
