"""PadChest-GR: reports as lists of sentences, each with boxes and, where there is a prior study, a progression.

Layout (the data set's documentation): `grounded_reports_20240819.json`, a list of {StudyID, ImageID, PreviousStudyID,
PreviousImageID, findings: [{sentence_en, sentence_es, abnormal, boxes, extra_boxes, labels, locations, progression}]};
`master_table.csv`, a row per sentence, with split, patient, sex, age and date. Images are looked for by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from benchmarks.errors import InputError
from benchmarks.prepare.datasets.layout import (
    Prepared,
    age_in_years,
    filled,
    find_file,
    image_files,
    iso_date,
    need_keys,
    progression_labels,
    sex_letter,
)
from benchmarks.prepare.frames import read_frame
from benchmarks.prepare.json_file import as_text, read_json_list
from benchmarks.prepare.output import Built, image_list, one_line

DATA_SET = "PadChest-GR"
REPORTS, MASTER = "grounded_reports_20240819.json", "master_table.csv"
Language: TypeAlias = Literal["en", "es"]
LANGUAGES: tuple[Language, ...] = ("en", "es")
PROGRESSIONS = ("new", "worsened", "stable", "improved", "resolved")
"""Words of `progression` that are understood."""
_STUDY = ("StudyID", "ImageID", "PreviousStudyID", "PreviousImageID", "findings")
_SENTENCE = ("sentence_en", "sentence_es", "abnormal", "boxes", "extra_boxes", "labels", "locations", "progression")
_TABLE = ("StudyID", "split", "PatientID", "PatientSex_DICOM", "PatientAge", "StudyDate_DICOM")


def padchest_gr(
    source: Path,
    split: str,
    *,
    language: Language,
    prompt: str,
    steps: dict[str, int],
    image_root: Path | None = None,
) -> Prepared:
    """One sample per study: the reference is the sentences of its report, in their order.

    Args:
        source: the folder of the data set.
        split: as the master table names it.
        language: of the sentences.
        prompt: the whole prompt; the data set has no clinical context.
        steps: filled with how many studies are left after each step.
        image_root: where the images are; None: the folder of the reports.

    Raises:
        InputError: a file is missing or has another layout.
    """
    reports = find_file(source, REPORTS, "grounded_reports_*.json", DATA_SET)
    table = find_file(reports.parent, MASTER, "master_table*.csv", DATA_SET)
    root = image_root or reports.parent
    samples = _samples(reports, table, split, language, prompt, steps, image_files(root))
    return Prepared(samples, root, (reports, table))


def _samples(
    reports: Path,
    table: Path,
    split: str,
    language: Language,
    prompt: str,
    steps: dict[str, int],
    files: Mapping[str, str],
) -> Iterator[Built]:
    entries = read_json_list(reports)
    text_of = {}
    for number, entry in enumerate(entries, start=1):
        where = f"{reports}: item {number}"
        need_keys(entry, _STUDY, where, DATA_SET)
        text_of[as_text(entry["StudyID"])] = _report(entry, language, where)
    known = _table(table)
    splits = sorted({row["split"] for row in known.values()})
    if split not in splits:
        raise InputError(f"no study of the split {split!r}", where=table, hint=f"it has: {', '.join(splits)}")
    steps["studies in the files"] = len(entries)
    steps[f"of the split {split}"] = steps["with sentences"] = 0
    for entry in entries:
        study, where = as_text(entry["StudyID"]), f"{reports}: study {entry['StudyID']}"
        row = known.get(study)
        if row is None or row["split"] != split:
            continue
        steps[f"of the split {split}"] += 1
        sentences = [_sentence(item, language, where) for item in _findings(entry, where)]
        if not text_of[study]:
            continue
        steps["with sentences"] += 1
        prior_study, prior_image = as_text(entry["PreviousStudyID"]), as_text(entry["PreviousImageID"])
        images = [files.get(name, name) for name in image_list(as_text(entry["ImageID"]), prior_image)]
        labels = [
            f"{label}: {item['progression']}" for item in sentences if item["progression"] for label in item["labels"]
        ]
        before = known.get(prior_study, {})
        date, prior_date = (iso_date(one.get("StudyDate_DICOM")) for one in (row, before))
        yield {
            "question_id": study,
            "image": images,
            "text": prompt,
            "reference": text_of[study],
            **({"labels": labels} if labels else {}),
            "subject_id": row["PatientID"],
            "study_id": study,
            "has_prior": bool(prior_image),
            **filled(
                {
                    "prior_report": text_of.get(prior_study, ""),
                    "age": age_in_years(row["PatientAge"]),
                    "sex": sex_letter(row["PatientSex_DICOM"]),
                    "study_date": date,
                    "prior_date": prior_date,
                }
            ),
            "sentences": sentences,
            "split": split,
        }


def _table(path: Path) -> dict[str, dict[str, str]]:
    """Study -> its first row."""
    frame = read_frame(path, _TABLE).drop_duplicates("StudyID")
    rows = zip(*(frame[column] for column in _TABLE), strict=True)
    return {cells[0]: dict(zip(_TABLE, cells, strict=True)) for cells in rows}


def _findings(entry: Mapping[str, Any], where: str) -> Sequence[dict[str, Any]]:
    findings = entry["findings"]
    if not isinstance(findings, list) or not all(isinstance(item, dict) for item in findings):
        raise InputError(
            f"findings is no list of objects: not the known layout of {DATA_SET}",
            where=where,
            hint="give the file as it was published",
        )
    return findings


def _report(entry: Mapping[str, Any], language: Language, where: str) -> str:
    texts = [as_text(item.get(f"sentence_{language}")) for item in _findings(entry, where)]
    return one_line(" ".join(texts))


def _sentence(item: Mapping[str, Any], language: Language, where: str) -> dict[str, Any]:
    """A sentence with what is known of it; boxes as [x1, y1, x2, y2], 0 to 1 of width and height."""
    need_keys(item, _SENTENCE, where, DATA_SET)
    progression = as_text(item["progression"]).lower()
    progression_labels({"a sentence": progression}, PROGRESSIONS, where)
    listed = {key: item[key] or [] for key in ("labels", "locations", "boxes", "extra_boxes")}
    for key, value in listed.items():
        if not isinstance(value, list):
            raise InputError(
                f"{key} of a sentence is no list: not the known layout of {DATA_SET}",
                where=where,
                hint="give the file as it was published",
            )
    return {
        "text": one_line(as_text(item[f"sentence_{language}"])),
        "abnormal": item["abnormal"],
        **listed,
        "progression": progression or None,
    }
