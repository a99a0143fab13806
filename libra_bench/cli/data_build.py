"""`data build`: suites and training files from the data sets as they are published."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks.machine import core_count
from libra_bench.cli import data_options as d
from libra_bench.cli import options as o
from libra_bench.cli import output

if TYPE_CHECKING:
    from benchmarks.prepare.mimic import MimicFolder

app = typer.Typer(
    no_args_is_help=True, help="Build suites (.jsonl) or training files (.json) from the published data sets."
)

Split = Annotated[str, typer.Option("--split", help="train, validate or test.")]
SplitFile = Annotated[Path | None, typer.Option("--split-file", help="Default: mimic-cxr-*-split.csv.gz, found.")]
Rule = Annotated[str, typer.Option("--prior-rule", help="published or frontal (see `data priors`).")]
AllViews = Annotated[bool, typer.Option("--all-views", help="Include lateral images; default: AP and PA only.")]
Laterals = Annotated[bool, typer.Option("--laterals", help="Name lateral images, too, by their role.")]
Source = Annotated[Path | None, typer.Option("--source", help="The question file; default: found below the root.")]
ChestOnly = Annotated[bool, typer.Option("--chest-only", help="Only questions on chest X-rays.")]


def _reports_command(task: str) -> Callable[..., None]:
    """`findings` or `impressions`: the same options."""

    def command(
        mimic_root: d.MimicRoot,
        split: Split,
        out: d.Out,
        sections: d.Sections = None,
        reports: d.Reports = None,
        metadata: d.Metadata = None,
        split_file: SplitFile = None,
        image_root: d.ImageRoot = None,
        prior_rule: Rule = "published",
        all_views: AllViews = False,
        laterals: Laterals = False,
        context: d.Context = True,
        prompt: d.Prompt = None,
        workers: d.Workers = None,
        allow_absent_images: d.AllowAbsent = False,
        force: d.Force = False,
        as_json: o.Json = False,
    ) -> None:
        folder = _folder(mimic_root, metadata, split_file, reports, image_root)
        choice: dict[str, Any] = {"sections": sections, "all_views": all_views, "context": context, "prompt": prompt}
        choice["laterals"] = laterals
        _build(
            task, folder, split, out, force, allow_absent_images, as_json, rule=prior_rule, workers=workers, **choice
        )

    return command


def _questions_command(task: str, source_of: str) -> Callable[..., None]:
    """`vqa` or `diff-vqa`: the same options."""

    def command(
        mimic_root: d.MimicRoot,
        split: Split,
        out: d.Out,
        source: Source = None,
        metadata: d.Metadata = None,
        image_root: d.ImageRoot = None,
        allow_absent_images: d.AllowAbsent = False,
        force: d.Force = False,
        as_json: o.Json = False,
    ) -> None:
        folder = _folder(mimic_root, metadata, None, None, image_root)
        sources: dict[str, Any] = {source_of: source}
        _build(task, folder, split, out, force, allow_absent_images, as_json, **sources)

    return command


app.command("findings", help="MIMIC-CXR: write the findings from the current and the prior image.")(
    _reports_command("findings")
)
app.command(
    "impressions", help="MIMIC-CXR: write the impression (its published prompt is unknown; --prompt replaces ours)."
)(_reports_command("impressions"))
app.command("vqa", help="MIMIC-Ext-MIMIC-CXR-VQA: questions about one image; answer lists become labels.")(
    _questions_command("vqa", "vqa_source")
)
app.command("diff-vqa", help="MIMIC-Diff-VQA: questions about the main (current) and reference (prior) image.")(
    _questions_command("diff-vqa", "diff_source")
)


@app.command()
def alignment(
    mimic_root: d.MimicRoot,
    split: Split,
    out: d.Out,
    tasks: Annotated[str, typer.Option("--tasks", help="The tasks to mix.")] = "findings,impressions,vqa,diff-vqa",
    vqa_source: Annotated[Path | None, typer.Option("--vqa-source", help="Default: found.")] = None,
    diff_source: Annotated[Path | None, typer.Option("--diff-vqa-source", help="Default: found.")] = None,
    sections: d.Sections = None,
    reports: d.Reports = None,
    metadata: d.Metadata = None,
    split_file: SplitFile = None,
    image_root: d.ImageRoot = None,
    prior_rule: Rule = "published",
    all_views: AllViews = False,
    context: d.Context = True,
    workers: d.Workers = None,
    allow_absent_images: d.AllowAbsent = False,
    force: d.Force = False,
    as_json: o.Json = False,
) -> None:
    """Training data of stage 1: reports and both question sets in one file."""
    folder = _folder(mimic_root, metadata, split_file, reports, image_root)
    sources: dict[str, Any] = {"vqa_source": vqa_source, "diff_source": diff_source, "sections": sections}
    selection: dict[str, Any] = {"all_views": all_views, "context": context, "tasks": tuple(tasks.split(","))}
    _build(
        "alignment", folder, split, out, force, allow_absent_images, as_json,
        rule=prior_rule, workers=workers, **sources, **selection,
    )  # fmt: skip


def _folder(
    root: Path, metadata: Path | None, splits: Path | None, reports: Path | None, image_root: Path | None
) -> MimicFolder:
    from benchmarks.prepare.mimic import MimicFolder

    return MimicFolder(root, metadata, splits, reports, image_root)


def _build(
    task: str,
    folder: MimicFolder,
    split: str,
    out: Path,
    force: bool,
    allow_absent_images: bool,
    as_json: bool,
    rule: str = "published",
    workers: int | None = None,
    **choice: Any,
) -> None:
    from benchmarks.prepare.choices import one_of
    from benchmarks.prepare.mimic import SPLITS
    from benchmarks.prepare.mimic_tasks import ALIGNMENT, MimicChoice, build_mimic
    from benchmarks.prepare.priors import RULES

    d.refuse_overwriting(out, force)
    names = one_of("split", split, SPLITS), one_of("rule", rule, RULES)
    chosen = MimicChoice(folder, *names, workers=workers or core_count(), **choice)
    with output.ProgressBar("reports") as progress:
        report = build_mimic(task, chosen, out, allow_absent_images=allow_absent_images, progress=progress)
    d.show_build(report, as_json=as_json, published=task != ALIGNMENT)


@app.command("iu-xray")
def iu_xray(
    source: Annotated[
        Path,
        typer.Argument(help="ReXRank_IUXray_test.json, or the folder of Open-i's indiana_reports.csv."),
    ],
    out: d.Out,
    section: d.SectionName = "findings",
    image_root: d.ImageRoot = None,
    prompt: d.Prompt = None,
    allow_absent_images: d.AllowAbsent = False,
    force: d.Force = False,
    as_json: o.Json = False,
) -> None:
    """IU X-Ray: a split of ReXrank with all its images, or the whole of Open-i's collection, which has no split."""
    from itertools import chain, islice

    from benchmarks.prepare.datasets.iu_xray import PROJECTIONS, REPORTS, find_images, iu_xray_samples
    from benchmarks.prepare.datasets.layout import Prepared
    from benchmarks.prepare.output import image_paths
    from benchmarks.prepare.rexrank import rexrank_samples

    d.refuse_overwriting(out, force)
    steps: dict[str, int] = {}
    chosen, default = d.section_and_prompt(section)
    if source.is_dir():
        samples = iu_xray_samples(source, chosen, prompt=prompt or default, steps=steps)
        root, sources = source, [source / REPORTS, source / PROJECTIONS]
    else:
        samples = rexrank_samples(source, chosen, prompt=prompt or default, steps=steps)
        root, sources = source.parent, [source]
    first = list(islice(samples, 1))
    found = image_root or (find_images(root, image_paths(first[0])[0]) if first else root)
    task = f"iu-xray ({source.name}, {section})"
    prepared = Prepared(chain(first, samples), found, sources)
    d.write_suite("iu-xray", task, prepared, steps, out, image_root, allow_absent_images, as_json)


