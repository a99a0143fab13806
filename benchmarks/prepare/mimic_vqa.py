"""The two question sets on MIMIC-CXR: MIMIC-Ext-MIMIC-CXR-VQA (label lists) and MIMIC-Diff-VQA (with a prior image)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.errors import InputError
from benchmarks.files.numbers import as_id
from benchmarks.prepare.frames import read_frame
from benchmarks.prepare.json_file import as_text, read_json_list
from benchmarks.prepare.mimic import MimicFolder, Split
from benchmarks.prepare.output import NO_LABELS, Built
from benchmarks.prepare.priors import FRONTAL_VIEWS, image_paths

if TYPE_CHECKING:
    import pandas as pd

_VQA_SPLIT: Mapping[Split, str] = {"train": "train", "validate": "valid", "test": "test"}
_DIFF_SPLIT: Mapping[Split, str] = {"train": "train", "validate": "val", "test": "test"}
_VQA_NEEDS = ("question", "answer", "image_path")


def find_vqa(folder: MimicFolder, split: Split) -> Path:
    """The split's JSON of MIMIC-Ext-MIMIC-CXR-VQA below the root."""
    name = f"{_VQA_SPLIT[split]}.json"
    return folder.find((f"*mimic-cxr-vqa*/{name}", f"dataset/{name}"), "--source")


def vqa_samples(source: Path, split: Split, views: Mapping[str, str], *, steps: dict[str, int]) -> Iterator[Built]:
    """One sample per question; always one image; the answer list becomes `labels`.

    Args:
        source: the split's JSON list.
        split: rows that state another split are skipped.
        views: dicom_id -> view, as far as known.
        steps: filled with counts.
    """
    rows = read_json_list(source)
    steps["questions in the file"] = len(rows)
    wanted = _VQA_SPLIT[split]
    for number, row in enumerate(rows):
        if row.get("split", wanted) not in (wanted, split):
            continue
        where = f"{source}: item {number + 1}"
        missing = [key for key in _VQA_NEEDS if key not in row]
        if missing:
            raise InputError(f"{missing[0]} is missing", where=where, hint="give a file of MIMIC-Ext-MIMIC-CXR-VQA")
        labels = row["answer"]
        if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
            raise InputError("answer is not a list of texts", where=where, hint="give the file as it was published")
        image = as_text(row["image_path"]).lstrip("/")
        dicom = as_text(row.get("image_id", "")) or Path(image).stem
        sample: Built = {
            "question_id": f"vqa-{wanted}-{row.get('idx', number)}",
            "image": [image if image.startswith("files/") else f"files/{image}"],
            "text": as_text(row["question"]),
            "reference": ", ".join(labels) or NO_LABELS,
            "labels": labels,
        }
        for key in ("semantic_type", "content_type", "template"):
            if key in row:
                sample[key] = row[key]
        for key in ("subject_id", "study_id"):
            if key in row:
                sample[key] = as_id(as_text(row[key]))
        steps["questions of the split"] = steps.get("questions of the split", 0) + 1
        yield sample | {"dicom_id": dicom, "view": views.get(dicom, ""), "has_prior": False, "split": split}


def find_diff_vqa(folder: MimicFolder) -> Path:
    """MIMIC-Diff-VQA's question table below the root."""
    return folder.find(("mimic_pair_questions.csv", "mimic_pair_questions.csv.gz"), "--source")


def diff_vqa_samples(source: Path, split: Split, metadata: pd.DataFrame, *, steps: dict[str, int]) -> Iterator[Built]:
    """One sample per question: the main study's image is the current one, the reference study's the prior one.

    A study's image is that of `mimic_all.csv` beside the questions, if that is there; else the study's first frontal
    one, PA before AP.

    Args:
        source: mimic_pair_questions.csv.
        split: the split to take.
        metadata: MIMIC-CXR's images (subject_id, study_id, dicom_id, ViewPosition).
        steps: filled with counts.
    """
    needs = ["study_id", "subject_id", "ref_id", "question_type", "question", "answer", "split"]
    questions = read_frame(source, needs)
    steps["questions in the file"] = len(questions)
    unknown = sorted(set(questions["split"]) - set(_DIFF_SPLIT.values()))
    if unknown:
        raise InputError(f"unknown split {unknown[0]!r}", where=source, hint="give the file as it was published")
    steps["questions of the split"] = int((questions["split"] == _DIFF_SPLIT[split]).sum())
    steps["with an answer"] = steps["whose images are known"] = 0
    image_of = _study_images(source, metadata)
    for number, row in enumerate(zip(*(questions[column] for column in needs), strict=True)):
        study, subject, reference_study, kind, question, answer, stated = (cell.strip() for cell in row)
        if stated != _DIFF_SPLIT[split] or not answer:
            continue
        steps["with an answer"] += 1
        current, prior = image_of.get(study), image_of.get(reference_study)
        if current is None or (reference_study and prior is None):
            continue
        steps["whose images are known"] += 1
        dicom, view, image = current
        yield {
            "question_id": f"diff-{number}",
            "image": [image, prior[2]] if prior else [image],
            "text": question,
            "reference": answer,
            "question_type": kind,
            "subject_id": as_id(subject),
            "study_id": as_id(study),
            "ref_id": as_id(reference_study),
            "dicom_id": dicom,
            "view": view,
            "has_prior": prior is not None,
            "split": split,
        }


def _study_images(source: Path, metadata: pd.DataFrame) -> dict[str, tuple[str, str, str]]:
    """Study -> (dicom_id, view, image path)."""
    images = metadata.assign(image=image_paths(metadata))
    chosen = source.with_name("mimic_all.csv")
    if chosen.is_file():
        images = images[images["dicom_id"].isin(set(read_frame(chosen, ["study_id", "dicom_id"])["dicom_id"]))]
    else:
        rank = images["ViewPosition"].map({view: place for place, view in enumerate(FRONTAL_VIEWS)})
        images = images.assign(rank=rank).dropna(subset="rank").sort_values("rank", kind="stable")
    images = images.drop_duplicates("study_id")
    columns = (images[column] for column in ("study_id", "dicom_id", "ViewPosition", "image"))
    return {study: (dicom, view, image) for study, dicom, view, image in zip(*columns, strict=True)}
