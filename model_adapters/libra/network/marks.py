"""Numbers among token ids and labels that are not tokens."""

from __future__ import annotations

IMAGE_TOKEN = -200
"""The image's place in token ids; the embedding table has no such row."""

IGNORED_LABEL = -100
"""A position that the loss ignores."""
