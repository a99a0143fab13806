"""Studies per second from disk to pixels, with 1 and 2 workers, compared with Pillow only decoding.

    python scripts/bench_images.py [--studies 24] [--size 2544x3056] [--side 518] [--rounds 3] [--processes]

A study is two radiographs (current and prior), grey JPEG files of MIMIC-CXR-JPG's size. The yardstick is Pillow opening
and decoding the same files in one thread, nothing else. "Three channels" is the tower's processor alone, on the picture
in RGB; the program's own way must give the same pixels, which is checked first. Workers are threads, as in the program;
`--processes` tries processes, too, which must hand the pixels back. The ways take turns, several rounds; the median
counts. CPU time is this process's, so that a machine which is busy otherwise matters less.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from transformers import CLIPImageProcessorPil

from benchmarks.images import read_grey_or_colour, read_radiograph
from model_adapters.libra.inputs.image_processing import mean_colour, pad_to_square, preprocess


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
    """The yardstick: open and decode."""
    with Image.open(path) as picture:
        picture.load()
        return picture.width


class ToPixels:
    """From a file to the pixels [3, side, side] that the tower reads; numpy, which processes hand over by pickling.

    Args:
        side: of the tower's square.
        one_channel: the program's way; otherwise the processor alone.
    """

    def __init__(self, side: int, *, one_channel: bool) -> None:
        self.one_channel = one_channel
        self.processor = CLIPImageProcessorPil(
            size={"shortest_edge": side},
            crop_size={"height": side, "width": side},
            image_mean=[0.53] * 3,
            image_std=[0.26] * 3,
        )

    def __call__(self, path: Path) -> np.ndarray:
        """Read and prepare one file."""
        if self.one_channel:
            return preprocess([read_grey_or_colour(path)], self.processor, "pad")[0].numpy()
        square = pad_to_square(read_radiograph(path), mean_colour(self.processor))
        return np.asarray(self.processor(square, return_tensors="pt")["pixel_values"][0])


@dataclass(slots=True)
class Way:
    """One way of reading all files, and how long each round took."""

    name: str
    pool: Executor
    work: Callable[[Path], object]
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)

    def run(self, paths: Sequence[Path]) -> None:
        """Read all files once."""
        began, cpu_began = time.perf_counter(), time.process_time()
        for _ in self.pool.map(self.work, paths):
            pass
        self.seconds.append(time.perf_counter() - began)
        self.cpu_seconds.append(time.process_time() - cpu_began)


def measure(ways: Sequence[Way], paths: Sequence[Path], rounds: int) -> None:
    """Let the ways take turns."""
    for way in ways:
        way.run(paths[:2])  # processes start, files come into the page cache
        way.seconds.clear()
        way.cpu_seconds.clear()
    for _ in range(rounds):
        for way in ways:
            way.run(paths)
    for way in ways:
        way.pool.shutdown()


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=24)
    parser.add_argument("--size", default="2544x3056", help="width x height of a radiograph")
    parser.add_argument("--side", type=int, default=518, help="of the tower's square")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processes", action="store_true", help="try processes, too")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    width, height = map(int, arguments.size.split("x"))
    ours, alone = ToPixels(arguments.side, one_channel=True), ToPixels(arguments.side, one_channel=False)
    ways = [
        Way("Pillow's decode, 1 thread", ThreadPoolExecutor(1), decode),
        Way("Pillow's decode, 2 threads", ThreadPoolExecutor(2), decode),
        Way("three channels, 1 thread", ThreadPoolExecutor(1), alone),
        Way("1 thread", ThreadPoolExecutor(1), ours),
        Way("2 threads", ThreadPoolExecutor(2), ours),
    ]
    if arguments.processes:
        context = get_context("spawn")
        ways += [
            Way("1 process", ProcessPoolExecutor(1, context), ours),
            Way("2 processes", ProcessPoolExecutor(2, context), ours),
        ]
    with tempfile.TemporaryDirectory() as folder:
        paths = make_images(Path(folder), 2 * arguments.studies, (width, height))
        if not all(np.array_equal(ours(path), alone(path)) for path in paths[:4]):
            raise SystemExit("the pixels differ from the processor's own")
        measure(ways, paths, arguments.rounds)
    decoding = statistics.median(ways[0].seconds)
    print(f"{arguments.studies} studies, 2 JPEG files each, {width} x {height}, to a square of {arguments.side}")
    for way in ways:
        seconds, cpu = statistics.median(way.seconds), statistics.median(way.cpu_seconds) / len(paths)
        spent = f"{1000 * cpu:5.1f} ms CPU/image" if isinstance(way.pool, ThreadPoolExecutor) else " " * 18
        speed = f"{arguments.studies / seconds:6.2f} studies/s"
        print(f"  {way.name:26s} {speed}   {spent}   {decoding / seconds:4.0%} of the speed of decoding")


if __name__ == "__main__":
    main()
