from __future__ import annotations

import runpy
from pathlib import Path

from repository import ROOT

from benchmarks.catalog import DEMO, DEMO_TRAIN
from benchmarks.suites import load_suite, read_samples

SCRIPT = ROOT / "scripts" / "make_demo_data.py"


def test_the_script_makes_what_is_shipped(tmp_path: Path) -> None:
    # Two patients of twenty and one of 32: their files must come out byte by byte, their lines come first.
    runpy.run_path(str(SCRIPT))["make"](tmp_path, patients=2, train_patients=1)
    made = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert sum(path.suffix == ".png" for path in made) > 5
    for path in made:
        shipped = (DEMO / path).read_bytes()
        if path.suffix == ".png":
            assert (tmp_path / path).read_bytes() == shipped, path
        else:
            assert shipped.startswith((tmp_path / path).read_bytes()), path


def test_no_demo_patient_is_in_the_training_reports() -> None:
    training = read_samples(DEMO_TRAIN)
    assert len(training) == 121
    demo = {sample.fields["subject_id"] for sample in load_suite("demo").samples}
    assert not demo & {sample.fields["subject_id"] for sample in training}


def test_the_demo_data_are_small() -> None:
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) < 1_600_000
