"""Numbers among texts."""

from __future__ import annotations

from every_case import every_case

from benchmarks.files.numbers import as_id, whole_number


@every_case(
    ("text", "expected"),
    [
        ("0", 0),
        ("-3", -3),
        (str(2**64 - 1), 2**64 - 1),
        (str(2**64), None),
        ("9" * 5000, None),
        ("007", None),
        ("-0", None),
        ("²", None),
        ("١٢", None),
        (" 1", None),
        ("1\n", None),
        ("1e3", None),
        ("", None),
    ],
)
def test_a_number_is_what_could_be_written_the_same_way_again(text, expected):
    assert whole_number(text) == expected
    assert str(as_id(text)) == text
