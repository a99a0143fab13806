"""Features of the frozen tower on disk: each image is encoded once, whatever the number of epochs.

One file an image, named by the sha256 of its bytes, in a folder named by tower, processor and padding: a changed
image or tower can never be mistaken for the old one. Half precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.files import atomic_write, sha256_file, sha256_json

BATCH = 16
"""Images encoded together."""


@dataclass(slots=True)
class FeatureCache:
    """Finds the features of an image file; `fill` makes those that are missing."""

    folder: Path
    """Of this tower and processor."""
    hashes: dict[Path, str] = field(default_factory=dict)
    """Image -> sha256, read once."""

    def get(self, path: Path) -> Tensor | None:
        """Features [L, N, C] of an image in single precision, or None where they are not there."""
        file = self._file(path)
        return torch.from_numpy(np.load(file)).float() if file.is_file() else None

    def missing(self, paths: Iterable[Path]) -> list[Path]:
        """One image of each content that has no features yet."""
        wanted = {self._file(path): path for path in paths}
        return [path for file, path in wanted.items() if not file.is_file()]

    def fill(
        self, paths: Sequence[Path], read: Callable[[Path], Tensor | None], encode: Callable[[Tensor], Tensor]
    ) -> None:
        """Encode images and keep their features.

        Args:
            paths: the images.
            read: image -> pixels [3, H, W], or None for one that is left out.
            encode: pixels [B, 3, H, W] -> features [B, L, N, C].

        Raises:
            StorageError: the disk is full; what was written before stays.
        """
        for start in range(0, len(paths), BATCH):
            some = {path: pixels for path in paths[start : start + BATCH] if (pixels := read(path)) is not None}
            if not some:
                continue
            features_BLNC = encode(torch.stack(list(some.values()))).half().cpu().numpy()
            for path, features_LNC in zip(some, features_BLNC, strict=True):
                with atomic_write(self._file(path), "wb") as stream:
                    np.save(stream, features_LNC)

    def _file(self, path: Path) -> Path:
        if path not in self.hashes:
            self.hashes[path] = sha256_file(path)
        name = self.hashes[path]
        return self.folder / name[:2] / f"{name}.npy"


def cache_folder(root: Path, facts: Any) -> Path:
    """The folder for these facts (tower weights, layers, processor, padding)."""
    return root / sha256_json(facts)[:16]
