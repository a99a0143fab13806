"""Batches of like length: their order depends on seed and epoch alone."""

from __future__ import annotations

import random

import pytest

from libra_bench.training.order import LengthGroupedSampler

RANDOM = random.Random(0)
LENGTHS = [RANDOM.randint(5, 200) for _ in range(103)]


def sampler(lengths=LENGTHS, seed=3, steps_per_group=1) -> LengthGroupedSampler:
    return LengthGroupedSampler(lengths, batch_size=4, batches_per_step=2, seed=seed, steps_per_group=steps_per_group)


def padding(order: list[int]) -> float:
    """The share of an epoch's positions."""
    batches = [[LENGTHS[number] for number in order[start : start + 4]] for start in range(0, len(order), 4)]
    return 1 - sum(map(sum, batches)) / sum(max(batch) * len(batch) for batch in batches)


def test_every_epoch_has_every_sample_once_and_another_order():
    made = sampler()
    epochs = [list(made) for _ in range(3)]
    assert all(sorted(order) == list(range(103)) for order in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


@pytest.mark.parametrize("steps", [1, 6, 100])
def test_a_resumed_epoch_has_the_same_order(steps):
    through = sampler(steps_per_group=steps)
    orders = [list(through) for _ in range(3)]
    again = sampler(steps_per_group=steps)
    again.set_epoch(2)
    assert list(again) == orders[2]
    assert list(sampler(seed=4, steps_per_group=steps)) != orders[0]


@pytest.mark.parametrize(("steps", "most"), [(6, 0.15), (100, 0.06)])
def test_steps_sorted_together_have_little_padding(steps, most):
    epochs = [list(made) for made in [sampler(steps_per_group=steps)] for _ in range(3)]
    assert all(sorted(order) == list(range(103)) for order in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert max(map(padding, epochs)) < most < padding(list(sampler())) / 2
    longest = [max(LENGTHS[number] for number in epochs[0][start : start + 8]) for start in range(0, 96, 8)]
    assert longest != sorted(longest)  # the steps are shuffled


def test_the_batches_of_a_step_take_equally_long():
    def unevenness(order: list[int]) -> int:
        sums = [sum(LENGTHS[number] for number in order[start : start + 4]) for start in range(0, 96, 4)]
        return sum(abs(one - other) for one, other in zip(sums[::2], sums[1::2], strict=True))

    shuffled = list(range(103))
    RANDOM.shuffle(shuffled)
    assert unevenness(list(sampler())) < 0.3 * unevenness(shuffled)


@pytest.mark.parametrize("count", [24, 41])
def test_samples_with_and_without_image_are_kept_in_different_steps(count):
    lengths = [length if number % 3 else -length for number, length in enumerate(LENGTHS[:count])]
    order = list(sampler(lengths))
    assert sorted(order) == list(range(count))
    steps = [order[start : start + 8] for start in range(0, count - count % 8 - 8, 8)]
    mixed = [step for step in steps if len({lengths[number] > 0 for number in step}) == 2]
    assert len(mixed) <= 1  # what is left over comes last
