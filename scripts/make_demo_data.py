"""Make the demo data that ship with the package: an evaluation split, and training reports for baselines that learn.

    python scripts/make_demo_data.py [--out DIR] [--patients N] [--train-patients N]

The same arguments give the same bytes, with the Pillow that constraints.txt pins.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.catalog import DEMO
from benchmarks.files import write_jsonl
from benchmarks.phantoms.writing import TASKS, phantom_studies, write_images

DEMO_SEED = 2128
"""Kept for the demo: never train on it."""
TRAIN_SEED = 1
IMAGE_SIZE = 192
TRAIN_IMAGE_SIZE = 112
SUITES = {
    "demo.jsonl": "findings",
    "demo-vqa.jsonl": "vqa",
    "demo-diff-vqa.jsonl": "diff-vqa",
    "demo-temporal.jsonl": "temporal",
}


def make(out: Path, patients: int, train_patients: int) -> None:
    """Write the evaluation split into `out`, the training reports into `out`/train."""
    studies = list(phantom_studies(patients, DEMO_SEED))
    for study in studies:
        write_images(study, out, IMAGE_SIZE)
    for name, task in SUITES.items():
        write_jsonl(out / name, (record for study in studies for record in TASKS[task](study)))
    training = list(phantom_studies(train_patients, TRAIN_SEED, laterals=False))
    for study in training:
        write_images(study, out / "train", TRAIN_IMAGE_SIZE)
    write_jsonl(out / "train" / "train.jsonl", (record for study in training for record in TASKS["findings"](study)))
    print(f"{len(studies)} studies of {patients} patients, {len(training)} for training, in {out}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=DEMO)
    parser.add_argument("--patients", type=int, default=20)
    parser.add_argument("--train-patients", type=int, default=32)
    arguments = parser.parse_args()
    make(arguments.out, arguments.patients, arguments.train_patients)


if __name__ == "__main__":
    main()
