"""CheXTemporal: expert labels of progression for pairs of images of CheXpert, MIMIC-CXR and ReXGradient.

Layout (the data set's page on the hub): `gold_progression_pairs.parquet`, a row per pair and finding: patient_id,
study_id_prev, study_id_curr, img_path_prev, img_path_curr, disease_name, progression (New, Worse, Stable, Improved,
Resolved), dataset. It has no images and no reports; image paths are relative to one root with a folder per data
set.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from benchmarks.errors import InputError
from benchmarks.prepare.datasets.layout import Prepared, find_file, progression_labels
from benchmarks.prepare.frames import read_frame
from benchmarks.prepare.output import Built

if TYPE_CHECKING:
    import pandas as pd

DATA_SET = "CheXTemporal"
TABLE = "gold_progression_pairs.parquet"
WORDS = ("new", "worse", "stable", "improved", "resolved")
_PAIR = ("dataset", "patient_id", "study_id_curr", "study_id_prev", "img_path_curr", "img_path_prev")


def chextemporal(
    source: Path, *, data_set: str | None, prompt: str, steps: dict[str, int], image_root: Path | None = None
) -> Prepared:
    """One sample per pair of images of the gold labels.

    Args:
        source: the table, or its folder.
        data_set: only pairs of this one (chexpert, mimic, rexgradient); None: all.
        prompt: the whole prompt.
        steps: filled with how many pairs are left after each step.
        image_root: the folder that image paths are relative to; None: the table's.

    Raises:
        InputError: the file is missing or has another layout.
    """
    path = find_file(source, TABLE, "*progression_pairs*", DATA_SET)
    frame = read_frame(path, (*_PAIR, "disease_name", "progression"))
    known = sorted(frame["dataset"].unique())
    if data_set is not None and data_set not in known:
        raise InputError(f"no pairs of {data_set!r}", where=path, hint=f"it has: {', '.join(known)}")
    return Prepared(_samples(frame, path, data_set, prompt, steps), image_root or path.parent, (path,))


def _samples(
    frame: pd.DataFrame, path: Path, data_set: str | None, prompt: str, steps: dict[str, int]
) -> Iterator[Built]:
    pairs: dict[tuple[str, ...], dict[str, str]] = {}
    columns = (*_PAIR, "disease_name", "progression")
    for number, cells in enumerate(zip(*(frame[column] for column in columns), strict=True), start=1):
        pair, (finding, word) = cells[: len(_PAIR)], (cell.strip() for cell in cells[len(_PAIR) :])
        labels = pairs.setdefault(pair, {})
        name = finding.replace("_", " ").lower()
        if labels.setdefault(name, word.lower()) != word.lower():
            raise InputError(
                f"{finding} of one pair is both {labels[name]} and {word.lower()}", where=f"{path}: row {number}",
                hint="drop one of the rows",
            )  # fmt: skip
    steps.update({"rows in the table": len(frame), "pairs": len(pairs)})
    chosen = {pair: labels for pair, labels in pairs.items() if data_set in (None, pair[0])}
    steps["labels"] = sum(map(len, chosen.values()))
    for pair, words in chosen.items():
        corpus, patient, study, before, image, prior = pair
        yield {
            "question_id": f"{corpus}-{patient}-{study}-{before}-{PurePosixPath(image).stem}",
            "image": [image.lstrip("/"), prior.lstrip("/")],
            "text": prompt,
            "labels": progression_labels(words, WORDS, f"{path}: {patient} {study}"),
            "subject_id": f"{corpus}-{patient}",
            "study_id": study,
            "prior_study_id": before,
            "data_set": corpus,
            "has_prior": True,
        }