@app.command("vqa-rad")
def vqa_rad(
    source: Annotated[Path, typer.Argument(help='"VQA_RAD Dataset Public.json".')],
    split: Annotated[str, typer.Option("--split", help="train or test.")],
    out: d.Out,
    image_root: d.ImageRoot = None,
    chest_only: ChestOnly = False,
    allow_absent_images: d.AllowAbsent = False,
    force: d.Force = False,
    as_json: o.Json = False,
) -> None:
    """VQA-RAD: open and closed questions; images default to "VQA_RAD Image Folder" beside the file."""
    from benchmarks.prepare.choices import one_of
    from benchmarks.prepare.datasets.layout import Prepared
    from benchmarks.prepare.datasets.open_vqa import vqa_rad_samples

    d.refuse_overwriting(out, force)
    test = one_of("split", split, ("train", "test")) == "test"
    steps: dict[str, int] = {}
    samples = vqa_rad_samples(source, test=test, chest_only=chest_only, steps=steps)
    prepared = Prepared(samples, source.with_name("VQA_RAD Image Folder"), [source])
    task = f"vqa-rad ({split})"
    d.write_suite(
        "vqa-rad", task, prepared, steps, out, image_root, allow_absent_images, as_json, test and not chest_only
    )


@app.command()
def slake(
    source: Annotated[Path, typer.Argument(help="train.json, validate.json or test.json.")],
    out: d.Out,
    language: Annotated[str, typer.Option("--language", help="en or zh.")] = "en",
    image_root: d.ImageRoot = None,
    chest_only: ChestOnly = False,
    allow_absent_images: d.AllowAbsent = False,
    force: d.Force = False,
    as_json: o.Json = False,
) -> None:
    """SLAKE: open and closed questions; images default to `imgs` beside the file."""
    from benchmarks.prepare.datasets.layout import Prepared
    from benchmarks.prepare.datasets.open_vqa import slake_samples

    d.refuse_overwriting(out, force)
    steps: dict[str, int] = {}
    samples = slake_samples(source, language=language, chest_only=chest_only, steps=steps)
    prepared = Prepared(samples, source.with_name("imgs"), [source])
    published = source.stem == "test" and language == "en" and not chest_only
    task = f"slake ({source.stem})"
    d.write_suite("slake", task, prepared, steps, out, image_root, allow_absent_images, as_json, published)


