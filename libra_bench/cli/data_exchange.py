"""`data import` and `data export`: spreadsheets, ReXrank's JSON, CSV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from libra_bench.cli import data_options as d
from libra_bench.cli import options as o
from libra_bench.cli import output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.schema import Answer, Sample

import_app = typer.Typer(no_args_is_help=True, help="Make a suite of a spreadsheet or of ReXrank's JSON.")
export_app = typer.Typer(no_args_is_help=True, help="Write a suite, and a model's answers, for other tools.")

SuiteFile = Annotated[Path, typer.Argument(help="A suite's name, or its file: .jsonl, .csv or .parquet.")]
Answers = Annotated[Path | None, typer.Option("--answers", help="A model's answers.jsonl (or .csv), to go with it.")]
COLUMNS = "Columns of the spreadsheet"


@import_app.command("table")
def import_table(
    source: Annotated[Path, typer.Argument(help="CSV, Excel (.xlsx) or Parquet; one study per row.")],
    out: d.Out,
    image: Annotated[str, typer.Option("--image-column", rich_help_panel=COLUMNS)] = "image",
    prior: Annotated[str, typer.Option("--prior-column", help="The prior image.", rich_help_panel=COLUMNS)] = "",
    reference: Annotated[
        str, typer.Option("--reference-column", help="The reference report.", rich_help_panel=COLUMNS)
    ] = "",
    labels: Annotated[
        str, typer.Option("--labels-column", help="Labels: a; b or a JSON list.", rich_help_panel=COLUMNS)
    ] = "",
    prompts: Annotated[
        str, typer.Option("--prompt-column", help="The prompt or question of each row.", rich_help_panel=COLUMNS)
    ] = "",
    identity: Annotated[
        str,
        typer.Option("--id-column", help="The id; default: the row number.", rich_help_panel=COLUMNS),
    ] = "",
    subject: Annotated[
        str,
        typer.Option("--patient-column", help="The patient, for clustered intervals.", rich_help_panel=COLUMNS),
    ] = "",
    context: Annotated[
        list[str] | None,
        typer.Option(
            "--context",
            metavar="LABEL=COLUMN",
            help="Clinical context for the prompt: Indication=clinical_question. May be repeated.",
            rich_help_panel=COLUMNS,
        ),
    ] = None,
    keep: Annotated[str, typer.Option("--keep", help="Other columns to keep: a,b,c.", rich_help_panel=COLUMNS)] = "",
    sheet: Annotated[str | None, typer.Option("--sheet", help="Excel sheet; default: the first.")] = None,
    prompt: Annotated[
        str | None, typer.Option("--prompt", help="The prompt of every row; default: the findings prompt.")
    ] = None,
    image_root: Annotated[
        Path | None, typer.Option("--image-root", help="Folder of the images; default: the spreadsheet's.")
    ] = None,
    allow_absent_images: d.AllowAbsent = False,
    force: d.Force = False,
    as_json: o.Json = False,
) -> None:
    """Make a suite of your own spreadsheet and folder of images."""
    from benchmarks.catalog import FINDINGS_PROMPT
    from benchmarks.errors import InputError
    from benchmarks.prepare.build import BuildReport, write_built
    from benchmarks.prepare.output import refuse_overwriting
    from benchmarks.prepare.spreadsheet import Columns, spreadsheet_samples

    refuse_overwriting(out, force)
    pairs = [pair.partition("=") for pair in context or []]
    for label, equals, column in pairs:
        if not (label and equals and column):
            raise InputError(f"{label + equals + column!r} is not LABEL=COLUMN", where="--context")
    columns = Columns(
        image=image,
        prior=prior,
        reference=reference,
        prompt=prompts,
        identity=identity,
        subject=subject,
        labels=labels,
        context={label: column for label, _, column in pairs},
        keep=tuple(name.strip() for name in keep.split(",") if name.strip()),
    )
    steps: dict[str, int] = {}
    root = image_root or source.parent
    samples = spreadsheet_samples(
        source, columns, image_root=root, prompt=prompt or FINDINGS_PROMPT, sheet=sheet, steps=steps
    )
    report = BuildReport(source.name, str(out), str(root), sources=(str(source),), steps=steps)
    d.show_build(write_built(samples, out, report, allow_absent_images=allow_absent_images), as_json=as_json)


@import_app.command("rexrank")
def import_rexrank(
    source: Annotated[Path, typer.Argument(help="ReXrank's JSON, input or output.")],
    out: d.Out,
    section: Annotated[str, typer.Option("--section", help="Reference: findings, impression or report.")] = "findings",
    answers_out: Annotated[
        Path | None, typer.Option("--answers-out", help="Also write an output file's predictions as answers.jsonl.")
    ] = None,
    prompt: d.Prompt = None,
    image_root: Annotated[
        Path | None, typer.Option("--image-root", help="Folder of the images; default: the file's.")
    ] = None,
    allow_absent_images: d.AllowAbsent = False,
    force: d.Force = False,
    as_json: o.Json = False,
) -> None:
    """Make a suite of ReXrank's test sets (and answers of its results)."""
    from benchmarks.files import read_jsonl, write_jsonl
    from benchmarks.prepare.build import BuildReport, write_built
    from benchmarks.prepare.choices import one_of
    from benchmarks.prepare.output import refuse_overwriting
    from benchmarks.prepare.rexrank import SECTIONS, rexrank_answers, rexrank_samples

    chosen = one_of("section", section, SECTIONS)
    for path in (out, answers_out):
        if path is not None:
            refuse_overwriting(path, force)
    _, default = d.section_and_prompt("impression" if chosen == "impression" else "findings")
    steps: dict[str, int] = {}
    report = BuildReport(
        f"rexrank {chosen}", str(out), str(image_root or source.parent), sources=(str(source),), steps=steps
    )
    samples = rexrank_samples(source, chosen, prompt=prompt or default, steps=steps)
    write_built(samples, out, report, allow_absent_images=allow_absent_images)
    if answers_out is not None:
        kept = {row["question_id"] for _, row in read_jsonl(out)}
        write_jsonl(answers_out, (answer for answer in rexrank_answers(source) if answer["question_id"] in kept))
    d.show_build(report, as_json=as_json)


