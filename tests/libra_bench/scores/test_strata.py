"""Strata: fields, built-in ones, mistakes."""

from __future__ import annotations

import pytest

from benchmarks.errors import InputError, UnknownNameError
from benchmarks.schema import Sample
from libra_bench.scores.strata import MISSING, strata


def sample(number, words=3, images=("a.png",), **fields):
    return Sample(number, tuple(images), "", (" ".join(["w"] * words),), fields=fields)


def listed(levels):
    return {level: [*members] for level, members in levels.items()}


def test_a_field_splits():
    samples = [sample(0, view="AP"), sample(1, view="PA"), sample(2), sample(3, view="AP")]
    assert listed(strata(samples, ["view"])["view"]) == {"AP": [0, 3], "PA": [1], MISSING: [2]}


def test_numbers_are_ordered_by_value():
    samples = [sample(i, turn=value) for i, value in enumerate([10, 9, 10, 2])]
    assert list(strata(samples, ["turn"])["turn"]) == ["2", "9", "10"]


def test_built_in_strata_that_the_suite_has():
    samples = [
        sample(i, words=i + 1, images=("a.png", "b.png") if i % 2 else ("a.png",), question_type="view")
        for i in range(8)
    ]
    found = strata(samples)
    assert set(found) == {"prior", "reference_length"}
    assert listed(found["prior"]) == {"with prior": [1, 3, 5, 7], "without prior": [0, 2, 4, 6]}
    assert [len(indices) for indices in found["reference_length"].values()] == [2, 2, 2, 2]
    assert next(iter(found["reference_length"])) == "Q1 (1-2 words)"


def test_equal_lengths_stay_together():
    found = strata([sample(i, words=5) for i in range(9)], ["reference_length"])["reference_length"]
    assert sorted(index for indices in found.values() for index in indices) == list(range(9))
    assert len(found) == 1


def test_every_sample_is_in_one_level():
    samples = [sample(i, words=w) for i, w in enumerate([1, 1, 1, 1, 9, 9, 2, 3, 4, 4, 4])]
    levels = strata(samples, ["reference_length"])["reference_length"].values()
    assert sorted(index for indices in levels for index in indices) == list(range(11))


def test_unknown_fields_and_ids_are_refused():
    samples = [sample(i, study=f"s{i}", view="AP") for i in range(60)]
    with pytest.raises(UnknownNameError, match="did you mean 'view'"):
        strata(samples, ["veiw"])
    with pytest.raises(InputError, match="60 levels"):
        strata(samples, ["study"])