def _hub_command(name: str) -> Callable[..., None]:
    """One data set of the hub."""

    def command(
        out: d.Out,
        split: Annotated[str, typer.Option("--split", help="A split, as the data set names it.")] = "test",
        section: d.SectionName = "findings",
        image_root: Annotated[
            Path | None, typer.Option("--image-root", help="Folder to write the images to; default: <OUT>_images.")
        ] = None,
        repository: Annotated[
            str | None, typer.Option("--repository", help="Another hub id or local folder of the same shape.")
        ] = None,
        configuration: Annotated[str | None, typer.Option("--configuration", help="Another configuration.")] = None,
        prompt: d.Prompt = None,
        force: d.Force = False,
        as_json: o.Json = False,
    ) -> None:
        from benchmarks.prepare.datasets.layout import Prepared
        from benchmarks.prepare.hub import HUB_SETS, hub_samples

        d.refuse_overwriting(out, force)
        steps: dict[str, int] = {}
        chosen, default = d.section_and_prompt(section)
        folder = image_root or out.with_name(f"{out.stem}_images")
        samples = hub_samples(
            HUB_SETS[name], chosen, split, image_folder=folder, prompt=prompt or default, repository=repository,
            configuration=configuration, steps=steps,
        )  # fmt: skip
        prepared = Prepared(samples, folder, [])
        d.write_suite("", f"{name} ({split})", prepared, steps, out, folder, False, as_json)

    return command


for _name in ("mimic-cxr-rrg", "iu-xray-rrg"):
    app.command(_name, help="A data set of the Hugging Face hub (X-iZhang); needs the extra hub-data.")(
        _hub_command(_name)
    )
