"""Texts of like length together: most of a careless batch is padding."""

from __future__ import annotations

from collections.abc import Sequence

BATCH_TOKENS = 4096


def batches(lengths: Sequence[int], tokens: int = BATCH_TOKENS) -> list[list[int]]:
    """Indices in batches of like length, each of at most `tokens` padded tokens (or of one text)."""
    result: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if result and (len(result[-1]) + 1) * lengths[result[-1][0]] <= tokens:
            result[-1].append(index)
        else:
            result.append([index])
    return result
