"""Every command in one table; the module of a command is imported when the command is used."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import typer
from typer.core import TyperArgument, TyperGroup, TyperOption

EXIT_STATUS = {
    "0": "done",
    "1": "failed",
    "2": "wrong usage or input",
    "3": "done, but studies failed and are recorded",
    "130": "stopped (Ctrl-C)",
}
"""What every command ends with, and its meaning."""
_EPILOG = f"Exit status: {'; '.join(f'{status} {meaning}' for status, meaning in EXIT_STATUS.items())}."

MEASURE, DATA, MODELS, LOOK = "Measure", "Prepare and train", "Understand", "What is here"


@dataclass(frozen=True, slots=True)
class Listed:
    """A command as the overview lists it."""

    target: str
    """"module:name" of its function, or of the Typer app of a group."""
    summary: str
    heading: str


COMMANDS = {
    "run": Listed("run:run", "generate, score, plot: one model on one suite, or many", MEASURE),
    "init": Listed("experiment:init", "write a commented example for `run --config`", MEASURE),
    "generate": Listed("run:generate", "only the answers", MEASURE),
    "score": Listed("score:score", "score a run, or predictions from anywhere", MEASURE),
    "report": Listed("report:report", "one page with scores, plots and every case", MEASURE),
    "plot": Listed("report:plot", "plots of one or several runs, for a paper", MEASURE),
    "leaderboard": Listed("report:leaderboard", "rank runs; as CSV, Markdown, LaTeX or HTML, too", MEASURE),
    "compare": Listed("compare:compare", "paired tests between runs", MEASURE),
    "describe": Listed("describe:describe", "describe one study, or a few", MEASURE),
    "serve": Listed("serve:serve", "browse cases, or try a model, in the browser", MEASURE),
    "audit": Listed("experiments:audit", "does the answer depend on the image, the prior?", MODELS),
    "stability": Listed("experiments:stability", "how sure is the ranking?", MODELS),
    "reproduce": Listed("experiments:reproduce", "is it the published number?", MODELS),
    "verify-batching": Listed("batching:verify_batching", "does a batch change texts?", MODELS),
    "data": Listed("data:app", "from hospital files to suites, and checks of your own", DATA),
    "train": Listed("train:app", "train a Libra model: stage 1 and stage 2", DATA),
    "suites": Listed("suites:app", "list the suites; what one is and how it was built", LOOK),
    "models": Listed("models:app", "list the models; check and merge checkpoints", LOOK),
    "metrics": Listed("metrics:app", "list the metrics; what they see, whom they agree with", LOOK),
    "doctor": Listed("doctor:doctor", "what works on this machine, and how to get the rest", LOOK),
}


class LazyCommands(MutableMapping[str, Any]):
    """Name -> command: those that were made already, and those of the table, each made when it is asked for."""

    def __init__(self, made: Mapping[str, Any]) -> None:
        self._made = dict(made)

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _made(name, COMMANDS[name].target)
        return self._made[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._made[name] = command

    def __delitem__(self, name: str) -> None:
        del self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS | self._made)

    def __len__(self) -> int:
        return len(COMMANDS | self._made)


def _made(name: str, target: str) -> Any:
    module, _, attribute = target.partition(":")
    found = vars(importlib.import_module(f"libra_bench.cli.{module}"))[attribute]
    around = typer.Typer(add_completion=False, rich_markup_mode="rich")
    if isinstance(found, typer.Typer):
        around.add_typer(found, name=name)
    else:
        around.callback()(lambda: None)
        around.command(name)(found)
    made = typer.main.get_group(around).commands[name]
    _complete_help(made)
    return made


def _complete_help(command: Any) -> None:
    """Every help text as it is written (its brackets are no markup, but for `[bold]`), and the exit statuses."""
    command.help = _with_brackets(command.help)
    command.epilog = _EPILOG
    for parameter in command.params:
        if isinstance(parameter, TyperOption | TyperArgument):
            parameter.help = _with_brackets(parameter.help)
    if isinstance(command, TyperGroup):
        for one in command.commands.values():
            _complete_help(one)


def _with_brackets(text: str | None) -> str | None:
    return text and re.sub(r"\[(?=[a-z#/@])(?!/?bold\])", r"\\[", text)
