"""`data build` of the data sets beyond MIMIC-CXR's tasks: one command each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.machine import core_count
from libra_bench.cli import data_options as d
from libra_bench.cli import options as o

Folder = Annotated[Path, typer.Argument(help="The folder that the data set was downloaded to, or its table.")]


def rexgradient(
    source: Folder,
    out: d.Out,
    split: Annotated[str, typer.Option("--split", help="train, valid or test.")] = "test",
    section: d.SectionName = "findings",
    context: d.Context = True,
    prompt: d.Prompt = None,
    image_root: d.ImageRoot = None,
    allow_absent_images: d.AllowAbsent = False,
    force: d.Force = False,
    as_json: o.Json = False,
) -> None:
    """ReXGradient-160K: reports with indication, comparison, laterals, and priors by date."""
    from benchmarks.prepare.choices import one_of
    from benchmarks.prepare.datasets.rexgradient import HUB_SPLITS
    from benchmarks.prepare.datasets.rexgradient import rexgradient as prepare

    d.refuse_overwriting(out, force)
    chosen, default = d.section_and_prompt(section)
    name, steps = one_of("split", split, HUB_SPLITS), dict[str, int]()
    prepared = prepare(source, name, chosen, prompt=prompt or default, context=context, steps=steps)
    task = f"rexgradient ({split}, {section})"
    d.write_suite("rexgradient", task, prepared, steps, out, image_root, allow_absent_images, as_json, split == "test")


def chexpert_plus(
    source: Folder,
    out: d.Out,
    split: Annotated[str, typer.Option("--split", help="train or valid; there is no test split.")] = "valid",
    section: d.SectionName = "findings",
    context: d.Context = True,
    prompt: d.Prompt = None,
    image_root: d.ImageRoot = None,
    allow_absent_images: d.AllowAbsent = False,
    force: d.Force = False,
    as_json: o.Json = False,
) -> None:
    """CheXpert Plus: reports with clinical history, laterals, age, sex, race, and priors by the order of reports."""
    from benchmarks.prepare.choices import one_of
    from benchmarks.prepare.datasets.chexpert_plus import SPLITS
    from benchmarks.prepare.datasets.chexpert_plus import chexpert_plus as prepare

    d.refuse_overwriting(out, force)
    chosen, default = d.section_and_prompt(section)
    name, steps = one_of("split", split, SPLITS), dict[str, int]()
    prepared = prepare(
        source, name, chosen, prompt=prompt or default, context=context, steps=steps, image_root=image_root
    )
    task = f"chexpert-plus ({split}, {section})"
    d.write_suite("chexpert-plus", task, prepared, steps, out, image_root, allow_absent_images, as_json)


def padchest_gr(
    source: Folder,
    out: d.Out,
    split: Annotated[str, typer.Option("--split", help="As the data set's master table names it.")] = "test",
    language: Annotated[str, typer.Option("--language", help="Of the sentences: en or es.")] = "en",
    prompt: d.Prompt = None,
    image_root: d.ImageRoot = None,
    allow_absent_images: d.AllowAbsent = False,
    force: d.Force = False,
    as_json: o.Json = False,
) -> None:
    """PadChest-GR: the report's sentences, with boxes, progression as labels, and the prior image."""
    from benchmarks.catalog import FINDINGS_PROMPT
    from benchmarks.prepare.choices import one_of
    from benchmarks.prepare.datasets.padchest_gr import LANGUAGES
    from benchmarks.prepare.datasets.padchest_gr import padchest_gr as prepare

    d.refuse_overwriting(out, force)
    steps: dict[str, int] = {}
    chosen = one_of("language", language, LANGUAGES)
    prepared = prepare(
        source, split, language=chosen, prompt=prompt or FINDINGS_PROMPT, steps=steps, image_root=image_root
    )
    task = f"padchest-gr ({split}, {language})"
    d.write_suite("padchest-gr", task, prepared, steps, out, image_root, allow_absent_images, as_json)


