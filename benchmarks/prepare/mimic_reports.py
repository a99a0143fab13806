"""Findings and impressions: a sample per image; the section is the reference, the rest clinical context."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from benchmarks.files.numbers import as_id
from benchmarks.prepare.datasets.layout import iso_date
from benchmarks.prepare.frames import read_frame
from benchmarks.prepare.output import (
    Built,
    image_list,
    images_by_role,
    one_line,
    report_of,
    with_context,
)
from benchmarks.prepare.priors import FRONTAL_VIEWS
from benchmarks.prepare.reports import Progress, ReportCounts, cut_reports
from benchmarks.prepare.section_rules import COLUMNS
from benchmarks.schema import PRIOR_REPORT

if TYPE_CHECKING:
    import pandas as pd

Section: TypeAlias = Literal["findings", "impression"]
Sections: TypeAlias = Mapping[str, Mapping[str, str]]
"""Study ("s50414267") -> section -> text."""

LATERAL_VIEWS = ("LATERAL", "LL")
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
    laterals: bool = False,
) -> Iterator[Built]:
    """One sample per image whose report has the section.

    Args:
        images: rows of one split.
        sections: of their studies.
        section: what is to be written.
        prompt: without clinical context.
        steps: filled with how many images are left after each step.
        context: put the clinical context behind the prompt, and into fields of its own.
        all_views: lateral images, too.
        laterals: name the lateral images of the study and of the prior one beside the frontal ones.
    """
    steps["images of the split"] = len(images)
    studies = _Studies(images, sections)
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
        clinical = {name: one_line(report.get(name, "")) for name in CONTEXT_SECTIONS} if context else {}
        yield {
            "question_id": dicom,
            "image": studies.images(image, prior) if laterals else image_list(image, prior),
            "text": with_context(prompt, {name.capitalize(): text for name, text in clinical.items()}),
            "reference": reference,
            "subject_id": as_id(subject),
            "study_id": as_id(study),
            "dicom_id": dicom,
            "view": view,
            "has_prior": bool(prior),
            "split": split,
            **{name: text for name, text in clinical.items() if text},
            **studies.dates(image, prior),
            **studies.prior_report(prior),
        }


class _Studies:
    """What is known of each study by the path of any of its images (files/p10/p10000032/s50414267/<dicom_id>.jpg)."""

    def __init__(self, images: pd.DataFrame, sections: Sections) -> None:
        self._sections = sections
        self._laterals: dict[str, str] = {}
        lateral = images[images["ViewPosition"].isin(LATERAL_VIEWS)]
        for path in lateral["image"]:
            self._laterals.setdefault(_study_of(path), path)
        self._dates = dict(zip(map(_study_of, images["image"]), map(iso_date, images["StudyDate"]), strict=True))

    def images(self, current: str, prior: str) -> Any:
        """Every image by its role; a lateral one that is the frontal one's own file is not named twice."""
        lateral, prior_lateral = (self._laterals.get(_study_of(path), "") for path in (current, prior))
        taken = (current, prior)
        return images_by_role(
            current,
            "" if lateral in taken else lateral,
            prior,
            "" if prior_lateral in (*taken, lateral) else prior_lateral,
        )

    def dates(self, current: str, prior: str) -> dict[str, str]:
        """`study_date` and `prior_date`, where they are known."""
        found = {"study_date": self._dates.get(_study_of(current)), "prior_date": self._dates.get(_study_of(prior))}
        return {name: date for name, date in found.items() if date}

    def prior_report(self, prior: str) -> dict[str, str]:
        """The findings and the impression of the prior study, where its report has any."""
        report = self._sections.get(_study_of(prior), {})
        text = report_of(report.get("findings", ""), report.get("impression", ""))
        return {PRIOR_REPORT: text} if text else {}


def _study_of(path: str) -> str:
    return PurePosixPath(path).parent.name
