"""Texts of like length together: most of a careless batch is padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

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


def padded_batches(rows: Sequence[Sequence[int]], padding: int, device: Any) -> Iterator[tuple[list[int], Any, Any]]:
    """(indices of B rows of like length, their token ids [B, T], their mask [B, T]) on a device, until all are done."""
    import torch

    for batch in batches([len(row) for row in rows]):
        width = max(len(rows[index]) for index in batch)
        tokens_BT = torch.tensor([[*rows[i], *[padding] * (width - len(rows[i]))] for i in batch])
        mask_BT = torch.tensor([[1] * len(rows[i]) + [0] * (width - len(rows[i])) for i in batch])
        yield batch, tokens_BT.to(device), mask_BT.to(device)
