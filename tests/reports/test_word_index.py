"""The index of words finds what a search through the texts finds."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from reports.cases.words import WordIndex

WORDS = st.sampled_from(["no", "effusion", "effusions.", "Größe", "ﬁbrosis", "(new)", "left", "é", "1"])


def found(index: dict[str, object], part: str) -> set[int]:
    """What the page's script does."""
    words, lengths, cases = str(index["words"]), index["lengths"], base64.b64decode(str(index["cases"]))
    assert isinstance(lengths, list)
    hits, start = set(), 0
    for word, length in zip(words.split("\n") if words else [], lengths, strict=True):
        number, step, shift = -1, 0, 0
        for byte in cases[start : start + length]:
            step |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                number, step, shift = number + step, 0, 0
                if part in word:
                    hits.add(number)
        start += length
    return hits


def index_of(texts: Sequence[str]) -> dict[str, object]:
    index = WordIndex()
    for text in texts:
        index.add([text])
    return index.as_json()


@given(st.lists(st.lists(WORDS).map(" ".join), max_size=8))
def test_it_finds_what_the_texts_have(texts: list[str]) -> None:
    index = index_of(texts)
    for part in ("effusion", "e", "new)", "ö", "absent"):
        assert found(index, part) == {at for at, text in enumerate(texts) if part in text.lower()}


def test_cases_far_apart_are_found() -> None:
    places = {0, 1, 127, 128, 129, 20_000, 20_001, 40_000}
    index = WordIndex()
    for at in range(max(places) + 1):
        index.add(["rare"] if at in places else [])
    assert found(index.as_json(), "rare") == places
