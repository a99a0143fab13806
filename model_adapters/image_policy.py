"""Which images of a study a model sees: the current one, or the prior one with it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from benchmarks.errors import InputError, UnknownNameError
from benchmarks.images import MAX_IMAGES
from model_adapters.adapter import ModelSpec
from model_adapters.cards import ImagePolicy

DEFAULT_POLICY = "prior"
"""Without a card: whatever the suite gives, so that nothing is left out unsaid."""


def image_policy(spec: ModelSpec) -> str:
    """The option `image_policy`, else the card's.

    Raises:
        UnknownNameError: there is no such policy.
    """
    policy = str(spec.options.get("image_policy") or spec.card.get("image_policy") or DEFAULT_POLICY)
    if policy not in get_args(ImagePolicy):
        raise UnknownNameError("image_policy", policy, get_args(ImagePolicy))
    return policy


def chosen_images(images: Sequence[Path], policy: str) -> tuple[Path, ...]:
    """The images that the model sees, current before prior.

    Raises:
        InputError: more than two images.
    """
    if len(images) > MAX_IMAGES:
        raise InputError(
            f"{len(images)} images in one study", hint="give the current image, or the current and the prior one"
        )
    if not images or policy == "prior":
        return tuple(images)
    return (images[0], images[-1]) if policy == "dummy-prior" else (images[0],)
