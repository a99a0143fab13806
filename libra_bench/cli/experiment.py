"""Several runs in one command: which, what is there already, what has become of them; and `init`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from libra_bench.cli import output
from libra_bench.runs.options import RunOptions

if TYPE_CHECKING:
    from libra_bench.experiments.combinations import Combination, Outcome, Planned
    from libra_bench.runs.processes import Processes
    from libra_bench.runs.progress import ProgressCallback


def init(
    file: Annotated[Path, typer.Argument(help="The file to write.")] = Path("experiment.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Write a commented example of an experiment's file; it runs as it is, in seconds.

    [bold]libra-bench init && libra-bench run --config experiment.yaml[/bold]
    """
    from benchmarks.errors import InputError
    from benchmarks.files import atomic_write
    from libra_bench.experiments.experiment_file import EXAMPLE

    if file.exists() and not force:
        raise InputError("is there already", where=file, hint="give another name, or --force to replace it")
    with atomic_write(file) as stream:
        stream.write(EXAMPLE.read_text(encoding="utf-8"))
    output.result({"file": str(file)}, f"wrote {file}; next: libra-bench run --config {file} --dry-run", as_json=False)


def chosen_combinations(
    suites: Sequence[str] | None, models: Sequence[str] | None, config: Path | None, options: RunOptions
) -> list[Combination]:
    """The runs that the command line asks for.

    Raises:
        InputError: neither names nor a file, or both; or the file cannot be used.
    """
    from benchmarks.errors import InputError
    from libra_bench.experiments.combinations import all_combinations, split_values

    if config is None:
        for flag, values in (("--suite", suites), ("--model", models)):
            if not values:
                raise InputError("is missing", where=flag, hint="name one, or give an experiment's file: --config FILE")
        return all_combinations(split_values(suites or ()), split_values(models or ()), options)
    from libra_bench.experiments.combinations import refuse_options_of_one
    from libra_bench.experiments.experiment_file import read_experiment

    if suites or models:
        raise InputError("has the suites and models", where="--config", hint="leave out --suite and --model")
    found = read_experiment(config, options.given)
    if len(found) > 1:
        refuse_options_of_one(options, len({one.suite for one in found}), len({one.model for one in found}))
    return found


def show_plan(combinations: Sequence[Combination], *, as_json: bool) -> None:
    """Print what would run, and what is there already."""
    from rich.console import Group
    from rich.text import Text

    from libra_bench.experiments.combinations import plan_all
    from libra_bench.runs.processes import from_env

    if from_env().rank > 0:
        return
    planned = plan_all(combinations)
    rows = [_planned_as_json(one) for one in planned]
    lines = [line for number, one in enumerate(planned, start=1) for line in _planned_in_words(number, one)]
    output.result({"plan": rows}, Group(*(Text(line, overflow="fold") for line in lines)), as_json=as_json)


def _planned_as_json(one: Planned) -> dict[str, Any]:
    asked = {"suite": one.combination.suite, "model": one.combination.model}
    if one.plan is None:
        return asked | {"run": None, "problem": one.problem}
    return asked | {
        "run": str(one.plan.folder),
        "protocol": one.plan.protocol,
        "decoding": str(one.plan.decoding),
        "n": len(one.plan.order),
        "answered": one.answered,
        "metrics": list(one.plan.chosen.metrics),
        "problem": None,
    }


def _planned_in_words(number: int, one: Planned) -> list[str]:
    heading = f"{number}. {one.combination.label}"
    if one.plan is None:
        return [f"{heading}: {'cannot run: ' if one.failed else ''}{one.problem}"]
    done, total = one.answered, len(one.plan.order)
    there = "all answered" if done == total else f"{done} answered already" if done else "none answered yet"
    protocol = f"protocol {one.plan.protocol}: {one.plan.decoding}" if one.plan.protocol else "no decoding"
    return [
        f"{heading}: {total} studies, {there}",
        f"   {protocol}",
        f"   metrics {', '.join(one.plan.chosen.metrics)}",
        f"   {one.plan.folder}",
    ]


def run_combinations(
    combinations: Sequence[Combination],
    progress: ProgressCallback,
    processes: Processes,
    *,
    quiet: bool,
    as_json: bool,
) -> None:
    """Run all, and end with the board and with what failed."""
    from libra_bench.cli import crash
    from libra_bench.experiments.combinations import plan_all, run_all

    says = output.message if processes.rank == 0 and not quiet else lambda text: None
    planned = plan_all(combinations)
    for one in planned:
        if one.problem:
            says(f"{one.combination.label}: {'cannot run: ' if one.failed else ''}{one.problem}")

    def on_start(number: int, one: Planned) -> None:
        says(f"\n[{number + 1} of {len(planned)}] {one.combination.label}")

    outcomes = list(
        run_all(
            planned,
            progress,
            processes,
            on_start=on_start,
            on_crash=lambda error: crash.in_one_sentence(error, sys.argv[1:]),
        )
    )
    if processes.rank == 0:
        _show_outcomes(outcomes, as_json=as_json)


def _show_outcomes(outcomes: Sequence[Outcome], *, as_json: bool) -> None:
    """The board of the runs that are done; then what failed.

    Raises:
        typer.Exit: 1 where a run failed, 3 where studies did.
    """
    from dataclasses import asdict

    from rich.console import Console

    from benchmarks.records.scores import read_scores
    from libra_bench.cli.report import boards_of, scored_runs
    from libra_bench.cli.run import exit_status
    from reports.terminal import to_terminal

    folders = [one.folder for one in outcomes if one.folder is not None]
    boards = boards_of(scored_runs(folders)) if folders else []
    scores = {folder: found for folder in folders if (found := read_scores(folder)) is not None}
    failed = [one for one in outcomes if one.folder is None]
    value = {
        "runs": [{"run": str(folder), **found.as_json()} for folder, found in scores.items()],
        "failed": [{"suite": o.combination.suite, "model": o.combination.model, "problem": o.problem} for o in failed],
        "boards": [asdict(board) for board in boards],
    }
    output.result(value, to_terminal(boards, Console().width) if boards else "", as_json=as_json)
    for one in failed:
        output.message(f"failed: {one.combination.label}: {one.problem}")
    if failed:
        output.message(f"{len(failed)} of {len(outcomes)} runs failed; the same command tries them again")
        raise typer.Exit(1)
    exit_status(sum(found.n_failed for found in scores.values()))
