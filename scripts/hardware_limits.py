"""What a machine could do at most in each part of a generation benchmark, measured with the model's own shapes.

A part can take no less time than its products with weight matrices alone take, at the number of rows that it has; while
text is decoded the keys and values of the prompts must be read, too. Attention scores, everything element by element
and Python count as nothing, so these are lower bounds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from model_adapters.checkpoints import onednn
from model_adapters.generation.memory import position_bytes
from model_adapters.libra.inputs.tower_features import images_together, studies_together, wait_for
from model_adapters.libra.network.model import LibraModel

TRIES = 9


@dataclass(frozen=True, slots=True)
class Limit:
    """The least that one part of a run takes."""

    flop: float
    """Of the products with weight matrices."""
    product_seconds: float
    read_bytes: float = 0
    bandwidth: float = 1
    """Bytes per second."""

    @property
    def seconds(self) -> float:
        """The least time for the part."""
        return self.product_seconds + self.read_bytes / self.bandwidth


@torch.inference_mode()
def limits(model: LibraModel, report: Mapping[str, Any], studies: int, beams: int) -> dict[str, Limit]:
    """The limits of encoder, connector, prefill and decode for the run that `report` (of the adapter) is about."""
    language_model = model.language_model
    images, prompt = report["images"]["encoded"], report["prefill_tokens"] / studies
    computed = prompt - report["shared_tokens"] / studies
    together = min(report["batch_size"], studies)
    steps = report["decode_tokens"] / beams / together
    patches = model.num_patches
    flop, seconds = _products(_matrices(language_model), together * beams)
    cache_bytes = report["decode_tokens"] / beams * prompt * position_bytes(language_model)
    return {
        "encoder": _repeated(_matrices(model.tower), patches, images, images_together(model.device)),
        "connector": _repeated(_matrices(model.connector), patches, studies, studies_together(model.device)),
        "prefill": _repeated(_matrices_of_prefill(language_model), round(computed), studies, together=1),
        "decode": Limit(steps * flop, steps * seconds, cache_bytes, _bandwidth(model.device)),
    }


def _repeated(weights: Sequence[Tensor], rows: int, count: int, together: int) -> Limit:
    """`count` images or prompts of so many rows each."""
    flop, seconds = _products(weights, rows * min(together, count))
    return Limit(flop * count / min(together, count), seconds * count / min(together, count))


def _matrices(module: nn.Module) -> list[Tensor]:
    """Every weight matrix of a module."""
    return [
        weight
        for part in module.modules()
        if not isinstance(part, nn.Embedding)
        for weight in part.parameters(recurse=False)
        if weight.dim() == 2
    ]


def _matrices_of_prefill(language_model: Any) -> list[Tensor]:
    """Those that every position of a prompt needs: of the last layer only the ones for keys and values."""
    *layers, last = language_model.get_decoder().layers
    every = [weight for layer in layers for weight in _matrices(layer)]
    return [*every, *_matrices(last.self_attn.k_proj), *_matrices(last.self_attn.v_proj)]


def _products(weights: Sequence[Tensor], rows: int) -> tuple[float, float]:
    """FLOP and the least seconds of the products of `rows` rows with every weight matrix, one after another."""
    inputs = {
        weight.shape[1]: torch.ones(rows, weight.shape[1], dtype=weight.dtype, device=weight.device)
        for weight in weights
    }

    def run() -> Tensor:
        for weight in weights:
            linear = onednn.linear if weight.is_mkldnn else functional.linear
            product = linear(inputs[weight.shape[1]], weight)
        return product

    return 2.0 * rows * sum(weight.numel() for weight in weights), _least_seconds(run)


def _bandwidth(device: torch.device) -> float:
    """Bytes per second that can be read: a sum over 256 MB."""
    numbers = torch.ones(2**26, device=device)
    return float(numbers.nbytes / _least_seconds(numbers.sum))


def _least_seconds(run: Callable[[], Tensor]) -> float:
    wait_for(run())
    least = float("inf")
    for _ in range(TRIES):
        began = time.perf_counter()
        wait_for(run())
        least = min(least, time.perf_counter() - began)
    return least
