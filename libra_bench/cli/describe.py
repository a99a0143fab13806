"""`describe`: one study, or several, in words."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from libra_bench.cli import options as o
from libra_bench.cli import output
from libra_bench.cli.flags import run_options
from libra_bench.runs.options import DECODING, MODEL, RunOptions

if TYPE_CHECKING:
    from benchmarks.schema import Answer


@run_options(MODEL, DECODING)
def describe(
    current: Annotated[
        str,
        typer.Argument(
            metavar="CURRENT", help="The image (PNG, JPEG or DICOM); or a suite's file or a folder of images: several."
        ),
    ],
    model: o.Model,
    options: RunOptions,
    prior: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PRIOR]",
            help="The earlier image of the same patient. Several studies: CURRENT,PRIOR for each.",
        ),
    ] = None,
    prompt: Annotated[
        str | None, typer.Option("--prompt", help="What to ask; default: the file's, else the findings prompt.")
    ] = None,
    chat: Annotated[
        bool,
        typer.Option("--chat", help="Several questions, one per line from standard input; an empty line ends it."),
    ] = False,
    as_json: o.Json = False,
) -> None:
    """Describe one study, or several; the text goes to stdout.

    One study is written as it is; of several, each as a line with its id, a tab and the text.

    [bold]libra-bench describe current.png prior.png --model libra-tiny > report.txt[/bold]

    [bold]libra-bench describe a.png,a_prior.png b.png --model libra-tiny[/bold]   or
    [bold]libra-bench describe studies.jsonl --model libra-tiny --json[/bold]
    """
    from benchmarks.catalog import FINDINGS_PROMPT
    from libra_bench.experiments.combinations import is_whole
    from libra_bench.runs.single_study import describe_studies, describe_study, several

    words = [current, *(prior or [])]
    warn = _warn
    if chat:
        _chat([Path(word) for word in words], prompt, model, options, as_json=as_json)
        return
    if len(words) == 1 and several(Path(current)):
        answers = describe_studies(Path(current), prompt, model, options, warn)
    elif all(is_whole(word) for word in words):
        images = [Path(word) for word in words]
        answer = describe_study(images, prompt or FINDINGS_PROMPT, model, options, warn)
        value = {"text": answer.text, "metadata": dict(answer.metadata)}
        output.text(value, answer.text, as_json=as_json)
        return
    else:
        studies = [[Path(word)] if is_whole(word) else [Path(part) for part in word.split(",")] for word in words]
        answers = describe_studies(studies, prompt, model, options, warn)
    _show(answers, as_json=as_json)


def _chat(images: Sequence[Path], first: str | None, model: str, options: RunOptions, *, as_json: bool) -> None:
    """Questions from standard input, answers to standard output, as the original's command line does it."""
    from libra_bench.runs.single_study import converse

    turns: list[dict[str, Any]] = []
    asked: list[str] = []
    for answer in converse(images, _asked(first, asked), model, options, _warn):
        if as_json:
            turns.append({"question": asked[-1], "text": answer.text, "metadata": dict(answer.metadata)})
        else:
            output.text({}, answer.text, as_json=False)
    if as_json:
        output.text({"turns": turns}, "", as_json=True)


def _asked(first: str | None, asked: list[str]) -> Iterator[str]:
    """The question that was given, then a line each; what was asked is added to `asked`."""
    if first is not None:
        asked.append(first)
        yield first
    while True:
        if sys.stdin.isatty():
            output.message("question (an empty line ends it): ")
        asked.append(sys.stdin.readline().strip())
        yield asked[-1]


def _warn(text: str) -> None:
    output.message(f"warning: {text}")


def _show(answers: Sequence[Answer], *, as_json: bool) -> None:
    from libra_bench.cli.run import exit_status

    rows = [{"question_id": a.question_id, "text": a.text, "metadata": dict(a.metadata)} for a in answers]
    apart = "\n\n" if sys.stdout.isatty() else "\n"
    lines = [f"{answer.question_id}\t{' '.join(answer.text.split())}" for answer in answers]
    output.text(rows, apart.join(lines), as_json=as_json)
    for answer in answers:
        if answer.failed:
            output.message(f"{answer.question_id}: {answer.metadata.get('error')}")
    exit_status(sum(answer.failed for answer in answers))
