"""Numbers that stand for something else than a token."""

from __future__ import annotations

IMAGE_TOKEN = -200
"""The image's place in token ids; the embedding table has no such row."""

IGNORED_LABEL = -100
"""A position that the loss ignores."""
