"""Spans as columns: what goes in comes out, shifted where parts are put together."""

from __future__ import annotations

import pickle
import tracemalloc
from dataclasses import replace

from libra_bench.metrics.metric import Span
from libra_bench.metrics.spans import Spans, StoredSpans

SPANS = [
    Span(0, "prediction", 0, 5, "new"),
    Span(0, "reference 2", 3, 9, "Größe: missing"),
    Span(2, "reference", 1, 2, "prediction"),
]


def test_spans_are_those_that_went_in():
    spans = Spans(SPANS)
    assert [*spans] == SPANS
    assert (len(spans), spans[0], spans[-1], spans[1:]) == (3, SPANS[0], SPANS[-1], SPANS[1:])
    assert [*pickle.loads(pickle.dumps(spans))] == SPANS
    assert [*Spans()] == []


def test_parts_are_put_together_whatever_their_words():
    whole = Spans()
    whole.extend(Spans(SPANS[::-1]), 10)
    whole.extend(Spans(), 15)
    whole.extend(SPANS, 20)
    assert [*whole] == [replace(span, sample=span.sample + 10) for span in SPANS[::-1]] + [
        replace(span, sample=span.sample + 20) for span in SPANS
    ]


def test_stored_spans_come_in_the_order_of_samples_and_take_no_memory():
    stored, part = StoredSpans(), Spans(SPANS * 300)
    tracemalloc.start()
    for sample in (3 * n for n in reversed(range(100))):
        stored.add(sample, part)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 100_000 < 20 * len(stored)
    expected = [replace(span, sample=span.sample + 3 * n) for n in range(100) for span in SPANS * 300]
    assert len(stored) == len(expected)
    assert [*stored] == expected
    assert (stored[901], stored[-1], stored[:2]) == (expected[901], expected[-1], expected[:2])
