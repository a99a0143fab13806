"""IU X-Ray: the two tables of Open-i's Indiana collection become a suite, one sample per study."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.files.numbers import as_id
from benchmarks.prepare.datasets.layout import filled
from benchmarks.prepare.frames import read_frame
from benchmarks.prepare.mimic_reports import Section
from benchmarks.prepare.output import Built, images_by_role, one_line, with_context

REPORTS, PROJECTIONS = "indiana_reports.csv", "indiana_projections.csv"
_IMAGE_FOLDERS = ("images_normalized", "images/images_normalized", "images", ".")


def iu_xray_samples(root: Path, section: Section, *, prompt: str, steps: dict[str, int]) -> Iterator[Built]:
    """One sample per report that has the section and a frontal image (the first listed); no official split exists.

    Args:
        root: the folder with indiana_reports.csv and indiana_projections.csv.
        section: what is to be written.
        prompt: without clinical context; indication and comparison are put behind it.
        steps: filled with counts.
    """
    needs = ["uid", "indication", "comparison", "findings", "impression"]
    reports = read_frame(root / REPORTS, needs)
    projections = read_frame(root / PROJECTIONS, ["uid", "filename", "projection"])
    first = projections.drop_duplicates(["uid", "projection"])
    image_of = {
        (uid, projection): image
        for uid, image, projection in zip(first["uid"], first["filename"], first["projection"], strict=True)
    }
    steps.update({"reports": len(reports), f"with {section}": 0, "with a frontal image": 0})
    for uid, indication, comparison, findings, impression in zip(*(reports[column] for column in needs), strict=True):
        reference = one_line(findings if section == "findings" else impression)
        if not reference:
            continue
        steps[f"with {section}"] += 1
        if (frontal := image_of.get((uid, "Frontal"))) is None:
            continue
        steps["with a frontal image"] += 1
        yield {
            "question_id": as_id(uid),
            "image": images_by_role(frontal, image_of.get((uid, "Lateral"), "")),
            "text": with_context(prompt, {"Indication": indication, "Comparison": comparison}),
            "reference": reference,
            "study_id": as_id(uid),
            "view": "Frontal",
            "has_prior": False,
            **filled({"indication": one_line(indication), "comparison": one_line(comparison)}),
        }


def find_images(root: Path, image: str) -> Path:
    """The folder below the root where this image lies; the root itself if nowhere."""
    return next((root / folder for folder in _IMAGE_FOLDERS if (root / folder / image).is_file()), root)
