"""How much memory studies take while they are decoded, how many fit, and what to say when not even one does."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from typing import Any

import torch
from humanize import naturalsize
from torch import nn

from benchmarks.errors import GenerationError
from model_adapters.adapter import Decoding

MAX_BATCH = 64
MIN_CPU_BATCH, CPU_BATCH_BYTES = 8, 100 * 2**20
"""A CPU's batch: so many studies, or more where they are small. Of a mid-size model 16 instead of 8 studies were 4 to
6 % faster, and took twice the memory for keys and values; of a tiny one the steps cost more than what is in them."""
SHARE_OF_MEMORY = 0.7
"""How much of the free memory (the accelerator's, or the machine's) a batch that we choose may take."""
BEAM_COLUMNS = 64
"""Columns of the cache that a beam takes for itself, about: the older ones are shared (see study_cache.py)."""
BYTES_PER_SCORE = 16
"""Of a step's logits: half precision, float32, log-probabilities and the candidates' sums."""


def position_bytes(language_model: Any) -> int:
    """Bytes of the keys and values of one position, all layers."""
    config = language_model.config
    heads = config.num_key_value_heads or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    itemsize = torch.empty((), dtype=language_model.dtype).element_size()
    return int(2 * config.num_hidden_layers * heads * width * itemsize)


def study_bytes(language_model: Any, prompt_positions: int, decoding: Decoding) -> int:
    """Bytes that one study takes while it is decoded, about: keys and values, and the scores of a step."""
    beam_columns = BEAM_COLUMNS * decoding.num_beams if decoding.num_beams > 1 else 0
    columns = prompt_positions + decoding.max_new_tokens + beam_columns
    scores = BYTES_PER_SCORE * decoding.num_beams * int(language_model.config.vocab_size)
    return columns * position_bytes(language_model) + scores


def fitting_batch(language_model: Any, longest_prompt: int, decoding: Decoding) -> int:
    """Studies that should fit into memory together; too many only costs a second try."""
    devices = _accelerators(language_model)
    if devices:
        free = len(devices) * min(torch.cuda.mem_get_info(device)[0] for device in devices)
    else:
        free = _free_memory_bytes()
    needed = study_bytes(language_model, longest_prompt, decoding)
    most = MAX_BATCH if devices else min(MAX_BATCH, max(MIN_CPU_BATCH, int(CPU_BATCH_BYTES / needed)))
    return max(1, min(most, int(SHARE_OF_MEMORY * free / needed)))


def peak_memory_bytes(model: nn.Module) -> int:
    """The most that was in use so far: of the accelerators that hold the model, else of the process."""
    devices = _accelerators(model)
    if devices:
        return sum(int(torch.cuda.max_memory_allocated(device)) for device in devices)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that the accelerator's or the machine's memory is full."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def too_large(language_model: Any, prompt_positions: int, decoding: Decoding, reason: str) -> GenerationError:
    """A study does not fit alone: how much it needs, and what to try."""
    needed = study_bytes(language_model, prompt_positions, decoding)
    weights = sum(weight.nbytes for weight in language_model.parameters())
    beams = f" with {decoding.num_beams} beams" if decoding.num_beams > 1 else ""
    return GenerationError(
        f"a single study does not fit into memory: its prompt of {prompt_positions:,} positions and up to "
        f"{decoding.max_new_tokens:,} new tokens{beams} need about {naturalsize(needed, binary=True)} beside "
        f"the language model's {naturalsize(weights, binary=True)} ({reason})",
        hint="try fewer beams (--num-beams), fewer new tokens (--max-new-tokens), a smaller type (--dtype bfloat16, "
        "--load-in 4bit) or several devices (--device-map auto)",
    )


def _accelerators(model: nn.Module) -> set[torch.device]:
    return {weight.device for weight in model.parameters() if weight.device.type == "cuda"}


def _free_memory_bytes() -> int:
    """The machine's memory that is free or kept for files; half of all memory where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    [available] = (line for line in lines if line.startswith("MemAvailable:"))
    return int(available.split()[1]) * 1024
