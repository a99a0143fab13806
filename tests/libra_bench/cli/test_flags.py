"""Flags that are made from typed fields: every field has one, with help; what is typed arrives in its type."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import typing
from collections.abc import Iterator
from typing import Any

import pytest
from every_case import every_case
from typer.main import get_command

from benchmarks.errors import InputError
from libra_bench.cli.app import app
from libra_bench.cli.flags import arguments, docstrings
from libra_bench.runs.options import DECODING, MODEL, RUN, SUITE, RunOptions, flag_of, types
from libra_bench.training.recipe import Recipe
from model_adapters.adapter import Decoding

COMMANDS: Any = get_command(app)
ITEMS = dataclasses.fields(RunOptions)


def flags(*command: str) -> dict[str, Any]:
    """Flag -> the option of a command."""
    found = COMMANDS
    for word in command:
        found = found.commands[word]
    return {name: option for option in found.params for name in (*option.opts, *option.secondary_opts)}


@pytest.mark.parametrize("command", ["run", "generate"])
def test_every_option_of_a_run_is_a_flag_with_help(command):
    known = flags(command)
    beside = {"--suite", "--model", "--json", "--quiet", "-q", "--no-report", "--no-plots"}
    many = {"--config", "--dry-run"} if command == "run" else set()
    assert {flag_of(item).name for item in ITEMS} | beside | many == known.keys()
    assert all(option.help for option in known.values())


@pytest.mark.parametrize(("command", "panels"), [("describe", {MODEL, DECODING}), ("serve", {MODEL, DECODING})])
def test_commands_of_one_study_take_the_options_of_model_and_decoding(command, panels):
    wanted = {flag_of(item).name for item in ITEMS if flag_of(item).panel in panels} - {"--batch-size"}
    assert wanted <= flags(command).keys()


def test_every_field_of_a_recipe_is_a_flag_with_help():
    for stage in ("align", "finetune"):
        known = flags("train", stage)
        for item in dataclasses.fields(Recipe):
            assert known["--" + item.name.replace("_", "-")].help, item.name


def test_decoding_options_are_those_of_decoding():
    """A decoding setting is a field of both: here None means "as the protocol says"."""
    wanted = typing.get_type_hints(Decoding)
    ours = {item.name: types()[item.name] for item in ITEMS if flag_of(item).documented_in is Decoding}
    assert ours == {name: kind | None for name, kind in wanted.items()}
    assert all(docstrings(Decoding)[name] for name in wanted)


def test_text_is_converted_and_words_give_the_options_again():
    typed = {
        "num_beams": "3", "temperature": "0.5", "batch_size": "auto", "load_in": "4bit", "concurrency": "2",
        "adapter_options": ["image-policy=one"], "trust_remote_code": True, "by": "view",
        "metrics": ["bleu", "rouge_l"],
    }  # fmt: skip
    options = RunOptions(**typed)
    assert (options.num_beams, options.temperature, options.batch_size, options.by) == (3, 0.5, None, ["view"])
    assert options.all_adapter_options == {
        "concurrency": 2, "bits": 4, "trust_remote_code": True, "image_policy": "one",
    }  # fmt: skip
    assert arguments(options, MODEL, DECODING) == [
        "--concurrency", "2", "--load-in", "4bit", "--trust-remote-code", "--option", "image_policy=one",
        "--num-beams", "3", "--temperature", "0.5",
    ]  # fmt: skip
    assert arguments(RunOptions(), SUITE, MODEL, DECODING, RUN) == []
    assert arguments(options, RUN) == ["--metrics", "bleu,rouge_l", "--by", "view"]
    assert arguments(RunOptions(report=False), RUN) == ["--no-report"]


@every_case(
    ("given", "message"),
    [
        ({"num_beams": "many"}, "--num-beams: takes a whole number, not 'many'"),
        ({"num_beams": True}, "--num-beams: takes a whole number, not True"),
        ({"num_beams": "9" * 5000}, r"--num-beams: takes a whole number, not '9+\.\.\. \(5,002 characters\)"),
        ({"temperature": "nan"}, "--temperature: takes a number, not 'nan'"),
        ({"limit": "0"}, "--limit: takes a whole number of at least 1, not '0'"),
        ({"batch_size": "-1"}, "--batch-size: takes a whole number of at least 1 or auto, not '-1'"),
        ({"on_error": "stpo"}, r"--on-error: takes stop or record, not 'stpo'; did you mean 'stop'\?"),
        ({"adapter_options": ["one"]}, "--option: 'one' is not NAME=VALUE"),
        ({"conv_mode": "\udcff"}, r"--conv-mode: takes text, not '\\udcff'"),
    ],
)
def test_a_value_of_another_type_is_one_line(given, message):
    with pytest.raises(InputError, match=message):
        RunOptions(**given)


def test_the_program_says_it_in_one_line_and_short_help_works(tmp_path):
    def libra_bench(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "libra_bench", *words]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)

    done = libra_bench("run", "--suite", "demo", "--model", "echo", "--num-beams", "x")
    assert (done.returncode, done.stderr) == (2, "error: --num-beams: takes a whole number, not 'x'\n")
    shown = libra_bench("run", "-h").stdout
    assert shown == libra_bench("run", "--help").stdout
    assert "bertscore[num_layers=5]" in shown


def leaves(command: Any, *words: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command of the program by its words, groups included."""
    for name, one in getattr(command, "commands", {}).items():
        yield (*words, name), one
        yield from leaves(one, *words, name)


def test_every_command_tells_its_exit_statuses_and_answers_to_h_and_v(cli):
    found = dict(leaves(COMMANDS))
    assert {("run",), ("data", "check"), ("metrics", "show"), ("train", "align")} <= found.keys()
    for words, command in found.items():
        assert "0 done; 1 failed; 2 wrong usage or input; 3 done, but" in command.epilog, words
    for words in (("score",), ("data", "check"), ("train",)):
        assert "Exit status: 0 done" in cli(*words, "-h").stdout
        assert cli(*words, "-V").stdout == cli("--version").stdout != ""
