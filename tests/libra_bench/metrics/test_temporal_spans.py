"""Temporal F1 says which words it matched, in the text as it was given; and refuses what it cannot score."""

from __future__ import annotations

import pytest

from benchmarks.errors import InputError
from libra_bench.metrics.temporal_f1 import TemporalF1, temporal_f1_score


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Effusion is UNCHANGED; heart stable-appearing.", ["UNCHANGED", "stable"]),
        ("pre_enlarged and\n\n  new—ly seen, new", ["enlarged", "new"]),
        ("The lungs are im'proved since; no removals.", ["im'proved"]),
        ("İmproved aeration", ["İmproved"]),
        ("improve/worsened, changes, new2", []),
    ],
)
def test_spans_point_into_the_original_text(text: str, words: list[str]) -> None:
    spans = TemporalF1().score([text], [[""]]).spans
    assert [text[span.start : span.end] for span in spans] == words
    assert all(span.side == "prediction" and span.sample == 0 for span in spans)


def test_spans_name_the_side_and_the_alternative() -> None:
    spans = TemporalF1().score(["", "new"], [["stable"], ["worse", "none", "a larger one"]]).spans
    assert [(span.sample, span.side, span.label) for span in spans] == [
        (0, "reference", "stable"),
        (1, "prediction", "new"),
        (1, "reference", "worse"),
        (1, "reference 3", "larger"),
    ]


def test_lists_that_cannot_be_scored_are_refused() -> None:
    with pytest.raises(InputError, match="2 predictions, but 1 references"):
        temporal_f1_score(["a", "b"], ["a"])
    with pytest.raises(InputError, match="no texts"):
        temporal_f1_score([], [])
