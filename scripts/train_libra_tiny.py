"""Train libra-tiny from nothing: phantoms, warm-up, both stages of `libra-bench train`, one plain checkpoint.

    python scripts/train_libra_tiny.py --work DIR [--out DIR] [--dummy-prior]

Under an hour on two CPU cores. Every step leaves its result in the work folder and is skipped when it is there,
so the same command continues. `--dummy-prior` trains the same recipe without ever showing a prior image (for the
comparison in docs/training.md); it shares phantoms and warm-up with the real run in the same work folder.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import runpy
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.records.scores import Scores

SCRIPTS = Path(__file__).parent
TRAIN_SEED, VALID_SEED, TEXT_SEED = 11, 12, 13
"""None of them is the demo's: its patients are never seen."""
TRAIN_SIZE, VALID_SIZE = 112, 192
"""Pixels; the demo has 192."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """How much of everything."""

    train_patients: int = 2400
    align_patients: int = 1500
    """Of these, for stage 1; stage 2 has all."""
    valid_patients: int = 60
    text_patients: int = 2000
    tower_epochs: int = 6
    decoder_steps: int = 1200
    """Reading a listing in words."""
    decoder_code_steps: int = 400
    """Reading vectors in the image's place."""


BOUNDS = {"ROUGE-L": 70.0, "Temporal_entity_score": 60.0, "Temporal_change_score": 35.0}
"""What a rerun reaches at least on the demo suite: random numbers differ between machines, and so do the weights."""

QUICK = Amounts(40, 20, 4, 40, 1, 4, 4)
"""Shows that every step works; learns nothing."""


def draw(folder: Path, patients: int, seed: int, size: int, align_patients: int) -> None:
    """Draw phantoms on both cores; `train.json` has every findings report, `train-align.json` some and questions."""
    from benchmarks.files import write_json
    from benchmarks.phantoms.writing import TASKS, phantom_studies, training_record, write_images

    studies = list(phantom_studies(patients, seed, laterals=False))
    with ProcessPoolExecutor(2) as pool:
        for _ in pool.map(partial(write_images, out=folder, image_size=size), studies, chunksize=16):
            pass
    chance = random.Random(seed)
    align: list[dict[str, Any]] = []
    for study in studies:
        if study.patient.number <= align_patients:
            align += TASKS["findings"](study)
            for task in ("impressions", "vqa", "diff-vqa"):
                records = TASKS[task](study)
                if records and chance.random() < 0.4:
                    align.append(chance.choice(records))
    findings = [record for study in studies for record in TASKS["findings"](study)]
    for name, records in (("train.json", findings), ("train-align.json", align)):
        samples = [training_record(record) for record in records]
        for sample in samples:
            sample["image"] = [f"{folder.name}/{image}" for image in sample["image"]]
        write_json(folder / name, samples)


def warm_up(work: Path, amounts: Amounts) -> None:
    """Tower and decoder, side by side, each on one core."""
    import libra_tiny_warmup as warmup

    start = work / "start"
    runpy.run_path(str(SCRIPTS / "make_libra_tiny.py"))["make"](start, 0)
    with ProcessPoolExecutor(2, initializer=_one_thread) as pool:
        tower = pool.submit(
            warmup.warm_up_tower,
            start / "libra-tiny-tower",
            work / "train",
            warmup.text_studies(amounts.train_patients, TRAIN_SEED),
            epochs=amounts.tower_epochs,
            seed=0,
        )
        decoder = pool.submit(
            warmup.warm_up_decoder,
            start / "libra-tiny",
            warmup.text_studies(amounts.text_patients, TEXT_SEED),
            steps=amounts.decoder_steps,
            code_steps=amounts.decoder_code_steps,
            seed=0,
        )
        tower.result()
        decoder.result()


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def libra_bench(*arguments: object) -> None:
    """Run the program."""
    program = Path(sys.executable).parent / "libra-bench"
    subprocess.run([str(program), *map(str, arguments)], check=True)


def paths(work: Path) -> list[object]:
    """Flags that both stages share."""
    return [
        "--vision-tower", work / "start" / "libra-tiny-tower",
        "--image-folder", work,
        "--validation-data-path", work / "valid" / "train.json",
        "--cache-features", work / "features",
        "--use-cpu", "true",
    ]  # fmt: skip


