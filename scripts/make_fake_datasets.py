"""Write folders shaped like published data sets, with phantoms instead of patients: for tests and for trying a builder.

    python scripts/make_fake_datasets.py --out fakes --patients 6 [--only rexgradient,padchest-gr]

Below OUT one folder per data set, as it is after the download: rexgradient, rexvqa, chexpert-plus, padchest-gr,
iu-xray, vqa-rad, slake, ms-cxr-t (with the MIMIC-CXR images and reports that it needs), chextemporal. Reports are the
phantoms' own sentences. Every sixth study has an empty findings section, every seventh no frontal image. The same
arguments give the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.phantoms.drawing import draw_study
from benchmarks.phantoms.lateral import draw_lateral
from benchmarks.phantoms.wording import changes, findings_text, impression_text
from benchmarks.phantoms.writing import Study, phantom_studies

IMAGE_SIZE = 32
SEXES = ("M", "F")
HUB_VIEWS = {"PA": "POSTERO_ANTERIOR", "AP": "ANTERO_POSTERIOR"}
"""Both spellings occur in ReXGradient-160K."""


_DRAWN: dict[tuple[str, bool], Any] = {}
"""Study, and whether it is the lateral view -> its picture: every data set shows the same phantoms."""


def _draw(path: Path, study: Study, *, lateral: bool = False) -> None:
    from PIL import Image

    name = study.patient.study_id(study.visit), lateral
    if name not in _DRAWN:
        draw = draw_lateral if lateral else draw_study
        _DRAWN[name] = Image.fromarray(draw(study.patient, study.visit, IMAGE_SIZE))
    path.parent.mkdir(parents=True, exist_ok=True)
    _DRAWN[name].save(path)


def _json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")


def _csv(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _findings(study: Study, number: int) -> str:
    return "" if number % 6 == 5 else findings_text(study.visit, study.prior, study.stream(0))


def _impression(study: Study) -> str:
    return impression_text(study.visit, study.prior, study.stream(1))


def _date(study: Study) -> str:
    return f"2014{study.visit.number:02d}{1 + study.patient.number % 28:02d}"


def _age(study: Study) -> int:
    return 30 + study.patient.number % 50


def _sex(study: Study) -> str:
    return SEXES[study.patient.number % 2]


def _has_frontal(number: int) -> bool:
    return number % 7 != 6


def _hub_entries(out: Path, studies: Sequence[Study]) -> dict[str, dict[str, Any]]:
    """Studies as ReXGradient-160K's JSON has them, their images drawn."""
    entries = {}
    for number, study in enumerate(studies):
        folder = f"deid_png/P{study.patient.number:04d}/A{number:04d}/studies/1.{number}/series/1/instances"
        frontal = HUB_VIEWS[study.patient.view] if number % 3 == 2 else study.patient.view
        views = ["LATERAL", frontal] if _has_frontal(number) else ["LATERAL", "AP AXIAL"]
        images = [f"{folder}/{view}.png" for view in views]
        for view, image in zip(views, images, strict=True):
            _draw(out / image, study, lateral=view == "LATERAL")
        entries[f"pP{study.patient.number:04d}_aA{number:04d}_s1.{number}"] = {
            "PatientID": f"pP{study.patient.number:04d}",
            "AccessionNumber": f"aA{number:04d}",
            "StudyInstanceUid": f"s1.{number}",
            "PatientSex": _sex(study),
            "PatientAge": f"{_age(study):03d}Y",
            "StudyDate": _date(study),
            "Indication": study.visit.indication,
            "Comparison": "Earlier radiograph." if study.prior else "None.",
            "Findings": _findings(study, number),
            "Impression": _impression(study),
            "ImagePath": [f"../{image}" for image in images],
            "ImageViewPosition": views,
        }
    return entries


def rexgradient(out: Path, studies: Sequence[Study]) -> None:
    """metadata/test_metadata_view_position.json and deid_png/."""
    _json(out / "metadata/test_metadata_view_position.json", _hub_entries(out, studies))


