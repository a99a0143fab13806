"""Peak memory of decoding at the 7B shape, without its weights: against the formula of `--batch-size auto`.

    python scripts/measure_memory.py [--prompt 620] [--beams 10] [--batch-sizes 1 8 32]

The decoder's own code runs on tensors that have shapes and types but no memory (PyTorch's FakeTensorMode), in bfloat16:
prompts are prefilled one after the other, then every study takes steps. Counted are all bytes that live at the same
time, beside the weights; the allocator's fragments and the kernels' own workspace are not in it.
"""

from __future__ import annotations

import argparse
import weakref
from typing import Any

import torch
from humanize import naturalsize
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import AutoConfig, AutoModelForCausalLM

from model_adapters.adapter import Decoding
from model_adapters.generation.memory import study_bytes
from model_adapters.libra.decoding.decoder import additive
from model_adapters.libra.decoding.next_tokens import best_continuations, log_probabilities
from model_adapters.libra.decoding.prefill import Prefill
from model_adapters.libra.decoding.study_cache import StudyCache
from model_adapters.libra.inputs.prompt_stream import Prompt
from model_adapters.libra.network.attention import attend_for_decoding

SEVEN_B = {
    "vocab_size": 32000,
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
}
STEPS = 3
"""The cache has its full width from the first step on."""


class Peak(TorchDispatchMode):
    """Counts the bytes of the tensors that live."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            if isinstance(value, torch.Tensor):
                self._count(value.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._known:
            return
        self._known.add(key)
        nbytes = storage.nbytes()
        self.now += nbytes
        self.most = max(self.most, self.now)
        weakref.finalize(storage, self._forget, key, nbytes)

    def _forget(self, key: int, nbytes: int) -> None:
        self._known.discard(key)
        self.now -= nbytes


def language_model() -> Any:
    """A Llama of the 7B shape in bfloat16 that attends as for decoding."""
    torch.set_default_dtype(torch.bfloat16)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model("llama", **SEVEN_B), attn_implementation="sdpa")
    torch.set_default_dtype(torch.float32)
    attend_for_decoding(model)
    return model.eval()


@torch.inference_mode()
def peak_bytes(model: Any, studies: int, beams: int, positions: int) -> int:
    """Bytes beside the weights at the worst moment of prefilling studies and of their first steps together."""
    cache: StudyCache | None = None
    prefill = Prefill(model)
    with Peak() as peak:
        for row in range(studies):
            embeddings = torch.zeros(positions, SEVEN_B["hidden_size"], dtype=torch.bfloat16)
            logits, prompt = prefill(Prompt(row, (0,) * positions, embeddings))
            choose(logits)
            cache = cache or StudyCache(studies, beams, prompt)
            cache.insert(row, prompt)
            del prompt, embeddings, logits
        assert cache is not None
        for step in range(STEPS):
            output = model(
                input_ids=torch.zeros(studies, beams, dtype=torch.long),
                attention_mask=additive(cache.step_mask([list(range(beams))] * studies), model.dtype),
                position_ids=torch.full((studies, beams), positions + step),
                past_key_values=cache.past_key_values,
                use_cache=True,
            )
            choose(output.logits)
            del output
    return peak.most


def choose(logits_RWV: torch.Tensor) -> None:
    """What a step does with its logits on the device."""
    rows, beams = logits_RWV.shape[:2]
    best_continuations(log_probabilities(logits_RWV), torch.zeros(rows, beams), 2 * beams)


def main() -> None:
    """Print a table: batch size, peak, formula."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prompt", type=int, default=1450, help="positions: 37 x 37 patches and the words")
    parser.add_argument("--beams", type=int, default=10)
    parser.add_argument("--new-tokens", type=int, default=256)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 8, 32])
    arguments = parser.parse_args()
    decoding = Decoding(num_beams=arguments.beams, max_new_tokens=arguments.new_tokens)
    with FakeTensorMode():
        model = language_model()
        weights = sum(weight.nbytes for weight in model.parameters())
        print(f"weights {size(weights)}; prompt {arguments.prompt} positions, {arguments.beams} beams, bfloat16")
        print(f"{'batch size':>10} {'peak beside them':>18} {'formula':>12} {'peak / formula':>15}")
        for studies in arguments.batch_sizes:
            peak = peak_bytes(model, studies, arguments.beams, arguments.prompt)
            formula = studies * study_bytes(model, arguments.prompt, decoding)
            print(f"{studies:>10} {size(peak):>18} {size(formula):>12} {peak / formula:>15.2f}")


def size(nbytes: int) -> str:
    """For a person."""
    return naturalsize(nbytes, binary=True)


if __name__ == "__main__":
    main()
