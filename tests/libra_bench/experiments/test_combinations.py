"""Several suites and models in one command, from flags or from a file."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from in_process import InProcess
from real_program import Program

from benchmarks.errors import InputError, UnknownNameError
from libra_bench.experiments.combinations import split_values
from libra_bench.experiments.experiment_file import EXAMPLE, read_experiment

FAST = ("--metrics", "rouge_l", "--no-plots", "--no-report")


def runs(folder: Path) -> set[str]:
    """suite/model of the runs in a folder."""
    return {"/".join(path.parts[-4:-2]) for path in folder.glob("runs/*/*/*/run.json")}


def test_every_combination_runs_and_the_board_comes_last(cli: InProcess) -> None:
    cli.suite(3, "one.jsonl")
    cli.suite(4, "two.jsonl")
    done = cli("run", "--suite", "one.jsonl,two.jsonl", "--model", "constant", "--model", "echo", *FAST)
    assert done.returncode == 0, done.stderr
    assert runs(cli.folder) == {"one/constant", "two/constant", "one/echo", "two/echo"}
    assert "one, no model" in done.stdout
    assert "two, no model" in done.stdout
    again = cli("run", "--suite", "one.jsonl,two.jsonl", "--model", "constant,echo", *FAST, "--json")
    assert [run["n"] for run in json.loads(again.stdout)["runs"]] == [3, 4, 3, 4]
    assert "generating" not in again.stderr


def test_one_that_fails_stops_no_other(cli: InProcess) -> None:
    cli.suite(4)
    cli.slow_model()
    models = ("--model", "nosuch", "--model", "slow_model:fails_on_3", "--model", "echo")
    done = cli("run", "--suite", "suite.jsonl", *models, *FAST, "--json")
    assert done.returncode == 1
    result = json.loads(done.stdout)
    assert [run["model"] for run in result["runs"]] == ["echo"]
    assert [one["model"] for one in result["failed"]] == ["nosuch", "slow_model:fails_on_3"]
    assert "the third study is too hard" in result["failed"][1]["problem"]
    assert "failed: nosuch on suite.jsonl: unknown model" in done.stderr
    assert "2 of 3 runs failed" in done.stderr


def test_recorded_failures_are_status_3(cli: InProcess) -> None:
    cli.suite(4)
    cli.slow_model()
    done = cli("run", "--suite", "suite.jsonl", "--model", "echo,slow_model:fails_on_3", "--on-error", "record", *FAST)
    assert done.returncode == 3


@pytest.mark.parametrize("flag", ["--out", "--model-name", "--weights"])
def test_what_is_meant_for_one_run_is_refused_for_several(cli: InProcess, flag: str) -> None:
    cli.suite(3)
    done = cli("run", "--suite", "suite.jsonl", "--model", "constant,echo", flag, "here")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {flag}: is ")
    assert not (cli.folder / "runs").exists()


def test_commas_split_only_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a,b.jsonl").touch()
    assert split_values(["demo,a", "demo"]) == ["demo", "a"]
    assert split_values(["a,b.jsonl"]) == ["a,b.jsonl"]
    assert split_values(["libra:a,b.jsonl"]) == ["libra:a,b.jsonl"]
    for whole in ("replay:x,y", "openai:m,n", "module:f,g"):
        assert split_values([whole]) == [whole]


def test_the_model_is_loaded_once_for_all_suites(program: Program) -> None:
    program.suite(2, "one.jsonl")
    program.suite(3, "two.jsonl")
    (program.folder / "counted.py").write_text(
        "print('LOADED')\ndef answer(questions):\n    return [''] * len(questions)\n"
    )
    done = program("run", "--suite", "one.jsonl,two.jsonl", "--model", "counted:answer", *FAST)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("LOADED") == 1


def test_the_plan_says_what_is_there_and_runs_nothing(cli: InProcess) -> None:
    cli.suite(3)
    words = ("run", "--suite", "suite.jsonl", "--model", "constant,echo,nosuch", *FAST, "--dry-run")
    assert cli("run", "--suite", "suite.jsonl", "--model", "echo", *FAST).returncode == 0
    done = cli(*words)
    assert done.returncode == 0
    assert "constant on suite.jsonl: 3 studies, none answered yet" in done.stdout
    assert "echo on suite.jsonl: 3 studies, all answered" in done.stdout
    assert "cannot run: unknown model 'nosuch'" in done.stdout
    plan = json.loads(cli(*words, "--json").stdout)["plan"]
    assert [one.get("answered") for one in plan] == [0, 3, None]
    assert runs(cli.folder) == {"suite/echo"}
    (answers,) = cli.folder.glob("runs/*/*/*/answers.jsonl")
    answers.write_text(answers.read_text()[:-20])  # as a killed run leaves it
    plan = json.loads(cli(*words, "--json").stdout)["plan"]
    assert [one.get("answered") for one in plan] == [0, 2, None]


def test_the_example_runs_as_it_is(cli: InProcess) -> None:
    assert cli("init").returncode == 0
    assert cli("init").returncode == 2
    assert cli("init", "--force").returncode == 0
    planned = cli("run", "--config", "experiment.yaml", "--dry-run", "--json")
    assert [one["n"] for one in json.loads(planned.stdout)["plan"]] == [12, 12]
    assert [one["problem"] for one in json.loads(planned.stdout)["plan"]] == [None, None]


@pytest.mark.slow
def test_the_example_runs_to_its_end(program: Program) -> None:
    assert program("init").returncode == 0
    done = program("run", "--config", "experiment.yaml", "--json")
    assert done.returncode == 0, done.stderr
    assert [run["model"] for run in json.loads(done.stdout)["runs"]] == ["constant", "libra-tiny-greedy"]


def test_options_of_the_file_and_of_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "e.yaml"
    path.write_text(
        "suites: [demo, {suite: x.jsonl, limit: 5}]\n"
        "models: [echo, {model: libra-tiny, num_beams: 2, batch_size: auto, option: 1}]\n".replace(", option: 1", "")
        + "protocols: [greedy, libra-v1]\nseeds: [1, 2]\nmetrics: [bleu]\noptions: {device: cpu, limit: 9}\n"
    )
    found = read_experiment(path, {"device": "cuda"})
    assert len(found) == 2 * 2 * 2 * 2
    assert [one.model for one in found] == ["echo"] * 8 + ["libra-tiny"] * 8
    last = found[-1].options
    assert (last.protocol, last.seed, last.num_beams, last.device, last.limit) == ("libra-v1", 2, 2, "cuda", 5)
    assert last.metrics == ["bleu"]
    assert found[0].options.limit == 9


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("suites: [demo]\nmodel: [echo]", ["unknown key (in e.yaml) 'model'", "did you mean 'models'?", "protocols"]),
        ("suites: [demo]", ["names no models", "libra-bench init"]),
        ("suites: []\nmodels: [echo]", ["names no suites"]),
        ("suites: [demo]\nmodels: [{model: echo, num_beam: 3}]", ["models[0]", "'num_beam'", "'num_beams'"]),
        ("suites: [demo]\nmodels: [{model: echo, num_beams: many}]", ["models[0]: num_beams takes a whole number"]),
        ("suites: [demo]\nmodels: [{num_beams: 3}]", ["models[0]: lacks model"]),
        ("suites: [demo]\nmodels: [echo]\noptions: {out: x}", ["options", "'out'"]),
        ("suites: [demo]\nmodels: [echo]\nseeds: [a]", ["seeds: ", "found 'a'"]),
        ("- demo", ["an experiment is a list of `key: value` lines"]),
    ],
)
def test_a_wrong_key_or_value_is_one_line_that_names_it(tmp_path, monkeypatch, content, words) -> None:
    monkeypatch.chdir(tmp_path)
    Path("e.yaml").write_text(content)
    with pytest.raises(InputError) as caught:
        read_experiment(Path("e.yaml"), {})
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_example_names_keys_that_exist(tmp_path: Path) -> None:
    opened = re.sub(r"^( +)# |^# (?=protocols|seeds)", r"\1", EXAMPLE.read_text(), flags=re.MULTILINE)
    path = tmp_path / "e.yaml"
    path.write_text(opened)
    with pytest.raises(UnknownNameError, match="key"):
        read_experiment(_with(path, "  wrong_key: 1"), {})
    assert len(read_experiment(path, {})) == 2 * 3 * 2 * 3


def _with(path: Path, line: str) -> Path:
    other = path.with_name("wrong.yaml")
    other.write_text(path.read_text() + "\n" + line + "\n")
    return other


@pytest.mark.slow
def test_several_processes_share_every_run_and_survive_one_that_fails(program: Program) -> None:
    program.suite(6, "one.jsonl")
    program.suite(5, "two.jsonl")
    program.slow_model()
    models = "slow_model:answer,slow_model:fails_on_3,echo"
    torchrun = [str(Path(sys.executable).parent / "torchrun"), "--nproc-per-node", "2", "--no-python"]
    command = [*torchrun, *program.command("run", "--suite", "one.jsonl,two.jsonl", "--model", models, *FAST)]
    done = subprocess.run(command, cwd=program.folder, capture_output=True, text=True, timeout=240, check=False)
    assert "2 of 6 runs failed" in done.stderr, done.stderr[-3000:]
    scored = {"/".join(path.parts[-4:-2]) for path in program.folder.glob("runs/*/*/*/scores.json")}
    assert scored == {"one/slow_model-answer", "two/slow_model-answer", "one/echo", "two/echo"}
