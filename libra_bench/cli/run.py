"""`run`, `generate` and `describe`: the commands that make a model write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
def run(suite: o.Suite, model: o.Model, options: RunOptions, as_json: o.Json = False) -> None:
    """Generate, score and plot. After an interruption, the same command continues the run.

    [bold]libra-bench run --suite demo --model libra-tiny[/bold]
    """
    from libra_bench.runs.plan import plan_run
    from libra_bench.runs.processes import from_env
    from libra_bench.runs.runner import finish_run

    processes = from_env()
    folder = finish_run(plan_run(suite, model, options), _display(processes), processes)
    if processes.rank == 0:
        _show_run(folder, as_json=as_json)


@run_options(SUITE, MODEL, DECODING, RUN)
def generate(suite: o.Suite, model: o.Model, options: RunOptions, as_json: o.Json = False) -> None:
    """Only write answers.jsonl; `score RUN` and `report RUN` do the rest."""
    from dataclasses import asdict

    from benchmarks.predictions import count_answers
    from libra_bench.runs.plan import plan_run
    from libra_bench.runs.processes import from_env
    from libra_bench.runs.runner import generate_run

    processes = from_env()
    plan = plan_run(suite, model, options)
    answers = generate_run(plan, _display(processes), processes)
    if processes.rank > 0:
        return
    counts = count_answers(answers, plan.suite.samples)
    output.result(
        {"run": str(plan.folder), "n": len(answers), **asdict(counts)},
        f"{counted(len(answers), 'answer')} in {plan.folder / 'answers.jsonl'}",
        as_json=as_json,
    )
    _exit_status(counts.n_failed)


@run_options(MODEL, DECODING, without=["batch_size"])
def describe(
    current: Annotated[Path, typer.Argument(help="The image to describe: PNG, JPEG or DICOM.")],
    model: o.Model,
    options: RunOptions,
    prior: Annotated[Path | None, typer.Argument(help="The earlier image of the same patient.")] = None,
    prompt: Annotated[str | None, typer.Option("--prompt", help="What to ask; default: the findings prompt.")] = None,
    as_json: o.Json = False,
) -> None:
    """Describe one study; the text goes to stdout."""
    from benchmarks.catalog import FINDINGS_PROMPT
    from libra_bench.runs.single_study import describe_study

    images = [current] if prior is None else [current, prior]
    answer = describe_study(
        images, prompt or FINDINGS_PROMPT, model, options, lambda text: output.message(f"warning: {text}")
    )
    output.result({"text": answer.text, "metadata": dict(answer.metadata)}, _plain(answer.text), as_json=as_json)


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text(text)


def _display(processes: Processes) -> ProgressCallback:
    """What this process shows: only the first one prints."""
    return Display() if processes.rank == 0 else ProgressCallback()


class Display(ProgressCallback):
    """Shows a run on stderr: the plan, the first prompt, a progress bar with rate and time left."""

    def planned(self, plan: Plan, answered: int) -> None:
        """Suite, model, folder, decoding, and what is left out."""
        counts = studies(len(plan.order)) + (f", {answered} of them answered already" if answered else "")
        output.message(f"suite {plan.suite.name}: {counts}; model {plan.spec.name}; run folder {plan.folder}")
        for warning in plan.warnings:
            output.message(f"warning: {warning}")
        changed = "".join(f", {name} {value} by flag" for name, value in plan.overrides.items())
        if plan.protocol:
            output.message(f"protocol {plan.protocol}{changed}: {plan.decoding}")
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

    def scoring(self, metric_ids: Sequence[str]) -> None:
        """Which metrics."""
        output.message(f"scoring: {', '.join(metric_ids)}")

    def drawing(self, total: int) -> Callable[[], None]:
        """One line is enough, since it takes seconds."""
        output.message(f"report: {total} images")
        return lambda: None


def _show_run(folder: Path, *, as_json: bool) -> None:
    from rich.console import Group
    from rich.text import Text

    from benchmarks.records.scores import read_scores
    from reports import leaderboard

    scores = read_scores(folder)
    assert scores is not None  # just written
    view = Group(
        leaderboard.as_table(scores),
        Text(f"scores  {folder / 'scores.json'}"),
        Text(f"answers {folder / 'answers.jsonl'}"),
        Text(f"plots   {folder / 'plots'}"),
        *([Text(f"report  {folder / 'report.html'}")] if (folder / "report.html").exists() else []),
    )
    output.result({"run": str(folder), **scores.as_json()}, view, as_json=as_json)
    _exit_status(scores.n_failed)


def _exit_status(n_failed: int) -> None:
    if n_failed:
        output.message(f"{studies(n_failed)} failed and count as empty texts; answers.jsonl says why")
        raise typer.Exit(3)
