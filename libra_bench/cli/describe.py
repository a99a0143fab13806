"""`describe`: one study, or a few, in words."""

from __future__ import annotations

import sys
from collections.abc import Iterator
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
    chat: Annotated[
        bool,
        typer.Option("--chat", help="Several questions, one per line from standard input; an empty one ends it."),
    ] = False,
    as_json: o.Json = False,
) -> None:
    """Describe one study; the text goes to stdout."""
    from benchmarks.catalog import FINDINGS_PROMPT
    from libra_bench.runs.single_study import describe_study

    images = [current] if prior is None else [current, prior]
    if chat:
        _chat(images, prompt, model, options, as_json=as_json)
        return
    answer = describe_study(
        images, prompt or FINDINGS_PROMPT, model, options, lambda text: output.message(f"warning: {text}")
    )
    output.result({"text": answer.text, "metadata": dict(answer.metadata)}, _plain(answer.text), as_json=as_json)


def _chat(images: list[Path], first: str | None, model: str, options: RunOptions, *, as_json: bool) -> None:
    """Questions from standard input, answers to standard output, as the original's command line does it."""
    from libra_bench.runs.single_study import converse

    turns: list[dict[str, Any]] = []
    asked: list[str] = []
    questions = _questions(first, asked)
    for answer in converse(images, questions, model, options, lambda text: output.message(f"warning: {text}")):
        if as_json:
            turns.append({"question": asked[-1], "text": answer.text, "metadata": dict(answer.metadata)})
        else:
            output.result({}, _plain(answer.text), as_json=False)
    if as_json:
        output.result({"turns": turns}, "", as_json=True)


def _questions(first: str | None, asked: list[str]) -> Iterator[str]:
    """The question that was given, then a line each; what was asked is added to `asked`."""
    if first is not None:
        asked.append(first)
        yield first
    while True:
        if sys.stdin.isatty():
            output.message("question (an empty line ends): ")
        line = sys.stdin.readline().strip()
        asked.append(line)
        yield line


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text(text)
