"""A table of cases that is one test fails for each of its cases."""

from __future__ import annotations

import pytest
from every_case import every_case


@pytest.fixture
def limit() -> int:
    return 3


def test_each_case_that_fails_is_named() -> None:
    tried = []

    @every_case(("text", "length"), [("one", 3), ("two", 4), ("three", None), ("four", 4)])
    def check(text: str, length: int) -> None:
        tried.append(text)
        if length is None:
            with pytest.raises(ValueError, match="no such word"):
                float(3)
        assert len(text) == length, "another length"

    with pytest.raises(AssertionError) as caught:
        check()
    assert tried == ["one", "two", "three", "four"]
    said = str(caught.value)
    assert "2 of 4 cases fail" in said
    assert "text='two', length=4: AssertionError: another length" in said
    assert "text='three', length=None: Failed: DID NOT RAISE" in said
    assert "'one'" not in said
    assert "'four'" not in said


@every_case("number", range(3))
def test_fixtures_are_given(number: int, limit: int) -> None:
    assert number < limit


def test_a_table_without_cases_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="no cases of text"):
        every_case("text", [])
