"""Image features of studies: what the connector makes of both images."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from model_adapters.libra.inputs.tower_features import ImageTimings, TowerFeatures, batches, studies_together, wait_for
from model_adapters.libra.network.model import LibraModel


class ImageFeatures:
    """Image features of studies.

    Args:
        model: gives the connector.
        tower: gives what the model's `extract` makes of the tower features of single images.
    """

    def __init__(self, model: LibraModel, tower: TowerFeatures) -> None:
        self._model, self._tower = model, tower

    @property
    def timings(self) -> ImageTimings:
        """Where the time went."""
        return self._tower.timings

    def read_ahead(self, paths: Iterable[Path]) -> None:
        """Begin to read images that will be needed soon. Errors are raised when they are."""
        self._tower.read_ahead(paths)

    def features(self, studies: Sequence[tuple[Path, Path]]) -> list[Tensor | Exception]:
        """Image features [N, H] of each study (current image, prior image), or why it has none."""
        found = self._tower.features([path for study in studies for path in study])
        pairs = list(zip(found[::2], found[1::2], strict=True))
        together = studies_together(self._model.device)
        return [features for some in batches(pairs, together) for features in self._connect(some)]

    def _connect(self, pairs: Sequence[Sequence[Tensor | Exception]]) -> list[Tensor | Exception]:
        began = time.perf_counter()
        failures = [next((found for found in pair if isinstance(found, Exception)), None) for pair in pairs]
        whole = [pair for pair, failure in zip(pairs, failures, strict=True) if failure is None]
        connected: list[Tensor] = []
        if whole:
            current_BNC, prior_BNC = (torch.stack([pair[place] for pair in whole]) for place in (0, 1))  # type: ignore[misc]
            features_BNH = self._model.fuse(current_BNC, prior_BNC)
            wait_for(features_BNH)
            connected = list(features_BNH)
        self.timings.connector_seconds += time.perf_counter() - began
        following = iter(connected)
        return [next(following) if failure is None else failure for failure in failures]
