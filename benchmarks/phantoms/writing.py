"""Write phantoms as files: images, the five evaluation suites and training data, in the published formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.catalog import CONTEXT, FINDINGS_PROMPT, IMPRESSION_PROMPT
from benchmarks.errors import InputError, StorageError
from benchmarks.files import write_json, write_jsonl
from benchmarks.phantoms.drawing import draw_study
from benchmarks.phantoms.history import Patient, Visit, draw_patient
from benchmarks.phantoms.lateral import draw_lateral
from benchmarks.phantoms.stream import Stream
from benchmarks.phantoms.wording import (
    Asked,
    changes,
    difference_questions,
    findings_text,
    impression_text,
    questions,
)
from benchmarks.schema import PRIOR_REPORT, frontal_images

Record = dict[str, Any]

SMALLEST_IMAGE = 28
"""Pixels per side; below it no finding can be seen."""


@dataclass(frozen=True, slots=True)
class Study:
    """A visit with everything that is written about it."""

    patient: Patient
    visit: Visit
    prior: Visit | None
    """The visit before, or None at the first."""
    before_prior: Visit | None = None
    """The visit before that, which the prior report compares with."""
    laterals: bool = True
    """Whether patients who can stand (those with PA views) get lateral views, too."""

    @property
    def images(self) -> list[str]:
        """Paths of the current and, where there is one, the prior picture."""
        return [self._path(visit) for visit in (self.visit, self.prior) if visit is not None]

    @property
    def by_role(self) -> list[str] | dict[str, str]:
        """Every picture: an object with its role where there are lateral ones, else a list."""
        if not self.has_lateral:
            return self.images
        named = {"current": self._path(self.visit), "lateral": self._path(self.visit, "-lateral")}
        if self.prior is not None:
            named |= {"prior": self._path(self.prior), "prior_lateral": self._path(self.prior, "-lateral")}
        return named

    @property
    def has_lateral(self) -> bool:
        """Whether there is a lateral view of each visit."""
        return self.laterals and self.patient.view == "PA"

    def _path(self, visit: Visit, view: str = "") -> str:
        return f"images/{self.patient.number:05d}/{visit.number}{view}.png"

    def stream(self, task: int, visit: Visit | None = None) -> Stream:
        """The words of each task have random numbers of their own, so that one doesn't move another."""
        return Stream(self.patient.seed, self.patient.number, 3, (visit or self.visit).number, task)

    def context(self) -> Record:
        """What a radiologist knows before reading, as fields: why and how, compared with what, what was said then."""
        views = "PA and lateral views" if self.has_lateral else f"{self.patient.view} view"
        known: Record = {
            "indication": self.visit.indication,
            "technique": f"{views} of the chest.",
            "comparison": "None." if self.prior is None else "The prior study.",
        }
        if self.prior is not None:
            findings = findings_text(self.prior, self.before_prior, self.stream(0, self.prior))
            impression = impression_text(self.prior, self.before_prior, self.stream(1, self.prior))
            known[PRIOR_REPORT] = f"Findings: {findings} Impression: {impression}"
        return known

    def identity(self) -> Record:
        """Whose study it is, as fields of every record."""
        return {
            "subject_id": self.patient.subject_id,
            "study_id": self.patient.study_id(self.visit),
            "view": self.patient.view,
            "has_prior": self.prior is not None,
        }

    def truth(self) -> Record:
        """What was drawn: what the picture shows, and what changed since the prior one."""
        return {
            "finding_labels": [finding.name for finding in self.visit.present],
            "changes": [
                {"finding": finding.kind, "side": finding.side or None, "direction": way}
                for finding, way in changes(self.visit, self.prior)
            ],
        }


def findings_records(study: Study) -> list[Record]:
    """The evaluation record of the findings task."""
    return [_report(study, FINDINGS_PROMPT, findings_text(study.visit, study.prior, study.stream(0)))]


def impression_records(study: Study) -> list[Record]:
    """The evaluation record of the impression task."""
    return [_report(study, IMPRESSION_PROMPT, impression_text(study.visit, study.prior, study.stream(1)))]


def vqa_records(study: Study) -> list[Record]:
    """Questions about the current picture alone."""
    return [
        _question(study, study.images[:1], number, asked)
        for number, asked in enumerate(questions(study.visit, study.stream(2)), start=1)
    ]


def difference_records(study: Study) -> list[Record]:
    """Questions about both images; none for a first visit."""
    if study.prior is None:
        return []
    return [
        _question(study, study.images, number, asked)
        for number, asked in enumerate(difference_questions(study.visit, study.prior, study.stream(3)), start=1)
    ]


def temporal_records(study: Study) -> list[Record]:
    """The findings task with labels of progression, drawn and so exact; none for a first visit."""
    if study.prior is None:
        return []
    labels = [f"{finding.side} {finding.kind}: {way}".strip() for finding, way in changes(study.visit, study.prior)]
    return [record | {"labels": labels} for record in findings_records(study)]


