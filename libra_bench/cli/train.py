"""`train align` and `train finetune`: both stages of Libra's training, from a recipe and flags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from libra_bench.cli import options as o
from libra_bench.cli import output
from libra_bench.cli.flags import docstrings, text_flag, with_flags
from libra_bench.cli.listing import Facts
from libra_bench.training.recipe import Recipe, Stage
from libra_bench.training.recipe_file import fields

if TYPE_CHECKING:
    from libra_bench.training.recipe_file import Origins

app = typer.Typer(help="Train a Libra model: stage 1 (align) and stage 2 (finetune).", no_args_is_help=True)

MUCH_PADDING = 0.1
"""Share of the positions from which on it is said how to have less."""
PANEL = "Recipe (each overrides the recipe's value)"


def _command(stage: Stage, summary: str) -> Callable[..., None]:
    """A command whose flags are the recipe's fields."""
    help_of = docstrings(Recipe)
    flags = [text_flag(name, str | None, help_of[name], metavar="VALUE", rich_help_panel=PANEL) for name in fields()]

    @with_flags("overrides", flags, dict)
    def command(
        config: Annotated[str, typer.Option("--config", help="A recipe file, or the name of a shipped one.")],
        overrides: Mapping[str, str],
        dry_run: Annotated[
            bool, typer.Option("--dry-run", help="Check everything, show the plan, train nothing.")
        ] = False,
        as_json: o.Json = False,
    ) -> None:
        from libra_bench.training.recipe_file import load_recipe

        _train(load_recipe(config, stage, overrides), stage, dry_run=dry_run, as_json=as_json)

    command.__doc__ = summary
    return command


app.command("align")(
    _command("align", "Stage 1: train only the connector. After an interruption, the same command continues.")
)
app.command("finetune")(
    _command("finetune", "Stage 2: train a LoRA (or every weight) of the language model. The same command continues.")
)


def _train(origins: Origins, stage: Stage, *, dry_run: bool, as_json: bool) -> None:
    import os

    from rich.text import Text

    from libra_bench.training.plan import plan_of
    from libra_bench.training.preparation import prepare
    from libra_bench.training.train import train

    main = int(os.environ.get("RANK", "0")) == 0
    say: Callable[[str], None] = output.message if main else _nothing
    prepared = prepare(origins, stage)
    plan = plan_of(prepared, int(os.environ.get("WORLD_SIZE", "1")))
    if main:
        shown = origins.lines(defaults=False)
        rest = f"# {len(fields()) - len(shown)} more fields have their defaults; all are in recipe.yaml of the output"
        output.message("\n".join([*shown, rest, "", *plan.lines()]))
    if dry_run:
        if main:
            output.result(plan.as_json(), Text("nothing was trained (--dry-run)"), as_json=as_json)
        return
    bar = _progress()
    try:
        result = train(prepared, origins, [bar], say)
    finally:
        bar.stop()
    if main:
        output.result(result, _as_facts(result), as_json=as_json)
    _leave_together()


def _leave_together() -> None:
    """Wait for the other processes of this training, and take down what connects them.

    A process that ends while it is connected can abort at its end; torchrun then ends the others, whatever they write.
    """
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        distributed.barrier()
        distributed.destroy_process_group()


def _as_facts(result: Mapping[str, Any]) -> Facts:
    """What training gave, as a table."""
    from libra_bench.runs.cost import time_in_words

    out = Path(result["output_dir"])
    best = dict(result["best"])
    step = best.pop("step", None)
    scores = {f"validation {name}": f"{value:.4g}" for name, value in result["scores"].items()}
    padding = result.get("padding")  # not in what an earlier version finished
    less = "; --group-by-modality-length true --length-group-steps 50 leaves less"
    left_out = {name: str(result[name]) for name in ("skipped", "truncated") if result[name]}
    return Facts(
        {
            "output": str(out),
            "steps": f"{result['steps']:,} in {time_in_words(result['seconds'])}",
            "best step": ", ".join(
                [f"{step:,}", *(f"{name} {value:.4g}" for name, value in best.items() if value is not None)]
            )
            if step
            else "",
            **scores,
            **left_out,
            "padding": ""
            if padding is None
            else f"{padding:.1%} of the positions{less if padding > MUCH_PADDING else ''}",
            "curves": str(out / "plots" / "training.png") if (out / "plots" / "training.png").exists() else "",
            "log": str(out / "log.jsonl"),
        }
    )


def _nothing(text: str) -> None:
    pass


def _progress() -> Any:
    """A bar with loss, rate and time left on stderr."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from transformers import TrainerCallback

    class Bar(TrainerCallback):
        def __init__(self) -> None:
            self.progress = Progress(
                TextColumn("training"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.description}"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=output.console(),
            )

        def stop(self) -> None:
            self.progress.stop()

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.task = self.progress.add_task("", total=state.max_steps, completed=state.global_step)
            self.progress.start()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.progress.update(self.task, completed=state.global_step)

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            logs = logs or {}
            if "loss" in logs:
                self.progress.update(
                    self.task, description=f"loss {logs['loss']:.4f}, rate {logs['learning_rate']:.2e}"
                )
            scores = {name: value for name, value in logs.items() if name.startswith("eval_")}
            scores = {name: value for name, value in scores.items() if not name.endswith(("runtime", "per_second"))}
            if scores:
                told = ", ".join(f"{name.removeprefix('eval_')} {value:.4g}" for name, value in scores.items())
                self.progress.console.print(f"step {state.global_step}: {told}", highlight=False)

    return Bar()
