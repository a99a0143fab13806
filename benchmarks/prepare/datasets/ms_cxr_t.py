"""MS-CXR-T: pairs of MIMIC-CXR images with labels of progression for five findings, and no report of its own.

Layout (PhysioNet, 1.0.0): `MS_CXR_T_temporal_image_classification_v1.0.0.csv`, a row per pair: dicom_id,
previous_dicom_id, subject_id, study_id, previous_study_id, and `<finding>_progression` (improving, stable, worsening).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from benchmarks.errors import InputError
from benchmarks.files.numbers import as_id
from benchmarks.prepare.datasets.layout import Prepared, filled, find_file, iso_date, progression_labels
from benchmarks.prepare.frames import read_frame
from benchmarks.prepare.mimic import METADATA, MimicFolder
from benchmarks.prepare.mimic_reports import CONTEXT_SECTIONS, Sections, sections_from_reports, sections_from_table
from benchmarks.prepare.output import Built, one_line, report_of, with_context

if TYPE_CHECKING:
    import pandas as pd

DATA_SET = "MS-CXR-T"
TABLE = "MS_CXR_T_temporal_image_classification_v1.0.0.csv"
FINDINGS = ("consolidation", "edema", "pleural_effusion", "pneumonia", "pneumothorax")
WORDS = ("improving", "stable", "worsening")
_IDS = ("dicom_id", "previous_dicom_id", "subject_id", "study_id", "previous_study_id")


def ms_cxr_t(
    source: Path,
    folder: MimicFolder,
    *,
    prompt: str,
    context: bool,
    steps: dict[str, int],
    sections: Path | None = None,
    workers: int = 1,
) -> Prepared:
    """One sample per pair that has a label.

    Args:
        source: the table, or its folder.
        folder: MIMIC-CXR: its images; its reports and metadata, where they are there, give references, prior reports,
            clinical context, views and dates.
        prompt: without clinical context.
        context: put the clinical context behind the prompt, and into fields of its own.
        steps: filled with how many pairs are left after each step.
        sections: a table written by `data sections`; None: reports are cut.
        workers: processes that cut reports.

    Raises:
        InputError: a file is missing or has another layout.
    """
    path = find_file(source, TABLE, "MS_CXR_T_temporal_image_classification*.csv", DATA_SET)
    frame = read_frame(path, (*_IDS, *(f"{finding}_progression" for finding in FINDINGS)))
    twice = frame.loc[frame.duplicated(["dicom_id", "previous_dicom_id"]), "dicom_id"]
    if len(twice):
        raise InputError(f"the pair of image {twice.iloc[0]} is listed twice", where=path, hint="download it again")
    cut, sources = _reports(folder, sections, {f"s{study}" for study in _studies(frame)}, workers)
    notes = () if cut else ("no reports of MIMIC-CXR found: labels alone, no references and no clinical context",)
    metadata = folder.metadata or folder.find_any(METADATA)
    views = _views(metadata)
    ids = zip(frame["subject_id"], frame["study_id"], frame["dicom_id"], strict=True)
    root, ending = folder.locate_images([_mimic_image(*row) for row in ids])
    samples = _samples(frame, path, cut, views, prompt, context, steps)
    found = [path, *sources, *([metadata] if metadata else [])]
    return Prepared(samples, root, found, ending=ending, notes=notes)


def _studies(frame: pd.DataFrame) -> set[str]:
    return {*frame["study_id"], *frame["previous_study_id"]}


def _reports(
    folder: MimicFolder, sections: Path | None, studies: set[str], workers: int
) -> tuple[Sections, list[Path]]:
    if sections is not None:
        return sections_from_table(sections, studies), [sections]
    try:
        source = folder.reports_source()
    except InputError:
        if folder.reports is not None:
            raise
        return {}, []
    return sections_from_reports(source, studies, workers=workers), [source]


def _views(metadata: Path | None) -> dict[str, tuple[str, str]]:
    """dicom_id -> its view and date, as far as the metadata are there."""
    if metadata is None:
        return {}
    frame = read_frame(metadata, ["dicom_id", "ViewPosition", "StudyDate"])
    rows = zip(frame["dicom_id"], frame["ViewPosition"], frame["StudyDate"], strict=True)
    return {dicom: (view, iso_date(date)) for dicom, view, date in rows}


def _mimic_image(subject: str, study: str, dicom: str) -> str:
    """Where MIMIC-CXR keeps an image; a path as `p10/p10000032/s50414267/<dicom>` is one already."""
    dicom = dicom.removesuffix(".jpg").removesuffix(".dcm")
    if "/" in dicom:
        return f"{'' if dicom.startswith('files/') else 'files/'}{dicom}.jpg"
    return f"files/p{subject[:2]}/p{subject}/s{study}/{dicom}.jpg"


def _samples(
    frame: pd.DataFrame,
    path: Path,
    sections: Sections,
    views: Mapping[str, tuple[str, str]],
    prompt: str,
    context: bool,
    steps: dict[str, int],
) -> Iterator[Built]:
    columns = [*_IDS, *(f"{finding}_progression" for finding in FINDINGS)]
    steps.update({"pairs in the table": len(frame), "with a label": 0, "labels": 0})
    for number, cells in enumerate(zip(*(frame[column] for column in columns), strict=True), start=1):
        row = dict(zip(columns, cells, strict=True))
        words = {finding: row[f"{finding}_progression"].strip().lower() for finding in FINDINGS}
        labels = progression_labels({f.replace("_", " "): w for f, w in words.items()}, WORDS, f"{path}: row {number}")
        if not labels:
            continue
        steps["with a label"] += 1
        steps["labels"] += len(labels)
        report, before = sections.get(f"s{row['study_id']}", {}), sections.get(f"s{row['previous_study_id']}", {})
        clinical = {name: one_line(report.get(name, "")) for name in CONTEXT_SECTIONS} if context else {}
        dicom, previous = (PurePosixPath(row[key]).stem for key in ("dicom_id", "previous_dicom_id"))
        view, date = views.get(dicom, ("", ""))
        _, prior_date = views.get(previous, ("", ""))
        yield {
            "question_id": f"{dicom}-{previous}",
            "image": [
                _mimic_image(row["subject_id"], row["study_id"], row["dicom_id"]),
                _mimic_image(row["subject_id"], row["previous_study_id"], row["previous_dicom_id"]),
            ],
            "text": with_context(prompt, {name.capitalize(): text for name, text in clinical.items()}),
            **filled({"reference": one_line(report.get("findings", "") or report.get("impression", ""))}),
            "labels": labels,
            "subject_id": as_id(row["subject_id"]),
            "study_id": as_id(row["study_id"]),
            "prior_study_id": as_id(row["previous_study_id"]),
            "dicom_id": dicom,
            "has_prior": True,
            **filled(
                {
                    **clinical,
                    "prior_report": report_of(before.get("findings", ""), before.get("impression", "")),
                    "view": view,
                    "study_date": date,
                    "prior_date": prior_date,
                }
            ),
        }
