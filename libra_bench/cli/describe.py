"""`describe`: one study, or a few, in words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from libra_bench.cli import options as o
from libra_bench.cli import output
from libra_bench.cli.flags import run_options
from libra_bench.runs.options import DECODING, MODEL, RunOptions


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
