"""The house: which package may import which, what loads lazily, what is public, what the wheel holds."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from repository import load_script

measure_structure = load_script("measure_structure")

ROOT = Path(__file__).resolve().parents[2]
MAY_IMPORT = {
    "benchmarks": {"benchmarks"},
    "model_adapters": {"benchmarks", "model_adapters"},
    "reports": {"benchmarks", "reports"},
    "libra_bench": {"benchmarks", "model_adapters", "reports", "libra_bench"},
}
HEAVY = ("torch", "transformers", "pandas", "matplotlib", "nltk", "scipy", "PIL", "pydicom")
FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc", "manager"}


def sources() -> list[Path]:
    return [path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]


def imported_packages(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the full name"
            found.add((node.module or "").split(".")[0])
    return found


BOUNDS = {"benchmarks": (18, 46), "model_adapters": (18, 34), "reports": (20, 44), "libra_bench": (14, 30)}
"""Package -> the most rooms and arrows that it may have (`python scripts/measure_structure.py`)."""


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_rooms_stay_few_and_no_arrow_runs_upwards(package):
    found = measure_structure.arrows(package)
    most_rooms, most_arrows = BOUNDS[package]
    assert measure_structure.upward_arrows(found) == []
    assert len(found) <= most_rooms
    assert sum(map(len, found.values())) <= most_arrows


def test_a_circle_of_rooms_is_found():
    assert measure_structure.upward_arrows({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [("a", "b")]


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_never_run_upwards_or_sideways(package):
    for path in (ROOT / package).rglob("*.py"):
        ours = imported_packages(path) & MAY_IMPORT.keys()
        assert ours <= MAY_IMPORT[package], f"{path.relative_to(ROOT)} imports {ours - MAY_IMPORT[package]}"


def test_click_is_never_imported_directly():
    assert not [path for path in sources() if "click" in imported_packages(path)]


def test_every_module_has_a_name_of_its_own():
    assert not [path for path in sources() if path.stem in FORBIDDEN_NAMES]


@pytest.mark.parametrize(
    "statement",
    [
        "import libra_bench",
        "from libra_bench.cli.app import app; app(['--help'], standalone_mode=False)",
        "from libra_bench import score; score(predictions=['a'], references=['a'], metrics='bleu,rouge_l,temporal_f1')",
    ],
    ids=["import", "help", "a lexical score"],
)
def test_nothing_heavy_is_imported_before_it_is_needed(statement):
    heavy = HEAVY if "score" not in statement else ("torch", "transformers", "pandas", "matplotlib")
    check = f"{statement}\nimport sys; print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip().splitlines()[-1] == "[]"


def test_the_public_face_is_what_it_declares():
    import libra_bench

    assert libra_bench.__all__ == sorted(libra_bench.__all__)
    for name in libra_bench.__all__:
        assert callable(getattr(libra_bench, name))
    with pytest.raises(AttributeError):
        libra_bench.no_such_name  # noqa: B018


@pytest.mark.slow
def test_the_wheel_holds_exactly_the_four_packages_and_their_data(tmp_path):
    import zipfile

    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "-q", "-w", str(tmp_path), str(ROOT)], check=True
    )
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == MAY_IMPORT.keys()
    for wanted in ("benchmarks/data/demo/demo.jsonl", "model_adapters/cards/libra-tiny.yaml", "reports/paper.mplstyle"):
        assert wanted in names
