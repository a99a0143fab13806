"""From a training file to batches: conversations as ids and labels, images as pixels or kept features.

Shape legend: B samples of a batch, T tokens, L tower layers, N patches, C tower width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from benchmarks.errors import ImageError, InputError, LibraBenchError
from benchmarks.files import sha256_file
from benchmarks.images import resolve_images
from libra_bench.training.masking import Conversations
from libra_bench.training.samples import SampleFile, images_of
from model_adapters.libra.inputs.feature_store import FeatureStore
from model_adapters.libra.inputs.image_reader import ImageReader
from model_adapters.libra.network.marks import IGNORED_LABEL, IMAGE_TOKEN


@dataclass(frozen=True, slots=True)
class SampleImages:
    """The images of a data set's samples."""

    folder: Path
    reader: ImageReader
    policy: str
    """prior: a study's prior where it has one; dummy: the current image again."""
    store: FeatureStore | None = None
    """Features of the frozen tower on disk: each image is encoded once, whatever the number of epochs."""
    hashes: dict[Path, str] = field(default_factory=dict)
    """Image -> sha256, as far as asked for."""

    def paths(self, sample: Mapping[str, Any]) -> tuple[Path, Path] | None:
        """The current and the prior image; None for a sample without image.

        Raises:
            ImageError: an image that is missing or outside the folder.
        """
        names = images_of(sample)
        if not names:
            return None
        found = resolve_images(names[:1] if self.policy == "dummy" else names, self.folder)
        return found[0], found[-1]

    def read(self, path: Path) -> Tensor:
        """Pixels [3, H, W] of an image, or its features [L, N, C] in the type in which they are kept.

        Raises:
            ImageError: it cannot be read.
        """
        if self.store is None:
            return self.reader.pixels(path)
        features_LNC = self.store.read(self.sha256(path))
        if features_LNC is None:
            raise ImageError(
                "has no features: it or their file cannot be read",
                where=path,
                hint="fetch the image again, or start again with the same cache_features",
            )
        return features_LNC

    def sha256(self, path: Path) -> str:
        """Of an image file; read once."""
        if path not in self.hashes:
            self.hashes[path] = sha256_file(path)
        return self.hashes[path]


class ConversationData(Dataset[dict[str, Any]]):
    """A training file as a torch data set.

    Args:
        samples: the file.
        conversations: makes ids and labels.
        images: reads the images.
        on_error: "stop" raises what is wrong with a sample; "skip" gives it with its `error`.
        num_patches: positions that an image takes.
    """

    def __init__(
        self,
        samples: SampleFile,
        conversations: Conversations,
        images: SampleImages,
        *,
        on_error: str,
        num_patches: int,
    ) -> None:
        self.samples, self.conversations, self.images = samples, conversations, images
        self.on_error, self.num_patches = on_error, num_patches

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, number: int) -> dict[str, Any]:
        """`id`, `input_ids`, `labels`, and `images`, a pair of tensors or None.

        Raises:
            InputError: the sample cannot be used, and `on_error` is "stop".
        """
        sample = self.samples[number]
        name = sample.get("id", number)
        try:
            paths = self.images.paths(sample)
            tokens = self.conversations.tokens(sample["conversations"], has_image=paths is not None)
            marks = tokens.input_ids.count(IMAGE_TOKEN)
            if marks != (paths is not None):
                raise InputError(
                    f"{marks} image marks, but {'an' if paths else 'no'} image",
                    hint="write <image> once where there are images: it means current and prior together",
                )
            if self.conversations.masking == "replies" and not tokens.num_learned:
                raise InputError("no token is learned", hint="give a reply that is not empty")
            images = None if paths is None else self._pair(paths)
        except LibraBenchError as error:
            if self.on_error == "skip":
                return {"id": name, "error": str(error)}
            raise InputError(f"sample {name!r}: {error}", where=self.samples.path) from error
        return {"id": name, "input_ids": tokens.input_ids, "labels": tokens.labels, "images": images}

    def _pair(self, paths: tuple[Path, Path]) -> tuple[Tensor, Tensor]:
        current, prior = paths
        read = self.images.read(current)
        return read, read if prior == current else self.images.read(prior)


@dataclass(frozen=True, slots=True)
class Collator:
    """Puts samples into one batch, padded on the right."""

    max_length: int
    pad_id: int
    image_shape: tuple[int, ...]
    """Of pixels, or of cached features; zeros of this shape fill the place of the images in a text-only sample."""
    num_patches: int
    """Positions that an image takes."""

    def __call__(self, samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """`input_ids`, `labels`, `attention_mask` [B, T]; `images` [2, B, ...]; ids, counts.

        `positions` says how many the language model reads, and how many of these are padding.

        Raises:
            InputError: none of the samples can be read.
        """
        usable = [sample for sample in samples if "error" not in sample]
        if not usable:
            raise InputError(f"no sample of a batch can be read ({samples[0]['error']})", hint="look at the data")
        longest = min(self.max_length, max(len(sample["input_ids"]) for sample in usable))
        widths = []
        ids_BT = torch.full((len(usable), longest), self.pad_id)
        labels_BT = torch.full((len(usable), longest), IGNORED_LABEL)
        mask_BT = torch.zeros(len(usable), longest, dtype=torch.long)
        for row, sample in enumerate(usable):
            length = min(longest, len(sample["input_ids"]))
            ids_BT[row, :length] = torch.tensor(sample["input_ids"][:length])
            labels_BT[row, :length] = torch.tensor(sample["labels"][:length])
            mask_BT[row, :length] = 1
            widths.append(length + (self.num_patches - 1) * int((ids_BT[row] == IMAGE_TOKEN).sum()))
        read = max(widths) * len(widths)
        shown = next((sample["images"][0] for sample in usable if sample["images"]), None)
        nothing = torch.zeros(self.image_shape, dtype=None if shown is None else shown.dtype)
        pairs = [sample["images"] or (nothing, nothing) for sample in usable]
        return {
            "input_ids": ids_BT,
            "labels": labels_BT,
            "attention_mask": mask_BT,
            "images": torch.stack([torch.stack([pair[place] for pair in pairs]) for place in (0, 1)]),
            "sample_ids": [sample["id"] for sample in usable],
            "skipped": [(sample["id"], sample["error"]) for sample in samples if "error" in sample],
            "positions": (read, read - sum(widths)),
            "truncated": [sample["id"] for sample in usable if len(sample["input_ids"]) > self.max_length],
        }
