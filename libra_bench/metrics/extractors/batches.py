"""Texts of like length together, on all cores: most of a careless batch is padding.

On a CPU a batch is small enough for its hidden states to stay near a core, and each core works on a batch of its own:
two threads that share a product of this size wait for each other. On a GPU there is one large batch at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

CPU_TOKENS, GPU_TOKENS = 512, 16384
"""Padded tokens of one batch."""


def batches(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Indices in batches of like length, each of at most `tokens` padded tokens (or of one text)."""
    result: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if result and (len(result[-1]) + 1) * lengths[result[-1][0]] <= tokens:
            result[-1].append(index)
        else:
            result.append([index])
    return result


def for_each_batch(
    lengths: Sequence[int], device: torch.device, compute: Callable[[list[int]], None], cpu_tokens: int = CPU_TOKENS
) -> None:
    """Call `compute` with the indices of every batch; on a CPU in several threads at once.

    Args:
        lengths: tokens of each text.
        device: where the model is.
        compute: runs the model, without gradients, and keeps what it finds.
        cpu_tokens: padded tokens of a batch on a CPU.
    """
    import torch

    on_cpu = device.type == "cpu"
    threads = torch.get_num_threads() if on_cpu else 1
    parts = batches(lengths, _tokens_each(lengths, threads, cpu_tokens) if on_cpu else GPU_TOKENS)
    threads = min(threads, len(parts))

    def without_gradients(batch: list[int]) -> None:
        with torch.inference_mode():
            compute(batch)

    if threads < 2:
        for batch in parts:
            without_gradients(batch)
        return
    with _one_core_each(), ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            for _ in pool.map(without_gradients, parts):
                pass
        except BaseException:  # Ctrl-C, too, waits for no batch that has not begun
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _tokens_each(lengths: Sequence[int], threads: int, largest: int) -> int:
    """Tokens per batch, at most `largest`, so that all threads have about the same number of batches."""
    total = sum(lengths)
    turns = math.ceil(total / (threads * largest))
    return min(largest, total // max(1, threads * turns) + max(lengths, default=0))


@contextmanager
def _one_core_each() -> Iterator[None]:
    """Inside, threads may set the number of cores that they use; what it was here is restored."""
    import torch

    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def read_in_batches(
    rows: Sequence[Sequence[int]],
    padding: int,
    device: torch.device,
    read: Callable[[torch.Tensor, torch.Tensor | None], Sequence[T]],
    cpu_tokens: int = CPU_TOKENS,
) -> list[T]:
    """What `read` says of each row of token ids; equal rows are read once, so that they have equal results.

    Args:
        rows: N lists of token ids.
        padding: the id that fills a row up.
        device: where the model is.
        read: gives B results for (token ids [B, T], their mask [B, T]); no mask where all rows are of one length.
        cpu_tokens: padded tokens of a batch on a CPU.
    """
    distinct = list(dict.fromkeys(tuple(row) for row in rows))
    found: dict[tuple[int, ...], T] = {}

    def compute(batch: list[int]) -> None:
        of_batch = [distinct[index] for index in batch]
        found.update(zip(of_batch, read(*_padded(of_batch, padding, device)), strict=True))

    for_each_batch([len(row) for row in distinct], device, compute, cpu_tokens)
    return [found[tuple(row)] for row in rows]


def _padded(
    rows: Sequence[Sequence[int]], padding: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor | None]:
    import torch

    width = max(len(row) for row in rows)
    tokens_BT = torch.tensor([[*row, *[padding] * (width - len(row))] for row in rows]).to(device)
    if all(len(row) == width for row in rows):
        return tokens_BT, None
    lengths_B1 = torch.tensor([[len(row)] for row in rows])
    return tokens_BT, (torch.arange(width) < lengths_B1).long().to(device)
