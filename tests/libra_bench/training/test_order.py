"""Batches of like length: their order depends on seed and epoch alone."""

from __future__ import annotations

import random

import pytest

from libra_bench.training.order import LengthGroupedSampler

RANDOM = random.Random(0)
LENGTHS = [RANDOM.randint(5, 200) for _ in range(103)]


def sampler(lengths=LENGTHS, seed=3) -> LengthGroupedSampler:
    return LengthGroupedSampler(lengths, batch_size=4, batches_per_step=2, seed=seed)


def test_every_epoch_has_every_sample_once_and_another_order():
    made = sampler()
    epochs = [list(made) for _ in range(3)]
    assert all(sorted(order) == list(range(103)) for order in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_a_resumed_epoch_has_the_same_order():
    through = sampler()
    orders = [list(through) for _ in range(3)]
    again = sampler()
    again.set_epoch(2)
    assert list(again) == orders[2]
    assert list(sampler(seed=4)) != orders[0]


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
