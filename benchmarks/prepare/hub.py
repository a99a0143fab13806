"""The data sets of reports on the Hugging Face hub, fetched through `datasets` because their name was given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.errors import InputError
from benchmarks.files import atomic_write
from benchmarks.files.numbers import as_id
from benchmarks.prepare.json_file import as_text
from benchmarks.prepare.mimic_reports import Section
from benchmarks.prepare.output import Built, one_line
from benchmarks.wording import first_line


@dataclass(frozen=True, slots=True)
class HubSet:
    """A data set and its columns."""

    repository: str
    configurations: Mapping[Section, str | None]


HUB_SETS = {
    "mimic-cxr-rrg": HubSet(
        "X-iZhang/MIMIC-CXR-RRG", {"findings": "findings_section", "impression": "impression_section"}
    ),
    "iu-xray-rrg": HubSet("X-iZhang/IU-Xray-RRG", {"findings": None, "impression": None}),
}
"""Name on our command line -> where it is. The images there are compressed: scores are not the published ones."""


def hub_samples(
    hub_set: HubSet,
    section: Section,
    split: str,
    *,
    image_folder: Path,
    prompt: str,
    repository: str | None = None,
    configuration: str | None = None,
    steps: dict[str, int],
) -> Iterator[Built]:
    """One sample per row; its images are written below `image_folder` as they come.

    Columns read: main_image, prior_image, default_prompt, `<section>_section` or `<section>`, and the ids and views
    that are there. A prior image with the bytes of the main one is a dummy: it is left out.

    Args:
        hub_set: one of HUB_SETS.
        section: the reference.
        split: as the data set names it.
        image_folder: where images go; paths in the samples are relative to it.
        prompt: for rows without default_prompt.
        repository: another hub id, or a local folder, of the same shape.
        configuration: another configuration.
        steps: filled with counts.
    """
    rows = _load(repository or hub_set.repository, configuration or hub_set.configurations[section], split)
    columns = set(rows.column_names)
    reference = next((name for name in (f"{section}_section", section) if name in columns), None)
    if reference is None or "main_image" not in columns:
        wanted = "main_image" if reference else f"{section}_section or {section}"
        raise InputError(
            f"no column {wanted}", where=repository or hub_set.repository, hint=f"it has: {', '.join(sorted(columns))}"
        )
    steps.update({"rows": len(rows), f"with {section}": 0})
    for number, row in enumerate(rows):
        if not one_line(as_text(row[reference])):
            continue
        steps[f"with {section}"] += 1
        dicom = as_text(row.get("dicom_id"))
        name = dicom or f"{number:06d}"
        current, prior = _bytes(row["main_image"]), _bytes(row.get("prior_image"))
        images = [_save(image_folder, name, current)]
        if prior and prior != current:
            images.append(_save(image_folder, f"{name}_prior", prior))
        sample: Built = {
            "question_id": dicom or number,
            "image": images,
            "text": one_line(as_text(row.get("default_prompt"))) or prompt,
            "reference": one_line(as_text(row[reference])),
        }
        ids = {key: as_id(as_text(row[key])) for key in ("subject_id", "study_id") if as_text(row.get(key))}
        if dicom:
            ids["dicom_id"] = dicom
        if view := as_text(row.get("ViewPosition")):
            ids["view"] = view
        yield sample | ids | {"has_prior": len(images) > 1, "split": split}


def _load(repository: str, configuration: str | None, split: str) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise InputError(
            "hub data sets need `datasets`, which is not installed", hint='pip install "libra-bench[hub-data]"'
        ) from error
    try:
        rows = datasets.load_dataset(repository, name=configuration, split=split)
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:  # not found, no access, no such split
        raise InputError(
            f"cannot be loaded ({first_line(error)})", where=repository, hint="check name, split, network and access"
        ) from error
    for column, feature in rows.features.items():
        if isinstance(feature, datasets.Image):
            rows = rows.cast_column(column, datasets.Image(decode=False))
    return rows


def _bytes(image: Any) -> bytes:
    if not image:
        return b""
    return image["bytes"] if image.get("bytes") else Path(image["path"]).read_bytes()


def _save(folder: Path, name: str, data: bytes) -> str:
    ending = ".jpg" if data[:2] == b"\xff\xd8" else ".png"
    with atomic_write(folder / f"{name}{ending}", "wb") as stream:
        stream.write(data)
    return f"{name}{ending}"
