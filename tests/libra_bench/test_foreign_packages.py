"""A user's own packages called reports, benchmarks or model_adapters: said in one sentence, or not in the way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from real_program import Program, read_lines

NAMES = ("benchmarks", "model_adapters", "reports")


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=folder, timeout=120)


@pytest.fixture
def project(tmp_path):
    """A project with packages of all three names, whose model uses none of them."""
    for name in NAMES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("WHOSE = 'the user'\n")
    (tmp_path / "mymodel.py").write_text("def describe(questions):\n    return ['Clear.' for _ in questions]\n")
    return Program(tmp_path)


def test_the_program_runs_a_function_beside_them(project):
    done = project(
        *("run", "--suite", "demo", "--limit", 2, "--model", "mymodel:describe", "--metrics", "bleu", "--out", "x"),
        "--no-plots",
    )
    assert done.returncode == 0, done.stderr
    assert [answer["text"] for answer in read_lines(project.folder / "x" / "answers.jsonl")] == ["Clear."] * 2
    assert (project.folder / "x" / "report.html").is_file()


@pytest.mark.parametrize("source", ["import reports.mine", "from reports import WHOSE"])
def test_a_function_that_wants_its_own_is_told(project, source):
    (project.folder / "mymodel.py").write_text(f"{source}\n")
    done = project("generate", "--suite", "demo", "--limit", 1, "--model", "mymodel:describe")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert f"{project.folder / 'reports'} has the name of libra-bench's own package 'reports'" in done.stderr


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["package", "module"])
def test_python_that_would_take_them_for_ours_is_told_where_they_are(tmp_path, name, kind):
    place = tmp_path / (name if kind == "package" else f"{name}.py")
    if kind == "package":
        place.mkdir()
        (place / "__init__.py").write_text("")
    else:
        place.write_text("")
    sentence = f"{place} has the name of libra-bench's own package {name!r} and comes before it: rename it"
    program = python(tmp_path, "-m", "libra_bench", "--version")
    assert (program.returncode, program.stdout) == (2, "")
    assert program.stderr.startswith(f"error: {sentence}")
    assert program.stderr.count("\n") == 1
    notebook = python(tmp_path, "-c", "import libra_bench")
    assert notebook.stderr.splitlines()[-1].startswith(f"ImportError: {sentence}")


def test_so_is_a_process_that_the_users_script_starts(tmp_path):
    """A child process begins with the parent's path, which a script may have changed since it imported libra_bench."""
    (tmp_path / "mine" / "reports").mkdir(parents=True)
    (tmp_path / "mine" / "reports" / "__init__.py").write_text("")
    (tmp_path / "script.py").write_text(
        "import multiprocessing, sys, libra_bench\n"
        "if __name__ == '__main__':\n"
        f"    sys.path.insert(0, {str(tmp_path / 'mine')!r})\n"
        "    child = multiprocessing.get_context('spawn').Process(target=print)\n"
        "    child.start(); child.join(); sys.exit(child.exitcode)\n"
    )
    done = python(tmp_path, "script.py")
    assert done.returncode == 1
    assert f"ImportError: {tmp_path / 'mine' / 'reports'} has the name" in done.stderr


def test_a_folder_of_that_name_without_code_is_not_in_the_way(tmp_path):
    for name in NAMES:
        (tmp_path / name).mkdir()
    assert python(tmp_path, "-m", "libra_bench", "--version").returncode == 0