def rexvqa(out: Path, studies: Sequence[Study]) -> None:
    """metadata/test_vqa_data.json, and the images of ReXGradient-160K beside it."""
    questions = {}
    for number, (name, entry) in enumerate(_hub_entries(out, studies).items()):
        options = [
            "A. A right pleural effusion",
            "B. A pneumothorax",
            "C. No pleural effusion or pneumothorax",
            "D. A PICC",
        ]
        questions[f"q{number}"] = entry | {
            "study_id": name,
            "question": "Which of these does the radiograph show?",
            "options": options,
            "correct_answer": "ABCD"[number % 4],
            "correct_answer_explanation": "It was drawn so.",
            "task_name": ("presence_assessment", "negation_detection")[number % 2],
            "category": "Pleura",
            "subcategory": "",
        }
    _json(out / "metadata/test_vqa_data.json", questions)


def chexpert_plus(out: Path, studies: Sequence[Study]) -> None:
    """df_chexpert_plus_240401.csv and PNG/."""
    rows = []
    for number, study in enumerate(studies):
        split = "valid" if study.patient.number % 2 else "train"
        folder = f"{split}/patient{study.patient.number:05d}/study{study.visit.number}"
        shots = [("view1_frontal", "Frontal", study.patient.view)] if _has_frontal(number) else []
        for name, view, position in [*shots, ("view2_lateral", "Lateral", "")]:
            _draw(out / "PNG" / folder / f"{name}.png", study, lateral=view == "Lateral")
            rows.append(
                {
                    "path_to_image": f"{folder}/{name}.jpg",
                    "path_to_dcm": f"{folder}/{name}.dcm",
                    "frontal_lateral": view,
                    "ap_pa": position,
                    "deid_patient_id": f"patient{study.patient.number:05d}",
                    "patient_report_date_order": study.visit.number,
                    "report": "",
                    "section_findings": _findings(study, number),
                    "section_impression": f"\n1. {_impression(study)}\n",
                    "section_clinical_history": f" {study.visit.indication}\n",
                    "section_history": "",
                    "section_comparison": "",
                    "section_technique": "",
                    "age": float(_age(study)),
                    "sex": {"M": "Male", "F": "Female"}[_sex(study)],
                    "race": "Unknown",
                    "ethnicity": "Unknown",
                    "insurance_type": "",
                    "split": split,
                }
            )
    _csv(out / "df_chexpert_plus_240401.csv", rows)


WORD = {"larger": "worsened", "smaller": "improved", "unchanged": "stable", "new": "new", "resolved": "resolved"}


def padchest_gr(out: Path, studies: Sequence[Study]) -> None:
    """grounded_reports_20240819.json, master_table.csv, and images in two folders."""
    reports, table = [], []
    for study in studies:
        name, image = study.patient.study_id(study.visit), f"{study.patient.study_id(study.visit)}_img.png"
        _draw(out / "Padchest_GR_files/PadChest_GR" / image, study)
        before = study.patient.study_id(study.prior) if study.prior else None
        moved = {finding.name: WORD[way] for finding, way in changes(study.visit, study.prior)}
        findings = [
            {
                "sentence_en": f"There is a {finding.name}.",
                "sentence_es": f"Phantom: {finding.name}.",
                "abnormal": True,
                "boxes": [[0.1, 0.2, 0.4, 0.6]],
                "extra_boxes": [],
                "labels": [finding.name],
                "locations": [finding.side] if finding.side else [],
                "progression": moved.get(finding.name),
            }
            for finding in study.visit.present
        ]
        reports.append(
            {
                "StudyID": name,
                "ImageID": image,
                "PreviousStudyID": before,
                "PreviousImageID": f"{before}_img.png" if before else None,
                "findings": findings,
            }
        )
        row = {"StudyID": name, "ImageID": image, "split": "test" if study.patient.number % 2 else "train"}
        row |= {"PatientID": study.patient.subject_id, "PatientSex_DICOM": _sex(study), "PatientAge": str(_age(study))}
        table += [
            row | {"StudyDate_DICOM": _date(study), "label": item["labels"][0]}
            for item in findings or [{"labels": [""]}]
        ]
    _json(out / "grounded_reports_20240819.json", reports)
    _csv(out / "master_table.csv", table)