@export_app.command("rexrank")
def export_rexrank(
    suite: SuiteFile, out: d.Out, answers: Answers = None, force: d.Force = False, as_json: o.Json = False
) -> None:
    """A suite as ReXrank's input JSON; with --answers, its output JSON."""
    from benchmarks.files import write_json
    from benchmarks.prepare.output import refuse_overwriting
    from benchmarks.prepare.rexrank import to_rexrank

    refuse_overwriting(out, force)
    samples, matched = _read(suite, answers)
    write_json(out, to_rexrank(samples, matched))
    _done(out, len(samples), as_json)


@export_app.command("csv")
def export_csv(
    suite: SuiteFile, out: d.Out, answers: Answers = None, force: d.Force = False, as_json: o.Json = False
) -> None:
    """A suite, and a model's answers, as CSV that opens safely in a spreadsheet (no cell is a formula)."""
    from benchmarks.prepare.export import write_csv
    from benchmarks.prepare.output import refuse_overwriting

    refuse_overwriting(out, force)
    samples, matched = _read(suite, answers)
    _done(out, write_csv(samples, out, matched), as_json)


def _read(suite: Path, answers: Path | None) -> tuple[Sequence[Sample], Sequence[Answer] | None]:
    from benchmarks.predictions import match_answers, read_answers
    from benchmarks.suites import read_references

    samples = read_references(suite)
    return samples, None if answers is None else match_answers(read_answers(answers, samples), samples, where=answers)


def _done(out: Path, rows: int, as_json: bool) -> None:
    from rich.text import Text

    output.result({"out": str(out), "rows": rows}, Text(f"wrote {rows:,} rows to {out}"), as_json=as_json)
