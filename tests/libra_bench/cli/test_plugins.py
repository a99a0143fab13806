"""A third party's wheel, built from the tutorial and installed into a fresh environment, is a model like any other."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from repository import ROOT

TUTORIAL = ROOT / "docs" / "plugins.md"


def block(language: str, after: str) -> str:
    """The first code block of a language behind a text of the tutorial."""
    rest = TUTORIAL.read_text(encoding="utf-8").partition(after)[2]
    found = re.search(rf"```{language}\n(.*?)```", rest, re.DOTALL)
    assert found, (language, after)
    return found[1]


def test_the_function_of_the_tutorial(program):
    (program.folder / "mymodel.py").write_text(block("python", "`mymodel.py`"))
    done = program("run", "--suite", "demo", "--model", "mymodel:describe", "--metrics", "temporal_f1", "--json",
                   "--no-report", "--no-plots")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["n"] == 66
    shown = re.search(r"Temporal_entity_score ↑ │ ([\d.]+)", TUTORIAL.read_text(encoding="utf-8"))
    assert shown
    assert float(shown[1]) == pytest.approx(json.loads(done.stdout)["scores"][0]["value"], abs=0.005)


@pytest.mark.slow
def test_the_package_of_the_tutorial(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "pyproject.toml").write_text(block("toml", "`pyproject.toml`:"))
    (source / "libra_bench_parrot.py").write_text(block("python", "`libra_bench_parrot.py`:"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path, source], check=True)
    (wheel,) = tmp_path.glob("libra_bench_parrot-*.whl")

    fresh = tmp_path / "fresh"
    venv.create(fresh, with_pip=False)
    python = fresh / "bin" / "python"
    packages = Path(
        subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
            check=True, capture_output=True, text=True,
        ).stdout.strip()
    )  # fmt: skip
    installed = sysconfig.get_paths()["purelib"]  # libra-bench and what it needs, without installing it all again
    (packages / "installed.pth").write_text(f"import site; site.addsitedir({installed!r})\n")
    subprocess.run([*pip, "--python", python, "install", "--no-deps", "--no-index", wheel], check=True)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [python, "-c", "from libra_bench.cli.app import main; main()", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    listed = {model["name"]: model for model in json.loads(run("models", "--json").stdout)}
    assert listed["parrot"]["description"].startswith("repeats the indication")
    assert "plug-in" in listed["parrot"]["description"]
    done = run("run", "--suite", "demo", "--model", "parrot", "--option", "times=2", "--metrics", "temporal_f1",
               "--no-report", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    folder = tmp_path / json.loads(done.stdout)["run"]
    first = json.loads((folder / "answers.jsonl").read_text().splitlines()[0])
    assert first["text"] == "Weakness. Weakness."
    assert json.loads((folder / "run.json").read_text())["deciding"]["model"]["times"] == 2
    board = run("leaderboard", "runs", "--csv", "board.csv")
    assert board.returncode == 0, board.stderr
    with (tmp_path / "board.csv").open(newline="") as stream:
        ranked = {row["Model Name"]: (row["rank"], row["kind"]) for row in csv.DictReader(stream)}
    assert ranked["parrot"] == ("", "baseline")
    wrong = run("run", "--suite", "demo", "--model", "parrot", "--option", "tmes=2")
    assert wrong.returncode == 2
    assert "did you mean 'times'" in wrong.stderr