TASKS: dict[str, Callable[[Study], list[Record]]] = {
    "findings": findings_records,
    "impressions": impression_records,
    "vqa": vqa_records,
    "diff-vqa": difference_records,
    "temporal": temporal_records,
}
"""File name -> its records."""
ALIGNMENT = ("findings", "impressions", "vqa", "diff-vqa")
"""The tasks that alignment data mix."""


def _report(study: Study, prompt: str, reference: str) -> Record:
    return {
        "question_id": study.patient.study_id(study.visit),
        "image": study.by_role,
        "text": f"{prompt} {CONTEXT} Indication: {study.visit.indication}",
        "reference": reference,
        **study.identity(),
        **study.context(),
        **study.truth(),
    }


def _question(study: Study, images: Sequence[str], number: int, asked: Asked) -> Record:
    return {
        "question_id": f"{study.patient.study_id(study.visit)}-q{number}",
        "image": list(images),
        "text": asked.text,
        "answer": asked.answer,
        "labels": list(asked.labels),
        "question_type": asked.question_type,
        "semantic_type": asked.semantic_type,
        **study.identity(),
        "has_prior": len(images) > 1,  # a question about one picture is asked without the prior one
        **({PRIOR_REPORT: study.context()[PRIOR_REPORT]} if len(images) > 1 else {}),
    }


def training_record(record: Record) -> Record:
    """An evaluation record as a training sample of one turn."""
    return {
        "id": record["question_id"],
        "image": frontal_images(record["image"]),
        "conversations": [
            {"from": "human", "value": f"<image>\n{record['text']}"},
            {"from": "gpt", "value": record.get("reference", record.get("answer"))},
        ],
    }


def phantom_studies(patients: int, seed: int, *, laterals: bool = True) -> Iterator[Study]:
    """Every study of so many patients, patient by patient, in order of time."""
    for number in range(1, patients + 1):
        patient = draw_patient(seed, number)
        visits = patient.visits
        for visit, prior, before in zip(visits, (None, *visits), (None, None, *visits), strict=False):
            yield Study(patient, visit, prior, before, laterals)


def write_images(study: Study, out: Path, image_size: int) -> int:
    """Draw the study's own pictures into `out` as 8-bit PNG files, the lateral one half as large; returns how many.

    Raises:
        StorageError: one cannot be written.
    """
    pictures = {study.images[0]: draw_study(study.patient, study.visit, image_size)}
    if isinstance(study.by_role, dict):
        size = max(SMALLEST_IMAGE, image_size // 2)
        pictures[study.by_role["lateral"]] = draw_lateral(study.patient, study.visit, size)
    for name, picture in pictures.items():
        _write_picture(picture, out / name)
    return len(pictures)


def _write_picture(picture: npt.NDArray[np.uint8], path: Path) -> None:
    from PIL import Image

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path, "PNG", optimize=True)
    except OSError as error:
        raise StorageError(
            f"cannot write ({error.strerror or error})", where=path, hint="free some space or choose another folder"
        ) from error


def write_phantoms(
    out: Path,
    *,
    patients: int,
    seed: int,
    image_size: int = 224,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, int]:
    """Write a phantom data set: the same arguments give the same bytes (with the same Pillow).

    Into `out` go `images/`, the suites `findings.jsonl`, `impressions.jsonl`, `vqa.jsonl`, `diff-vqa.jsonl` and
    `temporal.jsonl`, and training data: `train.json` (findings) and `train-align.json` (the tasks of ALIGNMENT).
    Patients of different seeds differ.

    Args:
        out: a folder; files of the same names are replaced.
        patients: each has two to five visits.
        seed: a whole number from 0.
        image_size: pixels per side.
        progress: called with (patients drawn, all).

    Returns:
        The number of patients, of images, and of records in each file.

    Raises:
        InputError: a number that makes no sense. StorageError: a file cannot be written.
    """
    if patients < 1:
        raise InputError(f"patients must be at least 1, not {patients}", where="--patients", hint="ask for more")
    if seed < 0:
        raise InputError(f"the seed must be 0 or more, not {seed}", where="--seed", hint="take another")
    if image_size < SMALLEST_IMAGE:
        raise InputError(
            f"the image size must be at least {SMALLEST_IMAGE}, not {image_size}",
            where="--image-size",
            hint="take more",
        )
    records: dict[str, list[Record]] = {task: [] for task in TASKS}
    images = 0
    drawn: set[str] = set()
    for study in phantom_studies(patients, seed):
        images += write_images(study, out, image_size)
        drawn.add(study.patient.subject_id)
        progress(len(drawn), patients)
        for task, make in TASKS.items():
            records[task] += make(study)
    for task, of_task in records.items():
        write_jsonl(out / f"{task}.jsonl", of_task)
    training = {
        "train.json": [training_record(record) for record in records["findings"]],
        "train-align.json": [training_record(record) for task in ALIGNMENT for record in records[task]],
    }
    for name, samples in training.items():
        write_json(out / name, samples)
    counts = {task: len(of_task) for task, of_task in records.items()}
    return {"patients": patients, "images": images, **counts, **{name: len(made) for name, made in training.items()}}
