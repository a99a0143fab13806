"""CheXpert Plus: one table with a row per image; reports are repeated on each image of a study.

Layout (the data set's documentation): `df_chexpert_plus_240401.csv`, `path_to_image` as
`train/patient1/study1/view1_frontal.jpg`; splits train and valid. Images as PNG (`PNG/train/...`), as JPEG (CheXpert's
own) or as DICOM. There are no dates: `patient_report_date_order` numbers the reports of a patient.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from benchmarks.errors import InputError
from benchmarks.prepare.datasets.layout import Prepared, age_in_years, filled, find_file, sex_letter
from benchmarks.prepare.datasets.studies import Study, study_samples
from benchmarks.prepare.frames import read_frame
from benchmarks.prepare.image_root import find_image_root
from benchmarks.prepare.mimic_reports import Section

DATA_SET = "CheXpert Plus"
TABLE = "df_chexpert_plus_240401.csv"
SPLITS = ("train", "valid")
_FOLDERS = ("PNG", "DICOM", "CheXpert-v1.0", "CheXpert-v1.0-small", ".")
_SECTIONS = {
    "findings": "section_findings",
    "impression": "section_impression",
    "indication": "section_clinical_history",
    "history": "section_history",
    "comparison": "section_comparison",
    "technique": "section_technique",
}
_NEEDS = (
    "path_to_image", "frontal_lateral", "ap_pa", "deid_patient_id", "patient_report_date_order", "age", "sex", "split",
    *_SECTIONS.values(),
)  # fmt: skip
_ALSO = ("race", "ethnicity", "insurance_type")


def chexpert_plus(
    source: Path,
    split: str,
    section: Section,
    *,
    prompt: str,
    context: bool,
    steps: dict[str, int],
    image_root: Path | None = None,
) -> Prepared:
    """The studies of a split.

    Args:
        source: the folder of the data set, or its table.
        split: train or valid; there is no other.
        section: what is to be written.
        prompt: without clinical context.
        context: put the clinical context behind the prompt, and into fields of its own.
        steps: filled with how many studies are left after each step.
        image_root: where the images are; None: looked for beside the table.

    Raises:
        InputError: a file is missing or has another layout, or an image is listed twice.
    """
    path = find_file(source, TABLE, "df_chexpert_plus_*.csv", DATA_SET)
    studies = list(_studies(path))
    root = path.parent
    shown = [study.frontal for study in studies if study.frontal][:50]
    roots = [image_root] if image_root else [root / name for name in _FOLDERS if (root / name).is_dir()]
    found, ending = find_image_root(roots, shown, root)
    samples = study_samples(studies, section, split=split, prompt=prompt, context=context, steps=steps)
    note = "priors follow patient_report_date_order: the data set has no dates to check it against"
    return Prepared(samples, found, (path,), ending=ending, notes=(note,))


def _studies(path: Path) -> Iterator[Study]:
    frame = read_frame(path, _NEEDS)
    if strange := sorted(set(frame["split"].unique()) - set(SPLITS)):
        raise InputError(f"unknown split {strange[0]!r}", where=path, hint=f"expected {', '.join(SPLITS)}")
    twice = frame.loc[frame["path_to_image"].duplicated(), "path_to_image"]
    if len(twice):
        raise InputError(f"image {twice.iloc[0]} is listed twice", where=path, hint="download the table again")
    also = [column for column in _ALSO if column in frame.columns]
    columns = [*_NEEDS, *also]
    rows: dict[str, list[dict[str, str]]] = {}
    for cells in zip(*(frame[column] for column in columns), strict=True):
        row = dict(zip(columns, cells, strict=True))
        rows.setdefault(str(PurePosixPath(row["path_to_image"]).parent), []).append(row)
    for folder, images in rows.items():
        frontal = next((row for row in images if row["frontal_lateral"] == "Frontal"), None)
        lateral = next((row for row in images if row["frontal_lateral"] == "Lateral"), None)
        first = frontal or images[0]
        order = first["patient_report_date_order"].partition(".")[0]
        yield Study(
            study_id="_".join(PurePosixPath(folder).parts[-2:]),
            patient=first["deid_patient_id"],
            frontal=frontal["path_to_image"] if frontal else "",
            lateral=lateral["path_to_image"] if lateral else "",
            sections={name: first[column] for name, column in _SECTIONS.items()},
            moment=order.zfill(8) if order.isdecimal() else "",
            split=first["split"],
            fields=filled(
                {
                    "view": frontal["ap_pa"] if frontal else "",
                    "age": age_in_years(first["age"]),
                    "sex": sex_letter(first["sex"]),
                    **{column: first[column] for column in also},
                }
            ),
        )
