"""Random numbers that stay the same: made from a bit generator's raw output, which numpy promises not to change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")
Floats: TypeAlias = npt.NDArray[np.float64]


class Stream:
    """An independent stream of random numbers for each key (whole numbers from 0)."""

    def __init__(self, *key: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(key))

    def grid(self, rows: int, columns: int) -> Floats:
        """Uniform in [0, 1), as [rows, columns]."""
        raw = self._bits.random_raw(rows * columns)
        numbers: Floats = (raw >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return numbers.reshape(rows, columns)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * float(self.grid(1, 1)[0, 0])

    def chance(self, probability: float) -> bool:
        """True this often."""
        return self.uniform() < probability

    def choice(self, options: Sequence[T]) -> T:
        """One of the options, each equally often."""
        return options[int(self.uniform() * len(options))]

    def weighted(self, options: Sequence[T], weights: Sequence[float]) -> T:
        """One of the options, as often as its weight says."""
        point = self.uniform() * sum(weights)
        for option, weight in zip(options, weights, strict=True):
            point -= weight
            if point < 0:
                return option
        return options[-1]