def rexvqa(
    source: Folder,
    out: d.Out,
    split: Annotated[str, typer.Option("--split", help="train, valid or test.")] = "test",
    image_root: Annotated[
        Path | None, typer.Option("--image-root", help="Folder that ReXGradient-160K's deid_png lies in.")
    ] = None,
    allow_absent_images: d.AllowAbsent = False,
    force: d.Force = False,
    as_json: o.Json = False,
) -> None:
    """ReXVQA: multiple-choice questions, with their options in the prompt."""
    from benchmarks.prepare.choices import one_of
    from benchmarks.prepare.datasets.rexgradient import HUB_SPLITS
    from benchmarks.prepare.datasets.rexvqa import rexvqa as prepare

    d.refuse_overwriting(out, force)
    steps: dict[str, int] = {}
    prepared = prepare(source, one_of("split", split, HUB_SPLITS), steps=steps, image_root=image_root)
    d.write_suite("rexvqa", f"rexvqa ({split})", prepared, steps, out, image_root, allow_absent_images, as_json)


def ms_cxr_t(
    source: Folder,
    mimic_root: d.MimicRoot,
    out: d.Out,
    reports: d.Reports = None,
    sections: d.Sections = None,
    metadata: d.Metadata = None,
    context: d.Context = True,
    prompt: d.Prompt = None,
    image_root: d.ImageRoot = None,
    workers: d.Workers = None,
    allow_absent_images: d.AllowAbsent = False,
    force: d.Force = False,
    as_json: o.Json = False,
) -> None:
    """MS-CXR-T: pairs of MIMIC-CXR images with the progression of five findings as labels."""
    from benchmarks.catalog import FINDINGS_PROMPT
    from benchmarks.prepare.datasets.ms_cxr_t import ms_cxr_t as prepare
    from benchmarks.prepare.mimic import MimicFolder

    d.refuse_overwriting(out, force)
    steps: dict[str, int] = {}
    prepared = prepare(
        source,
        MimicFolder(mimic_root, metadata, None, reports, image_root),
        prompt=prompt or FINDINGS_PROMPT,
        context=context,
        steps=steps,
        sections=sections,
        workers=workers or core_count(),
    )
    d.write_suite("ms-cxr-t", "ms-cxr-t", prepared, steps, out, image_root, allow_absent_images, as_json)


def chextemporal(
    source: Folder,
    out: d.Out,
    data_set: Annotated[
        str | None, typer.Option("--data-set", help="Only pairs of chexpert, mimic or rexgradient; default: all.")
    ] = None,
    prompt: d.Prompt = None,
    image_root: Annotated[
        Path | None, typer.Option("--image-root", help="Folder with a folder of images per data set.")
    ] = None,
    allow_absent_images: d.AllowAbsent = False,
    force: d.Force = False,
    as_json: o.Json = False,
) -> None:
    """CheXTemporal: pairs of images with expert labels (new, worse, stable, improved, resolved)."""
    from benchmarks.catalog import FINDINGS_PROMPT
    from benchmarks.prepare.datasets.chextemporal import chextemporal as prepare

    d.refuse_overwriting(out, force)
    steps: dict[str, int] = {}
    prepared = prepare(source, data_set=data_set, prompt=prompt or FINDINGS_PROMPT, steps=steps, image_root=image_root)
    task = f"chextemporal ({data_set or 'all'})"
    d.write_suite("chextemporal", task, prepared, steps, out, image_root, allow_absent_images, as_json)


COMMANDS: Mapping[str, Callable[..., Any]] = {
    "rexgradient": rexgradient,
    "chexpert-plus": chexpert_plus,
    "padchest-gr": padchest_gr,
    "rexvqa": rexvqa,
    "ms-cxr-t": ms_cxr_t,
    "chextemporal": chextemporal,
}
"""Suite -> the command that builds it."""
