"""Texts in batches, on all cores: most of a careless batch is padding.

On a CPU each core works on a batch of its own, since two threads that share a product of this size wait for each other.
A model that can read packed texts gets them one after another in a single row, with no padding at all; others get
texts of like length together. On a GPU there is one large batch at a time.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    import torch

T = TypeVar("T")

CPU_TOKENS, GPU_TOKENS = 512, 16384
"""Padded tokens of one batch."""
PACKED_TOKENS = 1024
"""Tokens of one batch of packed texts."""


class Batch(NamedTuple):
    """Token ids as a model reads them.

    Legend: B rows, T tokens.
    """

    tokens_BT: torch.Tensor
    mask_BT: torch.Tensor | None = None
    """1 where there is a token; None: everywhere."""
    lengths: tuple[int, ...] | None = None
    """Of packed texts, which are one after another in the only row; None: a row is a text."""


def batches(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Indices in batches of like length, each of at most `tokens` padded tokens (or of one text)."""
    result: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if result and (len(result[-1]) + 1) * lengths[result[-1][0]] <= tokens:
            result[-1].append(index)
        else:
            result.append([index])
    return result


def even_batches(lengths: Sequence[int], tokens: int, threads: int) -> list[list[int]]:
    """Indices in batches of about as many tokens each, about `tokens` at most, as many batches for every thread.

    The longest text that is left goes to the batch with the fewest tokens.
    """
    number = min(len(lengths), threads * math.ceil(sum(lengths) / (threads * tokens)))
    result: list[list[int]] = [[] for _ in range(number)]
    sizes = [(0, place) for place in range(number)]
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        size, place = sizes[0]
        result[place].append(index)
        heapq.heapreplace(sizes, (size + lengths[index], place))
    return result


def for_each_batch(lengths: Sequence[int], device: torch.device, compute: Callable[[list[int]], None]) -> None:
    """Call `compute` with the indices of every batch of like length; on a CPU in several threads at once.

    Args:
        lengths: tokens of each text.
        device: where the model is.
        compute: runs the model, without gradients, and keeps what it finds.
    """
    _compute_all(_padded_batches(lengths, device, CPU_TOKENS), device, compute)


def _padded_batches(lengths: Sequence[int], device: torch.device, cpu_tokens: int) -> list[list[int]]:
    if device.type != "cpu":
        return batches(lengths, GPU_TOKENS)
    return batches(lengths, _tokens_each(lengths, _threads(device), cpu_tokens))


def _threads(device: torch.device) -> int:
    """How many batches are computed at once."""
    import torch

    return torch.get_num_threads() if device.type == "cpu" else 1


def _compute_all(parts: Sequence[list[int]], device: torch.device, compute: Callable[[list[int]], None]) -> None:
    """Call `compute` with each part, without gradients; on a CPU in several threads at once."""
    import torch

    threads = min(_threads(device), len(parts))

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
    read: Callable[[Batch], Sequence[T]],
    *,
    packed: bool = False,
    cpu_tokens: int | None = None,
) -> list[T]:
    """What `read` says of each row of token ids; equal rows are read once, so that they have equal results.

    Args:
        rows: N lists of token ids.
        padding: the id that fills a row up.
        device: where the model is.
        read: gives one result for each text of a batch.
        packed: `read` takes packed texts, too; on a CPU it gets no others.
        cpu_tokens: padded tokens of a batch on a CPU; None: the usual number.
    """
    distinct = list(dict.fromkeys(tuple(row) for row in rows))
    lengths = [len(row) for row in distinct]
    packed = packed and device.type == "cpu"
    found: dict[tuple[int, ...], T] = {}

    def compute(batch: list[int]) -> None:
        of_batch = [distinct[index] for index in batch]
        inputs = _packed(of_batch) if packed else _padded(of_batch, padding, device)
        found.update(zip(of_batch, read(inputs), strict=True))

    parts = (
        even_batches(lengths, PACKED_TOKENS, _threads(device))
        if packed
        else _padded_batches(lengths, device, cpu_tokens or CPU_TOKENS)
    )
    _compute_all(parts, device, compute)
    return [found[tuple(row)] for row in rows]


def _packed(rows: Sequence[Sequence[int]]) -> Batch:
    import torch

    return Batch(torch.tensor([[token for row in rows for token in row]]), None, tuple(map(len, rows)))


def _padded(rows: Sequence[Sequence[int]], padding: int, device: torch.device) -> Batch:
    import torch

    width = max(len(row) for row in rows)
    tokens_BT = torch.tensor([[*row, *[padding] * (width - len(row))] for row in rows]).to(device)
    if all(len(row) == width for row in rows):
        return Batch(tokens_BT)
    lengths_B1 = torch.tensor([[len(row)] for row in rows])
    return Batch(tokens_BT, (torch.arange(width) < lengths_B1).long().to(device))
