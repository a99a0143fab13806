"""The random numbers of a study: decided by the seed and the study's id, not by its batch or its place."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable


def study_digest(seed: int, key: Hashable) -> bytes:
    """32 bytes that are a study's own."""
    return hashlib.sha256(f"{seed}:{key!r}".encode()).digest()


def study_seed(seed: int, key: Hashable) -> int:
    """A seed of 63 bits that is a study's own."""
    return int.from_bytes(study_digest(seed, key)[:8], "big") >> 1