def iu_xray(out: Path, studies: Sequence[Study]) -> None:
    """ReXRank_IUXray_test.json and images/."""
    entries = {}
    for number, study in enumerate(studies):
        name = f"CXR{number}_IM-{study.patient.number:04d}"
        frontal = number % 2
        for image in range(2):
            _draw(out / "images" / name / f"{image}.png", study, lateral=image != frontal)
        findings, impression = _findings(study, number), _impression(study)
        entries[name] = {
            "key_image_path": f"{name}/{frontal}.png",
            "image_path": [f"{name}/0.png", f"{name}/1.png"],
            "report": f"Findings: {findings or None} Impression: {impression}",
            "section_findings": findings or None,
            "section_impression": impression,
            "split": "test",
            "frontal_lateral": ["Lateral", "Frontal"] if frontal else ["Frontal", "Lateral"],
            "context": f"Age:{_age(study)}.0.Gender:{_sex(study)}.Indication: {study.visit.indication} Comparison: No.",
        }
    _json(out / "ReXRank_IUXray_test.json", entries)


def vqa_rad(out: Path, studies: Sequence[Study]) -> None:
    """VQA_RAD Dataset Public.json and its image folder."""
    rows = []
    for number, study in enumerate(studies):
        _draw(out / "VQA_RAD Image Folder" / f"synpic{number}.jpg", study)
        rows.append(
            {
                "qid": str(number),
                "phrase_type": ("freeform", "test_freeform", "para", "test_para")[number % 4],
                "image_name": f"synpic{number}.jpg",
                "image_organ": ("CHEST", "HEAD")[number % 3 == 2],
                "question": "Is the heart enlarged?",
                "question_type": "PRES",
                "answer": "Yes" if any(finding.kind == "cardiomegaly" for finding in study.visit.present) else "No",
                "answer_type": "CLOSED ",
            }
        )
    _json(out / "VQA_RAD Dataset Public.json", rows)


def slake(out: Path, studies: Sequence[Study]) -> None:
    """test.json and imgs/."""
    rows = []
    for number, study in enumerate(studies):
        _draw(out / "imgs" / f"xmlab{number}" / "source.jpg", study)
        rows.append(
            {
                "img_id": number,
                "img_name": f"xmlab{number}/source.jpg",
                "question": "Is the heart enlarged?" if number % 3 else "心脏增大了吗？",
                "answer": "Yes" if any(finding.kind == "cardiomegaly" for finding in study.visit.present) else "No",
                "q_lang": "en" if number % 3 else "zh",
                "location": "Chest",
                "modality": "X-Ray",
                "answer_type": "CLOSED",
                "base_type": "vqa",
                "content_type": "Abnormality",
                "qid": number,
            }
        )
    _json(out / "test.json", rows)


MS_CXR_T = {
    "larger": "worsening",
    "new": "worsening",
    "smaller": "improving",
    "resolved": "improving",
    "unchanged": "stable",
}
MS_CXR_T_FINDINGS = ("consolidation", "edema", "pleural_effusion", "pneumonia", "pneumothorax")


