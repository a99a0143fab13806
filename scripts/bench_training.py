"""Time an optimiser step of `libra-bench train` against a plain loop that recomputes everything.

    python scripts/bench_training.py [--steps N]

Both train libra-tiny's connector on the same phantoms in batches of 8. The plain loop reads, resizes and encodes every
image in every step and uses eager attention; ours keeps the frozen tower's features and uses SDPA.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import torch
from accelerate import Accelerator

from benchmarks.phantoms import write_phantoms
from libra_bench.training.feature_cache import fill_cache
from libra_bench.training.preparation import Prepared, prepare
from libra_bench.training.recipe_file import load_recipe

DATA = Path(__file__).parents[1] / "model_adapters" / "data"
BATCH = 8


def prepared(folder: Path, *, cached: bool) -> Prepared:
    """libra-tiny and the phantoms in `folder`."""
    flags = {
        "model_name_or_path": str(DATA / "libra-tiny"),
        "data_path": str(folder / "train.json"),
        "image_folder": str(folder),
        "output_dir": str(folder / "out"),
        "attn_implementation": "sdpa" if cached else "eager",
        "cache_features": str(folder / "features") if cached else None,
    }
    ready = prepare(load_recipe("phantom-align", "align", flags), "align")
    fill_cache(ready, Accelerator(cpu=True), print)
    return ready


def seconds_a_step(ready: Prepared, steps: int) -> float:
    """Forward, backward and update, reading the data included."""
    model = ready.parts.model.train()
    optimizer = torch.optim.AdamW([weight for _, weight in model.named_trainable()])
    began = 0.0
    for step in range(steps + 1):  # the first warms up
        if step == 1:
            began = time.perf_counter()
        numbers = [(step * BATCH + place) % len(ready.data) for place in range(BATCH)]
        batch = ready.collator([ready.data[number] for number in numbers])
        inputs = {name: batch[name] for name in ("input_ids", "attention_mask", "images", "labels")}
        model(**inputs).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return (time.perf_counter() - began) / steps


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10)
    steps = parser.parse_args().steps
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_phantoms(folder, patients=12, seed=3, image_size=192)
        ours = seconds_a_step(prepared(folder, cached=True), steps)
        plain = seconds_a_step(prepared(folder, cached=False), steps)
    print(json.dumps({"ms_a_step": round(1000 * ours), "plain_loop_ms": round(1000 * plain), "ratio": plain / ours}))


if __name__ == "__main__":
    main()
