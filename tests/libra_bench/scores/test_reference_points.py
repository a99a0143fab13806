"""Reference points: derangements, values by hand, the cache."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra_bench.metrics.registry import make_metric
from libra_bench.scores.reference_points import derangement, reference_points, shuffled_references


@given(
    st.lists(st.integers(0, 6), min_size=2, max_size=40).filter(lambda names: len(set(names)) > 1), st.integers(0, 5)
)
def test_no_sample_is_matched_within_its_cluster(clusters, seed):
    matched = derangement(clusters, seed)
    assert all(clusters[other] != clusters[index] for index, other in enumerate(matched))
    if 2 * max(map(clusters.count, clusters)) <= len(clusters):
        assert sorted(matched) == list(range(len(clusters)))  # each used once


def test_the_seed_decides():
    names = list(range(20))
    assert derangement(names, 1) == derangement(names, 1)
    assert derangement(names, 1) != derangement(names, 2)


def test_small_suites():
    assert [*shuffled_references([["a"]])] == [""]
    assert [*shuffled_references([["a"], ["b"]])] == ["b", "a"]
    assert [*shuffled_references([["a"], ["b"]], clusters=["p", "p"])] == ["b", "a"]
    assert [*shuffled_references([[], []], [{"labels": ["x", "y"]}, {"labels": []}])] == ["", "x, y"]


def test_reference_points_by_hand():
    references = [["yes"], ["yes"], ["no"], ["no"]]
    rows = {
        row.name: row
        for row in reference_points([make_metric("exact_match")], references, clusters=["a", "a", "b", "b"])
    }
    assert rows["empty"].scores == {"Exact-match": 0.0}
    assert rows["shuffled-references"].scores == {"Exact-match": 0.0}
    assert "leave-one-out-references" not in rows


def test_undefined_values_are_left_out():
    assert reference_points([make_metric("yes_no")], [["clear"], ["effusion"]])[0].scores == {}


def test_ceiling_of_several_references():
    references = [["a b", "a b", "c d"], ["x y", "x z"], ["alone"]]
    row = reference_points([make_metric("token_f1")], references)[-1]
    assert row.name == "leave-one-out-references"
    assert row.n == 2
    # turns: (1.0, 0.5), (1.0, 0.5), (0.0): five turns of a study
    assert row.scores["Token-F1"] == pytest.approx(100 * (1 + 0.5 + 1 + 0.5 + 0) / 5)


def test_reference_points_are_kept(tmp_path):
    metric, references = make_metric("exact_match"), [["a"], ["b"], ["a"]]
    first = reference_points([metric], references, cache=tmp_path)
    files = sorted(tmp_path.iterdir())
    assert len(files) == 3
    for file in files:
        file.write_text('{"Exact-match": 12.5}')
    assert [row.scores for row in reference_points([metric], references, cache=tmp_path)] == [{"Exact-match": 12.5}] * 3
    files[0].write_text("damaged")
    files[1].unlink()
    files[2].write_text("[]")
    assert reference_points([metric], references, cache=tmp_path) == first
    assert (
        reference_points([metric], [["a"], ["b"], ["b"]], cache=tmp_path) != first or len(list(tmp_path.iterdir())) > 3
    )
