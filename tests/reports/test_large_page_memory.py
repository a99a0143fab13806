"""The page of a very large run: marks are read from a file, and what is written is never whole in memory."""

from __future__ import annotations

import json
import random
import tracemalloc
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.files import stored
from benchmarks.files.stored import View
from benchmarks.records.samples import SpanRecord
from reports.cases import spans as marks
from reports.cases import words
from reports.cases.pieces import new_pieces
from reports.cases.spans import SpanTable
from reports.cases.words import WordIndex

STUDIES, MARKS = 500, 60


@contextmanager
def traced() -> Iterator[list[int]]:
    """Afterwards: bytes that are held, and that were held at most."""
    found: list[int] = []
    tracemalloc.start()
    try:
        yield found
        found += tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()


def spans() -> Iterator[SpanRecord]:
    """Of each metric the predictions' first, as a chunk of a metric leaves them."""
    for metric in ("temporal_f1", "report_errors"):
        for side in ("prediction", "reference"):
            for study in range(STUDIES):
                for mark in range(MARKS // 4):
                    yield SpanRecord(f"study {study}", side, mark, mark + 3, f"label {mark % 5}", metric)


def test_marks_are_read_from_a_file_in_the_order_in_which_they_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "_AT_ONCE", 1 << 14)
    monkeypatch.setattr(marks, "_AT_ONCE", 1 << 10)
    places = {f"study {study}": study for study in range(STUDIES)}
    with traced() as memory:
        table = SpanTable(spans(), places)
    assert memory[0] < 8 * STUDIES * MARKS  # of 24 bytes each
    text = "x" * 40
    expected: dict[str, list[list[object]]] = {}
    for span in spans():
        one = [span.side, span.start, span.end, span.metric, span.label]
        expected.setdefault(str(span.question_id), []).append(one)
    for study in random.Random(0).sample(range(STUDIES), 50):
        assert table.of(study, text, [text]) == expected[f"study {study}"]
    assert table.metrics == ["temporal_f1", "report_errors"]


def test_a_long_piece_is_written_in_parts(tmp_path: Path) -> None:
    column = array("d", (n / 7 for n in range(200_000)))
    value = {
        "ids": [f'"{n}\\ é' for n in range(1_003)],
        "runs": [{"scores": [View(lambda score: None if score < 1 else score, column)], "words": array("i", [1, 2])}],
        "text": 'a"\u2028😀' * 700,
        "none": [],
        "deep": [[1, [2, None]], {"a": True}],
    }
    with traced() as memory, new_pieces(tmp_path / "report.html") as writer:
        writer.write("index", value)
    (piece,) = tmp_path.glob("report_cases/*/index.js")
    written = json.dumps(value, default=list, separators=(",", ":"))
    assert piece.read_text() == f'reportPiece("index", {json.dumps(written)});\n'
    assert memory[1] < 1_000_000 < len(written)


def test_words_are_coded_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    source = random.Random(0)
    index = WordIndex()
    for _ in range(300):
        index.add([" ".join(source.choices("abcdefghij", k=6))])
    whole = index.as_json()
    monkeypatch.setattr(words, "AT_ONCE", 40)
    assert index.as_json() == whole