def merge(lora: Path, base: Path, out: Path) -> None:
    """Write a plain checkpoint in half precision, the tower beside it."""
    import shutil

    import torch

    from benchmarks.files import write_json
    from model_adapters.libra.checkpoint.export import save_merged
    from model_adapters.libra.checkpoint.loading import load_checkpoint

    loaded = load_checkpoint(lora, model_base=base, dtype=torch.float16)
    save_merged(loaded, out / "libra-tiny")
    path = out / "libra-tiny" / "config.json"
    original = json.loads((base.parent / "libra-tiny" / "config.json").read_text())
    write_json(path, dict(sorted(original.items())))
    shutil.copytree(base.parent / "libra-tiny-tower", out / "libra-tiny-tower", dirs_exist_ok=True)
    for file in out.rglob("*"):
        if file.is_file():
            file.chmod(0o644)


def once(done: Path, step: Any, *arguments: Any) -> None:
    """Do a step unless its result is there."""
    if done.exists():
        print(f"{done} is there", flush=True)
        return
    began = time.perf_counter()
    step(*arguments)
    done.parent.mkdir(parents=True, exist_ok=True)
    done.touch()
    print(f"{done}: {time.perf_counter() - began:.0f} s", flush=True)


def check(scores: Scores) -> None:
    """End with status 1 where a score is below its bound."""
    found = {score.key: score.value for score in scores.scores}
    low = {key: found[key] for key, bound in BOUNDS.items() if found[key] < bound}
    if low:
        sys.exit(f"below the bounds {BOUNDS}: {low}")
    print(f"within the bounds: {BOUNDS}")


def main() -> None:
    """Read the command line and do every step that is not done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="phantoms, features, checkpoints (3 GB)")
    parser.add_argument("--out", type=Path, help="where the trained model goes; default: in the work folder")
    parser.add_argument("--dummy-prior", action="store_true", help="never show a prior image")
    parser.add_argument("--quick", action="store_true", help="try the script out: the model learns nothing")
    arguments = parser.parse_args()
    amounts = QUICK if arguments.quick else Amounts()
    work = arguments.work.resolve()
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the matrices are small: threads would wait for each other
    sys.path.insert(0, str(SCRIPTS))
    name = "dummy" if arguments.dummy_prior else "prior"
    stage1, stage2 = work / name / "align", work / name / "finetune"
    out = (arguments.out or work / name / "model").resolve()
    base = work / "start" / "libra-tiny"
    policy = ["--image-policy", "dummy"] if arguments.dummy_prior else []

    once(
        work / "done" / "train",
        draw,
        work / "train",
        amounts.train_patients,
        TRAIN_SEED,
        TRAIN_SIZE,
        amounts.align_patients,
    )
    once(work / "done" / "valid", draw, work / "valid", amounts.valid_patients, VALID_SEED, VALID_SIZE, 0)
    once(work / "done" / "warm-up", warm_up, work, amounts)
    libra_bench(
        "train", "align", "--config", "phantom-align", "--model-name-or-path", base, "--output-dir", stage1,
        "--data-path", work / "train" / "train-align.json", *paths(work), *policy,
    )  # fmt: skip
    libra_bench(
        "train", "finetune", "--config", "phantom-finetune", "--model-name-or-path", base, "--output-dir", stage2,
        "--pretrain-mm-mlp-adapter", stage1 / "mm_projector.bin",
        "--data-path", work / "train" / "train.json", *paths(work), *policy,
    )  # fmt: skip
    once(work / "done" / f"merged-{name}", merge, stage2, base, out)
    card = work / name / "card.yaml"
    image_policy = "one" if arguments.dummy_prior else "dummy-prior"
    card.write_text(
        f"id: libra-tiny-{name}\nadapter: libra\npath: {out / 'libra-tiny'}\nconv_mode: libra_v1\n"
        f"image_policy: {image_policy}\nprotocol: phantom\n"
    )
    demo = work / name / "demo"
    libra_bench("run", "--suite", "demo", "--model", card, "--out", demo)
    if not arguments.quick and not arguments.dummy_prior:
        from benchmarks.records.scores import read_scores

        check(read_scores(demo))


if __name__ == "__main__":
    main()
