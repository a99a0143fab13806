"""Write a tree shaped like MIMIC-CXR, with invented reports and grey images: for tests and timings.

    python scripts/make_fake_mimic.py --out fake --patients 200

Below OUT: mimic-cxr-jpg/2.0.0 (metadata, splits, files/p10/p10000032/s50414267/<dicom>.jpg), mimic-cxr/2.0.0 (the
reports, zipped or as files), mimic-diff-vqa/1.0.0 and mimic-ext-mimic-cxr-vqa/1.0.0. Same arguments, same bytes.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import itertools
import json
import random
import zipfile
from dataclasses import dataclass
from pathlib import Path

METADATA_COLUMNS = (
    "dicom_id",
    "subject_id",
    "study_id",
    "PerformedProcedureStepDescription",
    "ViewPosition",
    "Rows",
    "Columns",
    "StudyDate",
    "StudyTime",
    "ProcedureCodeSequence_CodeMeaning",
    "ViewCodeSequence_CodeMeaning",
    "PatientOrientationCodeSequence_CodeMeaning",
)
VIEWS = ("PA", "LATERAL", "AP", "AP", "LL", "")
SIZES = ("small", "moderate", "large")
FINDINGS = ("pleural effusion", "pneumothorax", "opacity", "edema", "cardiomegaly", "atelectasis")
CHANGES = ("unchanged", "increased", "decreased", "new", "improved")
REASONS = ("Cough and fever.", "Shortness of breath.", "Status post line placement,\n evaluate position.")


@dataclass(frozen=True)
class Study:
    """One study with its images."""

    subject: str
    study: str
    split: str
    date: str
    time: str
    images: tuple[tuple[str, str], ...]
    """(dicom_id, view)."""


def draw_studies(patients: int, seed: int, images_a_study: int | None) -> list[Study]:
    """Every patient has one to six studies; one patient in ten is for test, one for validation."""
    rng = random.Random(seed)
    studies = []
    for number in range(patients):
        split = {0: "test", 1: "validate"}.get(number % 10, "train")
        subject = str(10_000_000 + number * 97)
        for _ in range(rng.randint(1, 6)):
            date = f"{2110 + number % 80}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}"
            time = f"{rng.randint(0, 23)}{rng.randint(0, 59):02d}{rng.randint(0, 59):02d}.{rng.randint(0, 999):03d}"
            count = images_a_study or rng.randint(1, 3)
            images = tuple(
                ("-".join(f"{rng.getrandbits(32):08x}" for _ in range(5)), rng.choice(VIEWS)) for _ in range(count)
            )
            studies.append(Study(subject, str(50_000_000 + len(studies)), split, date, time, images))
    return studies


def report_text(study: Study, rng: random.Random) -> str:
    """An invented report; one in eight is odd: no headers, other headers, nothing at all."""
    what, other = rng.sample(FINDINGS, 2)
    change = rng.choice(CHANGES)
    findings = f"There is a {rng.choice(SIZES)} {what}, {change}.\n No {other}."
    title = " " * 33 + "FINAL REPORT\n"
    match rng.randrange(32):
        case 0:
            return ""
        case 1:
            return f"{title} \n {findings}\n"
        case 2:
            return f"{title} COMPARISON:  ___.\n \n {findings}\n \n As above.\n"
        case 3:
            return f"{title} \n Findings: {findings}\n \n IMPRESSION:  {what.capitalize()}, {change}.\n"
    context = f" EXAMINATION:  CHEST\n \n INDICATION:  {rng.choice(REASONS)}\n \n TECHNIQUE:  Chest PA and lateral\n \n"
    comparison = f" COMPARISON:  {rng.choice(['None.', '___.', 'Radiograph from ___.'])}\n \n"
    impression = f" IMPRESSION: \n \n {what.capitalize()}, {change}.\n" if rng.random() < 0.8 else ""
    return f"{title} \n{context}{comparison} FINDINGS: \n \n {findings}\n \n{impression}"


def report_bytes(study: Study, number: int, rng: random.Random) -> bytes:
    """The report as a file; a few have Windows line ends, a byte-order mark or another encoding."""
    text = report_text(study, rng)
    match number % 200:
        case 7:
            return text.replace("\n", "\r\n").encode()
        case 8:
            return text.encode("utf-8-sig")
        case 9:
            return text.replace("There is", "Siehe Büro: there is").encode("cp1252")
    return text.encode()


def write_fake_mimic(
    out: Path,
    *,
    patients: int,
    seed: int = 0,
    images: str = "jpg",
    reports: str = "zip",
    images_a_study: int | None = None,
) -> dict[str, int]:
    """Write the tree.

    Args:
        out: a folder.
        patients: one to six studies each.
        seed: the same seed gives the same bytes.
        images: "jpg", "dcm" or "none".
        reports: "zip" or "files".
        images_a_study: None: one to three.
    """
    studies = draw_studies(patients, seed, images_a_study)
    jpg, cxr = out / "mimic-cxr-jpg" / "2.0.0", out / "mimic-cxr" / "2.0.0"
    rows = [
        (
            *(dicom, study.subject, study.study, "CHEST (PA AND LAT)", view, "2544", "3056", study.date, study.time),
            *("CHEST (PA AND LAT)", view.lower(), "Erect"),
        )
        for study in studies
        for dicom, view in study.images
    ]
    random.Random(seed + 1).shuffle(rows)
    _write_gzip(jpg / "mimic-cxr-2.0.0-metadata.csv.gz", [METADATA_COLUMNS, *rows])
    splits = [(dicom, study.study, study.subject, study.split) for study in studies for dicom, _ in study.images]
    _write_gzip(jpg / "mimic-cxr-2.0.0-split.csv.gz", [("dicom_id", "study_id", "subject_id", "split"), *splits])
    _write_reports(cxr, studies, seed, zipped=reports == "zip")
    if images != "none":
        root = jpg if images == "jpg" else cxr
        for study in studies:
            for dicom, _ in study.images:
                _write_image(root / f"{image_path(study, dicom)}.{images}", int(dicom[:2], 16))
    _write_questions(out, studies, seed)
    return {"patients": patients, "studies": len(studies), "images": len(rows)}


def image_path(study: Study, dicom: str) -> str:
    """files/p10/p10000032/s50414267/<dicom>, without an ending."""
    return f"files/p{study.subject[:2]}/p{study.subject}/s{study.study}/{dicom}"


def _write_gzip(path: Path, rows: list[tuple[str, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    path.write_bytes(gzip.compress(text.getvalue().encode(), compresslevel=1, mtime=0))


def _write_reports(folder: Path, studies: list[Study], seed: int, *, zipped: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed + 2)
    files = (
        (f"files/p{study.subject[:2]}/p{study.subject}/s{study.study}.txt", report_bytes(study, number, rng))
        for number, study in enumerate(studies)
    )
    if zipped:
        with zipfile.ZipFile(folder / "mimic-cxr-reports.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in files:
                archive.writestr(zipfile.ZipInfo(name), data)
        return
    for name, data in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def _write_image(path: Path, grey: int) -> None:
    import numpy as np

    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.add.outer(np.arange(24), np.arange(32)).astype(np.uint8) + grey % 128
    if path.suffix == ".jpg":
        from PIL import Image

        Image.fromarray(pixels).save(path)
        return
    import pydicom
    from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

    record = pydicom.Dataset()
    record.file_meta = pydicom.dataset.FileMetaDataset()
    record.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    record.file_meta.MediaStorageSOPClassUID = CTImageStorage
    record.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    record.Rows, record.Columns = pixels.shape
    record.SamplesPerPixel, record.BitsAllocated, record.BitsStored, record.HighBit = 1, 16, 12, 11
    record.PixelRepresentation, record.PhotometricInterpretation = 0, "MONOCHROME2"
    record.PixelData = (pixels.astype("<u2") * 16).tobytes()
    record.save_as(path, enforce_file_format=True)


def _write_questions(out: Path, studies: list[Study], seed: int) -> None:
    rng = random.Random(seed + 3)
    by_patient: dict[str, list[Study]] = {}
    for study in studies:
        by_patient.setdefault(study.subject, []).append(study)
    pairs: list[tuple[str, ...]] = [
        ("study_id", "subject_id", "ref_id", "question_type", "question", "answer", "split")
    ]
    diff_split = {"train": "train", "validate": "val", "test": "test"}
    for visits in by_patient.values():
        for before, study in itertools.pairwise(visits):
            what = rng.choice(FINDINGS)
            question = "what has changed compared to the reference image?"
            answer = f"the main image has an additional finding of {what} than the reference image. "
            ids = (study.study, study.subject, before.study)
            pairs.append((*ids, "difference", question, answer, diff_split[study.split]))
            pairs.append((*ids, "presence", f"is there evidence of {what}?", "yes", diff_split[study.split]))
    folder = out / "mimic-diff-vqa" / "1.0.0"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "mimic_pair_questions.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(pairs)
    folder = out / "mimic-ext-mimic-cxr-vqa" / "1.0.0" / "dataset"
    folder.mkdir(parents=True, exist_ok=True)
    for split, name in (("train", "train"), ("validate", "valid"), ("test", "test")):
        items = [_question(study, name, number, rng) for number, study in enumerate(studies) if study.split == split]
        (folder / f"{name}.json").write_text(json.dumps(items))


def _question(study: Study, split: str, number: int, rng: random.Random) -> dict[str, object]:
    dicom = study.images[0][0]
    return {
        "split": split,
        "idx": number,
        "subject_id": study.subject,
        "study_id": study.study,
        "image_id": dicom,
        "image_path": f"{image_path(study, dicom).removeprefix('files/')}.jpg",
        "question": "What anatomical findings can be seen?",
        "semantic_type": "query",
        "content_type": "abnormality",
        "template": "What anatomical findings can be seen?",
        "template_program": "program_5",
        "template_arguments": {},
        "answer": rng.sample(FINDINGS, rng.randint(0, 2)),
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--patients", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images", choices=("jpg", "dcm", "none"), default="jpg")
    parser.add_argument("--reports", choices=("zip", "files"), default="zip")
    parser.add_argument("--images-a-study", type=int)
    options = vars(parser.parse_args())
    print(json.dumps(write_fake_mimic(options.pop("out"), **options)))


if __name__ == "__main__":
    main()
