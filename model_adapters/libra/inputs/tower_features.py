"""Tower features of images, each image read and encoded once while it is needed.

Files are read and made into pixels by threads ahead of the accelerator (decoding and resizing release Python's lock).
Features are kept in memory up to a bound, since the prior image of one study is the current image of another; of them
only what the connector extracts, a twelfth for the temporal one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from benchmarks.errors import ImageError, LibraBenchError, StorageError
from benchmarks.files import sha256_file
from model_adapters.libra.inputs.feature_store import FeatureStore
from model_adapters.libra.inputs.image_reader import ImageReader
from model_adapters.libra.network.model import LibraModel

ENCODER_BATCH = 8
"""Images, or studies, that go through tower or connector together on an accelerator."""
CPU_ENCODER_BATCH = 2
"""Images on a CPU: more were no faster, and each takes memory."""

logger = logging.getLogger(__name__)

FileKey: TypeAlias = tuple[str, int, int]
"""Which content: path, size and time of the last change."""


@dataclass(slots=True)
class ImageTimings:
    """Where the time went, and over how much work."""

    loading_seconds: float = 0.0
    """Work of the reading threads, beside everything else."""
    waiting_seconds: float = 0.0
    """How long encoding had to wait for them."""
    encoder_seconds: float = 0.0
    connector_seconds: float = 0.0
    images_loaded: int = 0
    images_encoded: int = 0
    images_reused: int = 0
    """Images whose features were still in memory."""
    images_stored: int = 0
    """Images whose features came from disk."""


@dataclass(frozen=True, slots=True)
class _Read:
    """What a reading thread brings."""

    sha256: str | None
    """Of the file; None where nothing is kept on disk."""
    pixels: Tensor | None = None
    features: Tensor | None = None
    """From disk; then there are no pixels."""


class TowerFeatures:
    """Tower features of image files, or what is extracted from them, with reading ahead and a bounded memory.

    Args:
        model: gives the tower.
        reader: makes pixels of files.
        workers: threads that read images.
        memory_mb: how much the kept features may take; 0 keeps none from one call to the next.
        store: keeps features on disk, too, as they come from the tower.
        extract: from tower features [B, L, N, C] to what is wanted of each image [B, ...]; None: they themselves.
    """

    def __init__(
        self,
        model: LibraModel,
        reader: ImageReader,
        *,
        workers: int,
        memory_mb: float,
        store: FeatureStore | None = None,
        extract: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self._model, self._reader, self._store, self._extract = model, reader, store, extract
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="images")
        self._reading: dict[FileKey, Future[_Read]] = {}
        self._kept: OrderedDict[FileKey, Tensor] = OrderedDict()
        self._kept_bytes, self._max_bytes = 0, memory_mb * 2**20
        self._clock, self._writing = threading.Lock(), threading.Lock()
        self._disk_full = False
        self.timings = ImageTimings()

    def read_ahead(self, paths: Iterable[Path]) -> None:
        """Begin to read images that will be needed soon. Errors are raised when they are."""
        for path in paths:
            try:
                key = file_key(path)
            except OSError:
                continue  # said by `features`
            if key not in self._kept and key not in self._reading:
                self._reading[key] = self._pool.submit(self._load, path)

    def features(self, paths: Sequence[Path]) -> list[Tensor | Exception]:
        """Tower features [L, N, C] of each image (or what is extracted from them), or why it has none."""
        self.read_ahead(paths)
        encoded: dict[FileKey, Tensor | Exception] = {}
        pixels: dict[FileKey, _Read] = {}
        keys = [self._find(path, encoded, pixels) for path in paths]
        for some in batches(list(pixels), images_together(self._model.device)):
            features_BLNC = self._encode([pixels[key].pixels for key in some])
            for key, wanted in zip(some, self._extracted(features_BLNC), strict=True):
                encoded[key] = wanted.clone()  # so that each can be forgotten alone
                self._keep(key, encoded[key])
            for key, features_LNC in zip(some, features_BLNC, strict=True):
                self._put_down(pixels[key].sha256, features_LNC)
        return [encoded[key] for key in keys]

    def _find(self, path: Path, encoded: dict[FileKey, Tensor | Exception], pixels: dict[FileKey, _Read]) -> FileKey:
        """Put an image's tower features, or why there are none, into `encoded`, else its pixels into `pixels`."""
        try:
            key = file_key(path)
        except OSError as error:
            encoded[str(path), 0, 0] = ImageError(f"cannot be read ({error.strerror})", where=path)
            return str(path), 0, 0
        if key in encoded or key in pixels:
            return key
        if key in self._kept:
            self._kept.move_to_end(key)
            encoded[key] = self._kept[key]
            self.timings.images_reused += 1
            return key
        began = time.perf_counter()
        try:
            reading = self._reading.pop(key, None) or self._pool.submit(self._load, path)
            read = reading.result()
            if read.features is None:
                pixels[key] = read
            else:
                encoded[key] = wanted = self._extracted(read.features.to(self._model.device)[None])[0]
                self._keep(key, wanted)
                self.timings.images_stored += 1
        except (LibraBenchError, OSError, ValueError) as error:
            encoded[key] = error
        self.timings.waiting_seconds += time.perf_counter() - began
        return key

    def _load(self, path: Path) -> _Read:
        began = time.perf_counter()
        sha256 = None
        if self._store is not None:
            sha256 = sha256_file(path)
            stored_LNC = self._store.read(sha256)
            if stored_LNC is not None:
                return _Read(sha256, features=stored_LNC)
        pixels_3HW = self._reader.pixels(path)
        with self._clock:
            self.timings.loading_seconds += time.perf_counter() - began
            self.timings.images_loaded += 1
        return _Read(sha256, pixels=pixels_3HW)

    def _put_down(self, sha256: str | None, features_LNC: Tensor) -> None:
        """Write to disk, by the threads that read: so writing cannot fall behind without end."""
        if self._store is not None and sha256 is not None:
            self._pool.submit(self._write, self._store, sha256, features_LNC.clone())

    def _write(self, store: FeatureStore, sha256: str, features_LNC: Tensor) -> None:
        """A full disk is said once and ends no run."""
        with self._writing:
            if not self._disk_full:
                try:
                    store.write(sha256, features_LNC)
                except StorageError as error:
                    self._disk_full = True
                    logger.warning("%s; no more features are kept", error)

    def _encode(self, pixels: Sequence[Any]) -> Tensor:
        began = time.perf_counter()
        model = self._model
        features_BLNC = model.tower_features(torch.stack(list(pixels)).to(model.device, model.dtype))
        wait_for(features_BLNC)
        self.timings.encoder_seconds += time.perf_counter() - began
        self.timings.images_encoded += len(pixels)
        return features_BLNC

    def _extracted(self, features_BLNC: Tensor) -> Tensor:
        """What is wanted of each image."""
        if self._extract is None:
            return features_BLNC
        began = time.perf_counter()
        wanted = self._extract(features_BLNC)
        wait_for(wanted)
        self.timings.connector_seconds += time.perf_counter() - began
        return wanted

    def _keep(self, key: FileKey, features: Tensor) -> None:
        self._kept[key] = features
        self._kept_bytes += features.nbytes
        while self._kept_bytes > self._max_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= oldest.nbytes


def images_together(device: torch.device) -> int:
    """How many images to encode at a time."""
    return CPU_ENCODER_BATCH if device.type == "cpu" else ENCODER_BATCH


def studies_together(device: torch.device) -> int:
    """How many studies to connect at a time; attention rearranges several, which a CPU is slow at."""
    return 1 if device.type == "cpu" else ENCODER_BATCH


def file_key(path: Path) -> FileKey:
    """What tells one content of a file from another without reading it."""
    facts = path.stat()
    return str(path), facts.st_size, facts.st_mtime_ns


def wait_for(tensor: Tensor) -> None:
    """Wait until an accelerator has computed a tensor, so that times are right."""
    if tensor.is_cuda:
        torch.cuda.synchronize(tensor.device)


def batches(items: Sequence[Any], size: int) -> Iterable[Sequence[Any]]:
    """A sequence in pieces of this size, the last one shorter."""
    return (items[start : start + size] for start in range(0, len(items), size))
