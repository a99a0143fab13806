"""Options and small displays that the `data` commands share."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from libra_bench.cli import output

if TYPE_CHECKING:
    from benchmarks.prepare.build import BuildReport
    from benchmarks.prepare.datasets.layout import Prepared
    from benchmarks.prepare.mimic_reports import Section

Out = Annotated[Path, typer.Option("--out", help="The file to write; it appears when it is complete.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing output.")]
ImageRoot = Annotated[
    Path | None, typer.Option("--image-root", help="Folder that image paths are relative to; default: found.")
]
AllowAbsent = Annotated[bool, typer.Option("--allow-absent-images", help="Write the file even if images are missing.")]
Prompt = Annotated[str | None, typer.Option("--prompt", help="The prompt; clinical context is not added to it.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Number of processes; default: one per core.")]
SectionName = Annotated[str, typer.Option("--section", help="findings or impression.")]
Context = Annotated[bool, typer.Option("--context/--no-context", help="Add the clinical context to the prompt.")]
MimicRoot = Annotated[
    Path, typer.Option("--mimic-root", help="Folder that MIMIC-CXR(-JPG) was downloaded to; its files are found.")
]
Metadata = Annotated[Path | None, typer.Option("--metadata", help="Default: mimic-cxr-*-metadata.csv.gz, found.")]
Reports = Annotated[Path | None, typer.Option("--reports", help="Folder or zip of reports; default: found.")]
Sections = Annotated[Path | None, typer.Option("--sections", help="A table written by `data sections`.")]


def refuse_overwriting(out: Path, force: bool) -> None:
    """Stop before any work if the output is there already.

    Raises:
        InputError: it is, and `force` is not set.
    """
    from benchmarks.prepare.output import refuse_overwriting

    refuse_overwriting(out, force)


def section_and_prompt(name: str) -> tuple[Section, str]:
    """The report section of this name, and the prompt that asks for it.

    Raises:
        UnknownNameError: there is none.
    """
    from benchmarks.catalog import FINDINGS_PROMPT, IMPRESSION_PROMPT
    from benchmarks.prepare.choices import one_of

    prompts: dict[Section, str] = {"findings": FINDINGS_PROMPT, "impression": IMPRESSION_PROMPT}
    section = one_of("section", name, tuple(prompts))
    return section, prompts[section]


def show_build(report: BuildReport, *, as_json: bool, published: bool = False) -> None:
    """Print what was built: the steps of the selection and, where it makes sense, the published count beside ours."""
    from rich.table import Table

    table = Table("step", "number", title=report.task)
    for name, number in report.steps.items():
        table.add_row(name, f"{number:,}")
    table.add_row("samples written", f"{report.samples:,}")
    if published:
        table.add_row("published", "unknown" if report.published is None else f"{report.published:,}")
    table.add_row("with a prior image", f"{report.with_prior:,}")
    if report.with_lateral:
        table.add_row("with a lateral image", f"{report.with_lateral:,}")
    if report.absent_images:
        table.add_row("images that are not there", f"{report.absent_images:,}")
    for note in report.notes:
        output.message(f"note: {note}")
    output.message(f"wrote {report.out}; run it with --image-root {report.image_root}")
    output.result(asdict(report), table, as_json=as_json)


def write_suite(
    suite: str,
    task: str,
    prepared: Prepared,
    steps: dict[str, int],
    out: Path,
    image_root: Path | None,
    allow_absent_images: bool,
    as_json: bool,
    published: bool = False,
) -> None:
    """Write what was prepared, and show its steps.

    Args:
        suite: its name in the catalogue; empty: it has none.
        task: what is built, for people.
        prepared: the samples and where they come from.
        steps: filled while the samples are made.
        out: the file to write.
        image_root: the folder of the images that the user gave; None: as it was found.
        allow_absent_images: write although images are missing.
        as_json: print JSON.
        published: whether this is the split whose number of samples is published.
    """
    from benchmarks.catalog import suite_card
    from benchmarks.prepare.build import BuildReport, write_built

    report = BuildReport(
        task,
        str(out),
        str(image_root or prepared.image_root),
        suite=suite,
        sources=tuple(map(str, prepared.sources)),
        steps=steps,
        notes=list(prepared.notes),
        published=suite_card(suite).published_samples if published else None,
    )
    write_built(prepared.samples, out, report, ending=prepared.ending, allow_absent_images=allow_absent_images)
    show_build(report, as_json=as_json, published=published)
