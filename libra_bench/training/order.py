"""Batches of samples of similar length: less padding, in an order that depends on seed and epoch alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler


class LengthGroupedSampler(Sampler[int]):
    """The original's `group_by_modality_length`: its order, sample for sample, where every sample has an image.

    A shuffle is cut into groups as large as an optimiser step; each is sorted by length and dealt out to its batches
    so that they take equally long. Samples with and without image are kept in different steps.

    Args:
        lengths: words per sample; negative where it has no image.
        batch_size: samples of a batch in one process.
        batches_per_step: processes x gradient accumulation.
        seed: of the run.
    """

    def __init__(self, lengths: Sequence[int], *, batch_size: int, batches_per_step: int, seed: int) -> None:
        self.lengths = lengths
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
        return [self._dealt(shuffled[start : start + size]) for start in range(0, len(shuffled), size)]

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
