"""Which images of a study a model sees, by their role. One rule for every adapter."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from benchmarks.errors import InputError, UnknownNameError
from benchmarks.schema import PRIOR_REPORT, ROLES, Question, Role, Sample
from model_adapters.adapter import ModelSpec
from model_adapters.cards import POLICIES, ImagePolicy
from model_adapters.cards.prompt_hooks import fields_read

DEFAULT_POLICY: ImagePolicy = "prior"
"""Without a card: current and prior, as every adapter has asked so far."""
POLICY_ROLES: Mapping[ImagePolicy, tuple[Role, ...]] = {
    "one": ("current",),
    "lateral": ("current", "lateral"),
    "prior": ("current", "prior"),
    "dummy-prior": ("current", "prior"),
    "lateral-prior": ("current", "lateral", "prior"),
    "all": ROLES,
}
MAX_SHOWN = len(ROLES)
"""Images that a model may be shown at once."""
READABLE = (*ROLES, PRIOR_REPORT)
"""What a suite may have and a model may leave out."""


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


def shown_images(question: Question, policy: ImagePolicy) -> dict[Role, Path]:
    """The images that the model sees, by role and in the order of `ROLES`; a dummy prior is the current image again.

    Raises:
        InputError: more than two frontal images.
    """
    if len(question.images) > 2:
        raise InputError(
            f"{len(question.images)} images in one study", hint="give the current image, or the current and the prior"
        )
    by_role = question.by_role
    if policy == "dummy-prior" and question.images:
        return {"current": question.images[0], "prior": question.images[-1]}
    return {role: by_role[role] for role in POLICY_ROLES[policy] if role in by_role}


def parts_read(spec: ModelSpec, default: ImagePolicy = DEFAULT_POLICY) -> frozenset[str]:
    """What of `READABLE` a model reads: the roles of its image policy, and the prior report where its prompt has it."""
    return frozenset(POLICY_ROLES[image_policy(spec, default)]) | ({PRIOR_REPORT} & fields_read(spec.card))


def left_out(samples: Sequence[Sample], read: Collection[str] | None) -> dict[str, int]:
    """What of `READABLE` the suite has and the model does not read: name -> in how many studies.

    Args:
        samples: the studies.
        read: what the model reads; None: it does not say, so nothing is known to be left out.
    """
    if read is None:
        return {}
    counts = dict.fromkeys((part for part in READABLE if part not in read), 0)
    for sample in samples:
        for part in counts:
            counts[part] += _has(sample, part)
    return {part: count for part, count in counts.items() if count}


def _has(sample: Sample, part: str) -> bool:
    if part == "prior":
        return len(set(sample.images)) > 1
    return part in sample.by_role or bool(sample.fields.get(part))