def ms_cxr_t(out: Path, studies: Sequence[Study]) -> None:
    """The table of pairs, and mimic/ with the images and reports that it is about."""
    rows = []
    mimic = out / "mimic"
    for number, study in enumerate(studies):
        patient, name = _mimic(study)
        folder = f"files/p{patient[:2]}/p{patient}/s{name}"
        _draw(mimic / folder / f"{_dicom(name)}.jpg", study)
        report = mimic / f"{folder}.txt"
        report.parent.mkdir(parents=True, exist_ok=True)
        sections = {
            "INDICATION": study.visit.indication,
            "FINDINGS": _findings(study, number),
            "IMPRESSION": _impression(study),
        }
        report.write_text(
            "FINAL REPORT\n" + "".join(f" {title}: {text}\n\n" for title, text in sections.items() if text)
        )
        if study.prior is None:
            continue
        before = f"{patient}{study.prior.number}"
        ways = {finding.kind.replace(" ", "_"): MS_CXR_T[way] for finding, way in changes(study.visit, study.prior)}
        row = {"dicom_id": _dicom(name), "previous_dicom_id": _dicom(before), "subject_id": patient}
        row |= {"study_id": name, "previous_study_id": before}
        rows.append(row | {f"{finding}_progression": ways.get(finding, "") for finding in MS_CXR_T_FINDINGS})
    _csv(out / "MS_CXR_T_temporal_image_classification_v1.0.0.csv", rows)


def _mimic(study: Study) -> tuple[str, str]:
    patient = str(10_000_000 + study.patient.number)
    return patient, f"{patient}{study.visit.number}"


def _dicom(study: str) -> str:
    return f"{study[:8]}-{study[8:]:0>8}"


CHEXTEMPORAL = {"larger": "Worse", "smaller": "Improved", "unchanged": "Stable", "new": "New", "resolved": "Resolved"}


def chextemporal(out: Path, studies: Sequence[Study]) -> None:
    """gold_progression_pairs.parquet, and chexpert/ with the images."""
    import pandas as pd

    rows = []
    for study in studies:
        patient = f"patient{study.patient.number:05d}"

        def image(number: int, patient: str = patient) -> str:
            return f"chexpert/train/{patient}/study{number}/view1_frontal.jpg"

        _draw(out / image(study.visit.number), study)
        for finding, way in changes(study.visit, study.prior):
            if finding.kind != "PICC" and study.prior is not None:
                rows.append(
                    {
                        "patient_id": patient,
                        "study_id_prev": f"study{study.prior.number}",
                        "study_id_curr": f"study{study.visit.number}",
                        "img_path_prev": image(study.prior.number),
                        "img_path_curr": image(study.visit.number),
                        "disease_name": finding.kind.title(),
                        "progression": CHEXTEMPORAL[way],
                        "dataset": "chexpert",
                    }
                )
    frame = pd.DataFrame(rows).drop_duplicates(["img_path_curr", "img_path_prev", "disease_name"])
    frame.to_parquet(out / "gold_progression_pairs.parquet", index=False)


DATA_SETS: Mapping[str, Callable[[Path, Sequence[Study]], None]] = {
    "rexgradient": rexgradient,
    "rexvqa": rexvqa,
    "chexpert-plus": chexpert_plus,
    "padchest-gr": padchest_gr,
    "iu-xray": iu_xray,
    "vqa-rad": vqa_rad,
    "slake": slake,
    "ms-cxr-t": ms_cxr_t,
    "chextemporal": chextemporal,
}


def write_fakes(out: Path, *, patients: int, seed: int = 0, only: Iterable[str] = DATA_SETS) -> dict[str, int]:
    """Write the folders; returns how many studies each is made of.

    Args:
        out: a folder.
        patients: phantoms of two to five visits each.
        seed: the same seed gives the same bytes.
        only: names of data sets.
    """
    studies = list(phantom_studies(patients, seed))
    for name in only:
        (out / name).mkdir(parents=True, exist_ok=True)
        DATA_SETS[name](out / name, studies)
    return dict.fromkeys(only, len(studies))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--patients", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default=",".join(DATA_SETS))
    options = parser.parse_args()
    counts = write_fakes(options.out, patients=options.patients, seed=options.seed, only=options.only.split(","))
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
