"""Two processes fill one folder of features together; one is killed, and the next start goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from oracles import MODELS
from safetensors.torch import load_file

from benchmarks.phantoms import write_phantoms

pytestmark = pytest.mark.slow

PATIENTS = 40


def command(folder: Path) -> list[str]:
    given = {
        "model_name_or_path": MODELS / "tiny-llm-base",
        "vision_tower": MODELS / "tiny-rad-dino",
        "data_path": folder / "train.json",
        "image_folder": folder,
        "output_dir": "out",
        "cache_features": "kept",
        "global_batch_size": 4,
        "per_device_train_batch_size": 2,
        "max_steps": 1,
        "metric_for_best_model": "loss",
    }
    named = [item for name, value in given.items() for item in ("--" + name.replace("_", "-"), str(value))]
    return ["train", "align", "--config", "phantom-align", *named]


def started(program, folder: Path) -> subprocess.Popen[str]:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "--no_python"]
    return subprocess.Popen(
        [*torchrun, *program.command(*command(folder))],
        cwd=program.folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def features(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in folder.rglob("*.safetensors")}


def to_encode(said: str) -> tuple[int, int]:
    """Images, and those to encode, as the main process says once."""
    (line,) = [line for line in said.splitlines() if "to encode" in line]
    words = line.split()
    return int(words[2]), int(words[5])


def test_one_of_two_is_killed_and_the_next_start_goes_on(program):
    images = program.folder / "phantoms"
    write_phantoms(images, patients=PATIENTS, seed=5, image_size=56)
    process = started(program, images)
    while len(features(program.folder / "kept")) < 3 and process.poll() is None:
        time.sleep(0.002)
    psutil.Process(process.pid).children()[-1].send_signal(signal.SIGKILL)
    _, said = process.communicate(timeout=100)
    assert process.returncode
    count, missing = to_encode(said)
    assert count == missing
    before = {name: path.stat().st_mtime_ns for name, path in features(program.folder / "kept").items()}
    assert 3 <= len(before) < count, "the kill came too late"

    again = started(program, images)
    _, said = again.communicate(timeout=300)
    assert again.returncode == 0, said[-3000:]
    assert to_encode(said) == (count, count - len(before))
    kept = features(program.folder / "kept")
    assert len(kept) == count
    assert {name: kept[name].stat().st_mtime_ns for name in before} == before
    assert all(load_file(path)["features"].shape == (12, 16, 48) for path in kept.values())  # each is whole
