"""`data`: from hospital files to suites (sections, prior images, builders, checks, exchange formats, phantoms)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.machine import core_count
from libra_bench.cli import data_build, data_exchange, data_sets, output
from libra_bench.cli import data_options as d
from libra_bench.cli import options as o

SHOWN_PLACES = 3
LEVELS = ("warning", "error")

app = typer.Typer(no_args_is_help=True, help="Prepare and check data: from hospital files to suites.")
for _name, _command in data_sets.COMMANDS.items():
    data_build.app.command(_name)(_command)
app.add_typer(data_build.app, name="build")
app.add_typer(data_exchange.import_app, name="import")
app.add_typer(data_exchange.export_app, name="export")


@app.command()
def sections(
    reports: Annotated[Path, typer.Argument(help="MIMIC-CXR's reports: a folder, or mimic-cxr-reports.zip.")],
    out: d.Out,
    conclusions: Annotated[
        Path | None,
        typer.Option("--conclusions", help="Also write each study's most informative section, for label extractors."),
    ] = None,
    workers: d.Workers = None,
    force: d.Force = False,
    as_json: o.Json = False,
) -> None:
    """Split free-text reports into Findings, Impression, Indication, ... by the published rules."""
    from dataclasses import asdict

    from rich.table import Table

    from benchmarks.prepare.output import refuse_overwriting
    from benchmarks.prepare.reports import ReportCounts, cut_reports, write_sections
    from benchmarks.wording import first_few

    for path in (out, conclusions):
        if path is not None:
            refuse_overwriting(path, force)
    counts = ReportCounts()
    with output.ProgressBar("reports") as progress:
        cut = cut_reports(reports, workers=workers or core_count(), progress=progress, counts=counts)
        write_sections(cut, out, conclusions=conclusions)
    table = Table("", "reports")
    table.add_row("read", f"{counts.reports:,}")
    for section, number in counts.filled.items():
        table.add_row(f"with {section}", f"{number:,}")
    table.add_row("without any section", f"{counts.without_sections:,}")
    table.add_row("cut by hand, no row", f"{counts.by_hand:,}")
    if counts.other_encoding:
        output.message(
            f"note: {len(counts.other_encoding):,} reports are not UTF-8 and were read as Windows-1252: "
            f"{first_few(counts.other_encoding)}"
        )
    output.message(f"wrote {out}")
    output.result(asdict(counts), table, as_json=as_json)


@app.command()
def priors(
    metadata: Annotated[Path, typer.Argument(help="mimic-cxr-2.0.0-metadata.csv.gz, or a table of its columns.")],
    out: d.Out,
    rule: Annotated[str, typer.Option("--rule", help="published (last image of the day before), or frontal.")] = (
        "published"
    ),
    force: d.Force = False,
    as_json: o.Json = False,
) -> None:
    """Find the prior image of every image; the output has the input's columns and `prior_image`."""
    from dataclasses import asdict

    from rich.table import Table

    from benchmarks.files.formulas import guarded
    from benchmarks.prepare.choices import one_of
    from benchmarks.prepare.frames import read_frame
    from benchmarks.prepare.output import open_table, refuse_overwriting
    from benchmarks.prepare.priors import RULES, add_priors

    chosen = one_of("rule", rule, RULES)
    refuse_overwriting(out, force)
    frame, counts = add_priors(read_frame(metadata), chosen, where=metadata)
    with open_table(out) as stream:
        frame.map(guarded).rename(columns=guarded).to_csv(stream, index=False, lineterminator="\n")
    table = Table("images", "with prior", "without", "ambiguous (the rule had a choice)")
    table.add_row(*(f"{number:,}" for number in asdict(counts).values()))
    output.message(f"wrote {out}")
    output.result({"rule": rule, **asdict(counts)}, table, as_json=as_json)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="A suite or training file, or the splits of one data set.")],
    image_root: d.ImageRoot = None,
    images: Annotated[bool, typer.Option(help="Look for every image and decode it.")] = True,
    follow_links: o.FollowLinks = False,
    workers: d.Workers = None,
    as_json: o.Json = False,
) -> None:
    """Check files before a run: ids, images, priors, patients in two splits, references; status 2 if one is wrong."""
    from dataclasses import asdict

    from rich.table import Table

    from benchmarks.prepare.check import check_files
    from benchmarks.wording import first_few

    with output.ProgressBar("images") as progress:
        report = check_files(
            files,
            image_root=image_root,
            images=images,
            follow_links=follow_links,
            workers=workers or core_count(),
            progress=progress,
        )
    for level in LEVELS:
        for kind, remarks in report.grouped(level).items():
            places = first_few([remark.place for remark in remarks], SHOWN_PLACES)
            if len(remarks) == 1:
                output.message(f"{level}: {remarks[0].place}: {remarks[0].message}")
            else:
                output.message(f"{level}: {len(remarks):,} x {kind}: {places}")
    if any(len(remarks) > SHOWN_PLACES for level in LEVELS for remarks in report.grouped(level).values()):
        output.message("--json lists every place")
    table = Table("what", "number")
    table.add_row("samples", f"{report.samples:,}")
    for name, number in report.counts.items():
        table.add_row(name, f"{number:,}")
    for name, spread in report.lengths.items():
        table.add_row(name, ", ".join(f"{key} {value:g}" for key, value in spread.items()))
    errors = len(report.of_level("error"))
    table.add_row("warnings", f"{len(report.of_level('warning')):,}")
    table.add_row("errors", f"{errors:,}")
    output.result(asdict(report), table, as_json=as_json)
    if errors:
        raise typer.Exit(2)


@app.command()
def phantoms(
    out: Annotated[Path, typer.Option("--out", help="The folder to write images, suites and training files to.")],
    patients: Annotated[int, typer.Option("--patients", help="Number of patients; each has two to five visits.")] = 20,
    seed: Annotated[int, typer.Option("--seed", help="Seed; the same one gives the same bytes.")] = 0,
    image_size: Annotated[int, typer.Option("--image-size", help="Width and height in pixels.")] = 224,
    force: Annotated[bool, typer.Option("--force", help="Write into the folder even if it is not empty.")] = False,
    as_json: o.Json = False,
) -> None:
    """Draw synthetic chests with several visits: suites and training data that need no permission."""
    from rich.table import Table

    from benchmarks.errors import InputError
    from benchmarks.phantoms import write_phantoms

    if out.exists() and not out.is_dir():
        raise InputError("is a file", where=out, hint="name a folder")
    if out.is_dir() and any(out.iterdir()) and not force:
        raise InputError("is not empty", where=out, hint="pass --force to write into it")
    with output.ProgressBar("patients") as progress:
        counts = write_phantoms(out, patients=patients, seed=seed, image_size=image_size, progress=progress)
    table = Table("what", "number")
    for name, number in counts.items():
        table.add_row(name, f"{number:,}")
    output.message(f"wrote {out}")
    output.result(counts, table, as_json=as_json)
