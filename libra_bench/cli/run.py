"""`run` and `generate`: the commands that make a model answer a suite."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks.wording import counted, rate_in_words, studies
from libra_bench.cli import options as o
from libra_bench.cli import output
from libra_bench.cli.flags import run_options
from libra_bench.runs.options import DECODING, MODEL, RUN, SUITE, RunOptions
from libra_bench.runs.progress import ProgressCallback

if TYPE_CHECKING:
    from benchmarks.records.run import Cost, Estimate
    from libra_bench.runs.plan import Plan
    from libra_bench.runs.processes import Processes
    from model_adapters.adapter import RenderedPrompt


@run_options(SUITE, MODEL, DECODING, RUN)
def run(
    options: RunOptions,
    suite: o.Suites = None,
    model: o.Models = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="An experiment's file instead (`libra-bench init` writes one).")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and what is there; run nothing.")] = False,
    quiet: o.Quiet = False,
    as_json: o.Json = False,
) -> None:
    """Generate, score and plot. The same command again does only what is missing.

    [bold]libra-bench run --suite demo --model libra-tiny[/bold]

    Several suites and models: every combination runs, one that fails stops no other, and the board comes last.

    [bold]libra-bench run --suite demo,mine.jsonl --model libra-tiny --model constant[/bold]
    """
    from libra_bench.cli.experiment import chosen_combinations, run_combinations, show_plan
    from libra_bench.runs.drawers import Drawers
    from libra_bench.runs.plan import plan_run
    from libra_bench.runs.processes import from_env
    from libra_bench.runs.runner import finish_run

    combinations = chosen_combinations(suite, model, config, options)
    if dry_run:
        show_plan(combinations, as_json=as_json)
        return
    processes = from_env()
    display = _display(processes, quiet=quiet)
    if len(combinations) > 1:
        run_combinations(combinations, display, processes, quiet=quiet, as_json=as_json)
        return
    (only,) = combinations
    with Drawers() as drawers:
        plan = plan_run(only.suite, only.model, only.options)
        folder = finish_run(plan, display, processes, drawers=drawers)
    if processes.rank == 0:
        _show_run(folder, as_json=as_json)


@run_options(SUITE, MODEL, DECODING, RUN)
def generate(
    suite: o.Suite, model: o.Model, options: RunOptions, quiet: o.Quiet = False, as_json: o.Json = False
) -> None:
    """Only write answers.jsonl; `score RUN` and `report RUN` do the rest."""
    from dataclasses import asdict

    from benchmarks.predictions import count_answers
    from libra_bench.runs.plan import plan_run
    from libra_bench.runs.processes import from_env
    from libra_bench.runs.runner import generate_run

    processes = from_env()
    plan = plan_run(suite, model, options, scoring=False)
    answers = generate_run(plan, _display(processes, quiet=quiet), processes)
    if processes.rank > 0:
        return
    counts = count_answers(answers, plan.suite.samples)
    output.result(
        {"run": str(plan.folder), "n": len(answers), **asdict(counts)},
        f"{counted(len(answers), 'answer')} in {plan.folder / 'answers.jsonl'}",
        as_json=as_json,
    )
    exit_status(counts.n_failed)


def _display(processes: Processes, *, quiet: bool = False) -> ProgressCallback:
    """What this process shows: only the first one prints."""
    return Display() if processes.rank == 0 and not quiet else ProgressCallback()


SHOWN_EVERY = 500
"""Studies whose images are looked up between two looks at the progress bar."""
QUICK_SECONDS = 1.0
"""What takes less needs no progress bar."""


class Display(ProgressCallback):
    """Shows a run on stderr: the plan, the first prompt, a progress bar with rate and time left."""

    def planned(self, plan: Plan, answered: int) -> None:
        """Suite, model, folder, decoding, and what is left out."""
        from benchmarks.predictions.cleaning import NO_CLEANING, RULES
        from benchmarks.schema import parts_in_words

        counts = studies(len(plan.order)) + (f", {answered} of them answered already" if answered else "")
        output.message(f"suite {plan.suite.name}: {counts}; model {plan.spec.name}; run folder {plan.folder}")
        if plan.suite.note:
            output.message(f"found {plan.suite.note}")
        for warning in plan.warnings:
            output.message(f"warning: {warning}")
        if plan.left_out:
            output.message(f"not read by {plan.spec.name}: {parts_in_words(plan.left_out)}")
        changed = "".join(f", {name} {value} set" for name, value in plan.overrides.items())
        if plan.protocol:
            output.message(f"protocol {plan.protocol}{changed}: {plan.decoding}")
            if plan.cleaning != NO_CLEANING:
                output.message(f"cleaning {plan.cleaning}: {RULES[plan.cleaning]}")
        else:
            ignored = f" ({', '.join(plan.overrides)} by flag: no effect)" if plan.overrides else ""
            output.message(f"no protocol: its texts do not depend on the decoding{ignored}")

    def prompted(self, prompt: RenderedPrompt | None, plan: Plan) -> None:
        """The prompt as the model reads it."""
        if prompt is not None:
            tokens = "" if prompt.num_tokens is None else f" ({prompt.num_tokens} tokens)"
            output.message(f"first prompt{tokens}:\n{prompt.text}\n")

    def estimated(self, estimate: Estimate) -> None:
        """The plan line."""
        from libra_bench.runs.cost import estimate_in_words

        output.message(f"plan: {estimate_in_words(estimate)}")

    @contextmanager
    def checking(self, total: int) -> Iterator[Callable[[int], None]]:
        """A progress bar where it takes a while: thousands of studies on a disk far away."""
        began = time.monotonic()
        with output.ProgressBar("looking up images") as bar:

            def show(checked: int) -> None:
                if checked % SHOWN_EVERY == 0 and time.monotonic() - began > QUICK_SECONDS:
                    bar(checked, total)

            yield show

    @contextmanager
    def generating(self, total: int, done: int) -> Iterator[Callable[[int], None]]:
        """A progress bar with rate and time left."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            ProgressColumn,
            Task,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.text import Text

        class Rate(ProgressColumn):
            def render(self, task: Task) -> Text:
                return Text(f"{rate_in_words(60 * task.speed)} studies/min" if task.speed else "")

        columns = (
            TextColumn("generating"),
            BarColumn(),
            MofNCompleteColumn(),
            Rate(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=output.console()) as progress:
            task = progress.add_task("generating", total=total, completed=done)
            try:
                yield lambda answered: progress.update(task, completed=answered)
            except KeyboardInterrupt as stop:
                answered = progress.tasks[task].completed
                what = f"{answered:.0f} of {total} answered; run the same command to continue"
                raise KeyboardInterrupt(what) from stop

    def generated(self, cost: Cost) -> None:
        """What it took, beside the plan, and where the time went."""
        from libra_bench.runs.cost import cost_in_words

        for line in cost_in_words(cost):
            output.message(line)

    def suspicious(self, counts: Mapping[str, int], plan: Plan) -> None:
        """One line; the page and `models try` show the texts."""
        found = ", ".join(f"{name} ({count})" for name, count in counts.items())
        output.message(f"texts that look wrong: {found}; see them: libra-bench models try {plan.spec.name}")

    @contextmanager
    def scoring(self, metric_ids: Sequence[str]) -> Iterator[Callable[[float], None]]:
        """Which metrics, and one progress bar over all of them."""
        output.message(f"scoring: {', '.join(metric_ids)}")
        with output.scoring_bar() as bar:
            yield bar

    def drawing(self, total: int) -> Callable[[], None]:
        """A line, and a progress bar."""
        output.message(f"report: {counted(total, 'image')}")
        bar, done = output.ProgressBar("images"), itertools.count(1)
        return lambda: bar(next(done), total)


def _show_run(folder: Path, *, as_json: bool) -> None:
    from rich.console import Group
    from rich.text import Text

    from benchmarks.records.scores import read_scores
    from reports.tables.run_scores import as_table

    scores = read_scores(folder)
    assert scores is not None  # just written
    view = Group(
        as_table(scores),
        Text(f"scores  {folder / 'scores.json'}"),
        Text(f"answers {folder / 'answers.jsonl'}"),
        *(
            Text(f"{what:7} {folder / name}")
            for what, name in (("plots", "plots"), ("report", "report.html"))
            if (folder / name).exists()
        ),
    )
    output.result({"run": str(folder), **scores.as_json()}, view, as_json=as_json)
    exit_status(scores.n_failed)


def exit_status(n_failed: int) -> None:
    """End with 3 where studies failed.

    Raises:
        typer.Exit: 3.
    """
    if n_failed:
        output.message(f"{studies(n_failed)} failed and count as empty texts; answers.jsonl says why")
        raise typer.Exit(3)
