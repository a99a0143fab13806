"""Time the preparation of data at MIMIC-CXR's scale: rows per second and the peak memory of each command.

    python scripts/bench_data.py [--studies 50000] [--images-a-study 4]

Each command runs as the real program on a fake tree (200,000 rows of metadata, 50,000 reports by default); memory is
the largest that the program or one of its workers held (Linux: the operating system's own count).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from make_fake_mimic import write_fake_mimic

PROGRAM = Path(sys.executable).parent / "libra-bench"
LIMIT_GB = 2.0


def run(arguments: list[str]) -> tuple[float, float, dict[str, object]]:
    """Seconds, peak gigabytes and the JSON result of one command (in a child of its own, so its peak is its own)."""
    reader, writer = os.pipe()
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        done = subprocess.run([str(PROGRAM), *arguments, "--json"], stdout=subprocess.PIPE, check=False)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        os.write(writer, json.dumps([peak, done.returncode, done.stdout.decode()]).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        peak, status, text = json.load(stream)
    os.waitpid(child, 0)
    if status:
        raise SystemExit(f"{' '.join(arguments)} ended with {status}")
    return time.perf_counter() - start, peak / 1024**2, json.loads(text)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=50_000)
    parser.add_argument("--images-a-study", type=int, default=4)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        made = write_fake_mimic(
            root, patients=round(options.studies / 3.5), images="none", images_a_study=options.images_a_study
        )
        print(f"{made['images']:,} rows of metadata, {made['studies']:,} reports")
        archive = root / "mimic-cxr" / "2.0.0" / "mimic-cxr-reports.zip"
        metadata = root / "mimic-cxr-jpg" / "2.0.0" / "mimic-cxr-2.0.0-metadata.csv.gz"
        sections = ["data", "sections", str(archive), "--out", str(root / "sections.csv")]
        priors = ["data", "priors", str(metadata)]
        findings = ["data", "build", "findings", "--mimic-root", folder, "--allow-absent-images"]
        commands = {
            "sections": (made["studies"], sections),
            "priors (published)": (made["images"], [*priors, "--out", str(root / "pairs.csv")]),
            "priors (frontal)": (made["images"], [*priors, "--rule", "frontal", "--out", str(root / "frontal.csv")]),
            "build findings train": (
                made["images"],
                [*findings, "--split", "train", "--out", str(root / "train.json")],
            ),
            "build findings test": (made["images"], [*findings, "--split", "test", "--out", str(root / "test.jsonl")]),
            "build alignment train": (
                made["images"],
                ["data", "build", "alignment", *findings[3:], "--split", "train", "--out", str(root / "align.json")],
            ),
        }
        worst = 0.0
        print(f"{'':24}{'seconds':>9}{'rows/s':>12}{'peak GB':>9}")
        for name, (rows, arguments) in commands.items():
            seconds, gigabytes, _ = run(arguments)
            worst = max(worst, gigabytes)
            print(f"{name:24}{seconds:9.1f}{rows / seconds:12,.0f}{gigabytes:9.2f}")
    print(f"largest peak {worst:.2f} GB, limit {LIMIT_GB} GB: {'kept' if worst < LIMIT_GB else 'EXCEEDED'}")
    raise SystemExit(worst >= LIMIT_GB)


if __name__ == "__main__":
    main()
