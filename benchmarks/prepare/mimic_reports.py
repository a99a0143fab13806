"""Findings and impressions: a sample per image; the section is the reference, the rest clinical context."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from benchmarks.prepare.frames import read_frame
from benchmarks.prepare.output import Built, image_list, one_line, whole_number, with_context
from benchmarks.prepare.priors import FRONTAL_VIEWS
from benchmarks.prepare.reports import Progress, ReportCounts, cut_reports
from benchmarks.prepare.section_rules import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

Section: TypeAlias = Literal["findings", "impression"]
Sections: TypeAlias = Mapping[str, Mapping[str, str]]
"""Study ("s50414267") -> section -> text."""

CONTEXT_SECTIONS = ("indication", "history", "comparison", "technique")
"""The sections of the prompt, in the order in which Libra's documentation lists them."""


def sections_from_reports(
    source: Path,
    studies: Collection[str],
    *,
    workers: int = 1,
    progress: Progress | None = None,
    counts: ReportCounts | None = None,
) -> Sections:
    """Cut the reports of these studies; studies that the rules cut by hand have none."""
    reports = cut_reports(source, studies=studies, workers=workers, progress=progress, counts=counts)
    return {
        report.study: {column: text for column, text in zip(COLUMNS, report.sections, strict=True) if text is not None}
        for report in reports
        if report.sections is not None
    }


def sections_from_table(path: Path, studies: Collection[str]) -> Sections:
    """Read them from a table that `data sections` (or the published script) wrote."""
    frame = read_frame(path, ["study", "findings", "impression", *CONTEXT_SECTIONS])
    frame = frame[frame["study"].isin(set(studies))]
    columns = [column for column in COLUMNS if column in frame.columns]
    records = zip(*(frame[column] for column in columns), strict=True)
    return {study: dict(zip(columns, texts, strict=True)) for study, texts in zip(frame["study"], records, strict=True)}


def report_samples(
    images: pd.DataFrame,
    sections: Sections,
    section: Section,
    *,
    prompt: str,
    steps: dict[str, int],
    context: bool = True,
    all_views: bool = False,
) -> Iterator[Built]:
    """One sample per image whose report has the section.

    Args:
        images: rows of one split.
        sections: of their studies.
        section: what is to be written.
        prompt: without clinical context.
        steps: filled with how many images are left after each step.
        context: put the clinical context behind the prompt.
        all_views: lateral images, too.
    """
    steps["images of the split"] = len(images)
    if not all_views:
        images = images[images["ViewPosition"].isin(FRONTAL_VIEWS)]
        steps["frontal (AP or PA)"] = len(images)
    steps["with a sectioned report"] = 0
    steps[f"with {section}"] = 0
    columns = ("subject_id", "study_id", "dicom_id", "ViewPosition", "image", "prior_image", "split")
    for row in zip(*(images[column] for column in columns), strict=True):
        subject, study, dicom, view, image, prior, split = row
        report = sections.get(f"s{study}")
        if report is None:
            continue
        steps["with a sectioned report"] += 1
        reference = one_line(report.get(section, ""))
        if not reference:
            continue
        steps[f"with {section}"] += 1
        clinical = {name.capitalize(): report.get(name, "") for name in CONTEXT_SECTIONS} if context else {}
        yield {
            "question_id": dicom,
            "image": image_list(image, prior),
            "text": with_context(prompt, clinical),
            "reference": reference,
            "subject_id": whole_number(subject),
            "study_id": whole_number(study),
            "dicom_id": dicom,
            "view": view,
            "has_prior": bool(prior),
            "split": split,
        }
