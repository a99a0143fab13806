"""Orders that look at the samples' lengths; they depend on seed and epoch alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler


class LengthGroupedSampler(Sampler[int]):
    """The original's `group_by_modality_length`: its order, sample for sample, where every sample has an image.

    A shuffle is cut into groups as large as an optimiser step; each is sorted by length and dealt out to its batches
    so that they take equally long. Samples with and without image are kept in different steps. So the processes wait
    less for each other, but a batch has samples of all lengths. With `steps_per_group` above 1, a group has the samples
    of so many steps, each step takes samples of like length, and the steps of a group are shuffled: little padding.

    Args:
        lengths: words per sample; negative where it has no image.
        batch_size: samples of a batch in one process.
        batches_per_step: processes x gradient accumulation.
        seed: of the run.
        steps_per_group: 1 for the original's order.
    """

    def __init__(
        self, lengths: Sequence[int], *, batch_size: int, batches_per_step: int, seed: int, steps_per_group: int = 1
    ) -> None:
        self.lengths, self.steps_per_group = lengths, steps_per_group
        self.batch_size, self.batches_per_step, self.seed = batch_size, batches_per_step, seed
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.lengths)

    def set_epoch(self, epoch: int) -> None:
        """Choose the order; a resumed run asks for the epoch that it stopped in."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        # One number stream over all epochs, as the published code draws them: a seed for the workers, then the order.
        random = torch.Generator().manual_seed(self.seed)
        for _ in range(self.epoch):
            self._order(random)
        yield from self._order(random)
        self.epoch += 1

    def _order(self, random: torch.Generator) -> list[int]:
        torch.empty((), dtype=torch.int64).random_(generator=random)
        pictured = [number for number, length in enumerate(self.lengths) if length > 0]
        plain = [number for number, length in enumerate(self.lengths) if length <= 0]
        if not pictured or not plain:
            return [number for group in self._groups(pictured or plain, random) for number in group]
        # All but the last group of each kind are shuffled; what is left over comes at the end, mixed.
        kinds = [self._groups(kind, random) for kind in (pictured, plain)]
        groups = [group for of_kind in kinds for group in of_kind[:-1]]
        shuffled = [groups[place] for place in torch.randperm(len(groups), generator=random).tolist()]
        shuffled.append(sorted(number for of_kind in kinds for number in of_kind[-1]))
        return [number for group in shuffled for number in group]

    def _groups(self, numbers: Sequence[int], random: torch.Generator) -> list[list[int]]:
        shuffled = [numbers[place] for place in torch.randperm(len(numbers), generator=random).tolist()]
        size = self.batch_size * self.batches_per_step
        if self.steps_per_group > 1:
            shuffled = self._by_length(shuffled, size, random)
        return [self._dealt(shuffled[start : start + size]) for start in range(0, len(shuffled), size)]

    def _by_length(self, numbers: Sequence[int], size: int, random: torch.Generator) -> list[int]:
        """Steps of samples of like length, in any order; only the last step of all may be smaller."""
        order: list[int] = []
        for start in range(0, len(numbers), size * self.steps_per_group):
            group = sorted(
                numbers[start : start + size * self.steps_per_group], key=lambda number: abs(self.lengths[number])
            )
            for step in torch.randperm(len(group) // size, generator=random).tolist():
                order += group[step * size : (step + 1) * size]
            order += group[len(group) // size * size :]
        return order

    def _dealt(self, group: list[int]) -> list[int]:
        """The group in the order of its batches, the longest samples spread over them."""
        group = sorted(group, key=lambda number: abs(self.lengths[number]), reverse=True)
        count = self.batches_per_step
        if len(group) % count:
            return [number for place in range(count) for number in group[place::count]]
        batches: list[list[int]] = [[] for _ in range(count)]
        sums = [0.0] * count
        for number in group:
            shortest = sums.index(min(sums))
            batches[shortest].append(number)
            sums[shortest] += abs(self.lengths[number])
            if len(batches[shortest]) == len(group) // count:
                sums[shortest] = float("inf")
        return [number for batch in batches for number in batch]
