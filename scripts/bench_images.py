"""Studies a second from disk to pixels, with 1 and 2 workers, against the decode floor of Pillow.

    python scripts/bench_images.py [--studies 24] [--size 2544x3056] [--side 518] [--rounds 3]

A study is two radiographs (current and prior), JPEG files of MIMIC-CXR-JPG's size. The floor is Pillow opening and
decoding the same files in one thread, nothing else. Workers are threads, as in the program, and processes for
comparison, which must hand the pixels back. The ways take turns, several rounds; the median counts.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import CLIPImageProcessorPil

from benchmarks.images import read_radiograph
from model_adapters.libra.image_processing import preprocess


def make_images(folder: Path, count: int, size: tuple[int, int]) -> list[Path]:
    """Smooth grey pictures with some grain, so that JPEG has something to do."""
    random = np.random.default_rng(0)
    paths = []
    for number in range(count):
        coarse = Image.fromarray(random.integers(0, 256, (24, 20), dtype=np.uint8)).resize(
            size, Image.Resampling.BICUBIC
        )
        grain = random.integers(0, 12, (size[1], size[0]), dtype=np.uint8)
        path = folder / f"{number}.jpg"
        Image.fromarray((np.asarray(coarse) // 12 * 11 + grain).astype(np.uint8)).save(path, quality=95)
        paths.append(path)
    return paths


def decode(path: Path) -> int:
    """The floor: open and decode."""
    with Image.open(path) as picture:
        picture.load()
        return picture.width


class ToPixels:
    """From a file to the pixels that the tower reads, as the program does it."""

    def __init__(self, side: int) -> None:
        self.processor = CLIPImageProcessorPil(
            size={"shortest_edge": side},
            crop_size={"height": side, "width": side},
            image_mean=[0.53] * 3,
            image_std=[0.26] * 3,
        )

    def __call__(self, path: Path) -> np.ndarray:
        """Pixels [3, side, side]; numpy, which processes hand over by pickling."""
        return preprocess([read_radiograph(path)], self.processor, "pad")[0].numpy()


def measure(pool: Executor, work: Callable[[Path], object], paths: Sequence[Path]) -> float:
    """Seconds for all files."""
    began = time.perf_counter()
    for _ in pool.map(work, paths):
        pass
    return time.perf_counter() - began


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=24)
    parser.add_argument("--size", default="2544x3056", help="width x height of a radiograph")
    parser.add_argument("--side", type=int, default=518, help="of the tower's square")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    width, height = map(int, arguments.size.split("x"))
    to_pixels, context = ToPixels(arguments.side), get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        paths = make_images(Path(folder), 2 * arguments.studies, (width, height))
        pools: dict[str, tuple[Executor, Callable[[Path], object]]] = {
            "Pillow's decode, 1 thread": (ThreadPoolExecutor(1), decode),
            "1 thread": (ThreadPoolExecutor(1), to_pixels),
            "2 threads": (ThreadPoolExecutor(2), to_pixels),
            "1 process": (ProcessPoolExecutor(1, context), to_pixels),
            "2 processes": (ProcessPoolExecutor(2, context), to_pixels),
        }
        for pool, work in pools.values():
            measure(pool, work, paths[:2])  # processes start, files come into the page cache
        seconds: dict[str, list[float]] = {name: [] for name in pools}
        for _ in range(arguments.rounds):
            for name, (pool, work) in pools.items():
                seconds[name].append(measure(pool, work, paths))
        for pool, _ in pools.values():
            pool.shutdown()
    floor = statistics.median(seconds["Pillow's decode, 1 thread"])
    print(f"{arguments.studies} studies, 2 JPEG files each, {width} x {height}, to a square of {arguments.side}")
    for name, rounds in seconds.items():
        median = statistics.median(rounds)
        print(f"  {name:26s} {arguments.studies / median:5.2f} studies/s   {floor / median:4.0%} of the floor's speed")


if __name__ == "__main__":
    main()
