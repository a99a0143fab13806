"""ReXGradient-160K: one JSON per split, with reports, images and views of each study.

Layout (the data set's page on the hub): `metadata/<split>_metadata_view_position.json`, an object study -> entry, with
image paths as `../deid_png/<patient>/<accession>/studies/.../<image>.png`; the images in `deid_png/`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypeAlias

from benchmarks.prepare.datasets.layout import (
    Prepared,
    age_in_years,
    filled,
    find_file,
    iso_date,
    read_entries,
    sex_letter,
    text_list,
)
from benchmarks.prepare.datasets.studies import Study, study_samples
from benchmarks.prepare.json_file import as_text
from benchmarks.prepare.mimic_reports import Section
from benchmarks.prepare.priors import FRONTAL_VIEWS
from benchmarks.wording import first_few

DATA_SET = "ReXGradient-160K"
HubSplit: TypeAlias = Literal["train", "valid", "test"]
HUB_SPLITS: tuple[HubSplit, ...] = ("train", "valid", "test")
VIEWS = {
    "PA": "PA",
    "POSTERO_ANTERIOR": "PA",
    "AP": "AP",
    "ANTERO_POSTERIOR": "AP",
    "LATERAL": "LATERAL",
    "LL": "LATERAL",
    "RL": "LATERAL",
}
"""How a view is written -> what it counts as; any other is neither frontal nor lateral."""
IMAGES = "deid_png"
_NEEDS = (
    "PatientID",
    "ImagePath",
    "ImageViewPosition",
    "StudyDate",
    "Indication",
    "Comparison",
    "Findings",
    "Impression",
)


def rexgradient(
    source: Path, split: HubSplit, section: Section, *, prompt: str, context: bool, steps: dict[str, int]
) -> Prepared:
    """The studies of a split.

    Args:
        source: the folder that the data set was downloaded to, or the split's JSON.
        split: which JSON of the folder.
        section: what is to be written.
        prompt: without clinical context.
        context: put the clinical context behind the prompt, and into fields of its own.
        steps: filled with how many studies are left after each step.

    Raises:
        InputError: a file is missing or has another layout.
    """
    path = find_file(source, f"{split}_metadata_view_position.json", f"{split}_metadata*.json", DATA_SET)
    entries = read_entries(path, _NEEDS, DATA_SET)
    studies = [_study(name, entry, split, f"{path}: {name}") for name, entry in entries.items()]
    samples = study_samples(studies, section, prompt=prompt, context=context, steps=steps)
    return Prepared(samples, hub_image_root(path), (path,), notes=notes_on_views(entries.values()))


def hub_image_root(metadata: Path) -> Path:
    """The folder that `deid_png` lies in: the one above the metadata's, else the metadata's own."""
    above = metadata.resolve().parent.parent
    return above if (above / IMAGES).is_dir() else metadata.resolve().parent


def hub_image(path: str) -> str:
    """An image path relative to the folder that `deid_png` lies in."""
    before, mark, after = path.replace("\\", "/").partition(f"{IMAGES}/")
    return f"{mark}{after}" if mark else before.lstrip("./")


def views_of(entry: dict[str, Any], where: str, data_set: str) -> tuple[str, str, str]:
    """The frontal image (PA before AP), its view, and the lateral image; empty where there is none."""
    images = text_list(entry, "ImagePath", where, data_set)
    by_view: dict[str, str] = {}
    for image, written in zip(images, _views(entry), strict=False):
        if written in VIEWS:
            by_view.setdefault(VIEWS[written], hub_image(image))
    view = next((name for name in FRONTAL_VIEWS if name in by_view), "")
    return by_view.get(view, ""), view, by_view.get("LATERAL", "")


def _views(entry: dict[str, Any]) -> list[str]:
    listed = entry["ImageViewPosition"]
    return [as_text(view).upper() for view in listed] if isinstance(listed, list) else [as_text(listed).upper()]


def notes_on_views(entries: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    """Which images are neither frontal nor lateral, if there are any."""
    others = Counter(view for entry in entries for view in _views(entry) if view not in VIEWS)
    named = first_few([f"{view or 'no view'} {number:,}" for view, number in others.most_common()])
    return (f"{others.total():,} images are neither frontal nor lateral ({named})",) if others else ()


def patient_fields(entry: dict[str, Any], view: str) -> dict[str, Any]:
    """View, age and sex, as far as they are known."""
    known = {"view": view, "age": age_in_years(entry.get("PatientAge")), "sex": sex_letter(entry.get("PatientSex"))}
    return filled(known)


def _study(name: str, entry: dict[str, Any], split: str, where: str) -> Study:
    frontal, view, lateral = views_of(entry, where, DATA_SET)
    date = iso_date(entry["StudyDate"])
    sections = {key.lower(): as_text(entry[key]) for key in ("Indication", "Comparison", "Findings", "Impression")}
    return Study(
        study_id=name,
        patient=as_text(entry["PatientID"]),
        frontal=frontal,
        lateral=lateral,
        sections=sections,
        moment=date,
        date=date,
        split=split,
        fields=patient_fields(entry, view),
    )
