"""Which images of a study a model sees: the current one, or the prior one with it. One rule for every adapter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.errors import InputError, UnknownNameError
from benchmarks.images import MAX_IMAGES
from model_adapters.adapter import ModelSpec
from model_adapters.cards import POLICIES, ImagePolicy

DEFAULT_POLICY: ImagePolicy = "prior"
"""Without a card: whatever the suite gives, so that nothing is left out silently."""


def image_policy(spec: ModelSpec, default: ImagePolicy = DEFAULT_POLICY) -> ImagePolicy:
    """The option `image_policy`, else the card's, else the default.

    Raises:
        UnknownNameError: there is no such policy.
    """
    policy = str(spec.options.get("image_policy") or spec.card.get("image_policy") or default)
    for known in POLICIES:
        if policy == known:
            return known
    raise UnknownNameError("image_policy", policy, POLICIES)


def chosen_images(images: Sequence[Path], policy: ImagePolicy) -> tuple[Path, ...]:
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
