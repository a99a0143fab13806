"""Tower features on disk, for runs that come again and for training: by the image's content, and by what made them.

A folder holds one folder for each way of making features (tower weights, layer, processor, padding, type); in it one
file per image, named by the sha256 of the image file. Files are written whole or not at all, so any number of
processes may share a folder. Nothing is ever deleted: at Libra's size an image takes 24 MB in half precision.

Generation keeps the tower's own type, so that a second run reads what the first one saw. Training keeps 16 bits: the
tower's own type if that has 16, else float16.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_of_bytes
from safetensors.torch import save as bytes_of_tensors
from torch import Tensor, nn

from benchmarks.errors import InputError, StorageError
from benchmarks.files import atomic_write, sha256_json, write_json
from model_adapters.libra.inputs.image_reader import ImageReader
from model_adapters.libra.network.towers import VisionTower

VERSION = 1
"""Raise it when images are read or prepared in another way."""

logger = logging.getLogger(__name__)


class FeatureStore:
    """Features of images on disk.

    Args:
        folder: is made where it is not there.
        identity: JSON values of everything besides the image that decides the features.
        dtype: what features are kept in; None keeps them as they are given.

    Raises:
        InputError: the folder cannot be written.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], dtype: torch.dtype | None = None) -> None:
        if dtype is not None:
            identity = {**identity, "kept": str(dtype)}
        self._folder, self._dtype = folder / sha256_json(identity)[:16], dtype
        try:
            write_json(self._folder / "identity.json", identity)
        except StorageError as error:
            raise InputError(
                f"features cannot be kept there ({error.what})", where=folder, hint="give another folder for features"
            ) from error

    def value_bytes(self, dtype: torch.dtype) -> int:
        """Bytes of a value that comes in this type."""
        return int((self._dtype or dtype).itemsize)

    def holds(self, image_sha256: str) -> bool:
        """Whether there is a file for an image."""
        return self._path(image_sha256).is_file()

    def read(self, image_sha256: str) -> Tensor | None:
        """The features of an image; None where there are none, or only a damaged file."""
        try:
            return tensors_of_bytes(self._path(image_sha256).read_bytes())["features"]
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, KeyError) as error:
            logger.warning("%s cannot be read (%s) and is removed", self._path(image_sha256), error)
            self._path(image_sha256).unlink(missing_ok=True)
            return None

    def write(self, image_sha256: str, features: Tensor) -> None:
        """Keep the features of an image; one thread of a process at a time.

        Raises:
            StorageError: the disk is full; what was written before stays.
        """
        if not self.holds(image_sha256):
            with atomic_write(self._path(image_sha256), "wb") as stream:
                stream.write(bytes_of_tensors({"features": features.to("cpu", self._dtype).contiguous()}))

    def _path(self, image_sha256: str) -> Path:
        return self._folder / image_sha256[:2] / f"{image_sha256}.safetensors"


def features_identity(tower: VisionTower, reader: ImageReader) -> dict[str, Any]:
    """Everything besides the image that decides its features; the tower by its weights as they are loaded."""
    return {
        "version": VERSION,
        "tower_sha256": weights_sha256(tower),
        "dtype": str(next(tower.parameters()).dtype),
        "layer": tower.layer,
        "cls": [tower.drop_cls, tower.keep_cls],
        "final_norm": tower.final_norm,
        **reader.identity(),
    }


def weights_sha256(module: nn.Module) -> str:
    """The sha256 of a module's weights: names, types, shapes, values."""
    digest = hashlib.sha256()
    for name, weight in sorted(module.state_dict().items()):
        digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}\n".encode())
        digest.update(weight.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
