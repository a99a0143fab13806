"""ReXrank's JSON both ways: its test sets become suites, our suites and answers become its input and output files.

A file is an object: study -> image_path (a list), key_image_path (the frontal one), context, section_findings,
section_impression (NaN where absent), frontal_lateral, report; an output file has model_prediction as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from benchmarks.catalog import CONTEXT
from benchmarks.errors import InputError
from benchmarks.files.numbers import as_id
from benchmarks.prepare.datasets.layout import age_in_years, filled, sex_letter
from benchmarks.prepare.json_file import as_text, read_json
from benchmarks.prepare.output import Built, images_by_role, one_line
from benchmarks.schema import Answer, Sample

RexrankSection: TypeAlias = Literal["findings", "impression", "report"]
SECTIONS: tuple[RexrankSection, ...] = ("findings", "impression", "report")
_KEPT = ("image_path", "frontal_lateral", "context", "subject_id", "split", "race", "ethnicity")
_CONTEXT = re.compile(r"(Age|Gender|Indication|Comparison)\s*:\s*(.*?)(?=(?:Age|Gender|Indication|Comparison)\s*:|$)")
"""Parts of `context`: "Age:77.0.Gender:F.Indication: ... Comparison: ..."."""
_HINT = "give a file of ReXrank as it was published"


def read_rexrank(source: Path) -> dict[str, dict[str, Any]]:
    """Study -> its entry.

    Raises:
        InputError: the file is not ReXrank's.
    """
    studies = read_json(source)
    if not isinstance(studies, dict) or not studies:
        raise InputError("is not an object with one entry per study", where=source, hint=_HINT)
    for study, entry in studies.items():
        if not isinstance(entry, dict) or not entry.get("image_path"):
            raise InputError("image_path is missing", where=f"{source}: study {study}", hint=_HINT)
    return studies


def rexrank_samples(source: Path, section: RexrankSection, *, prompt: str, steps: dict[str, int]) -> Iterator[Built]:
    """One sample per study that has the section; ReXrank gives no prior images.

    The key image is the current one, the first other image that is called lateral the lateral one; every image stays
    in `image_path`, so that an export has them again.

    Args:
        source: ReXrank's input (or output) JSON.
        section: the reference; "report" is "Findings: ... Impression: ..." as ReXrank scores it.
        prompt: without clinical context; ReXrank's `context` is put behind it unchanged.
        steps: filled with counts.
    """
    studies = read_rexrank(source)
    steps.update({"studies": len(studies), f"with {section}": 0})
    for study, entry in studies.items():
        findings, impression = (as_text(entry.get(f"section_{name}")) for name in ("findings", "impression"))
        texts = {"findings": findings, "impression": impression, "report": _report(findings, impression)}
        if not one_line(texts[section]):
            continue
        steps[f"with {section}"] += 1
        context = one_line(as_text(entry.get("context")))
        current, view, lateral = _images(entry)
        sample: Built = {
            "question_id": study,
            "image": images_by_role(current, lateral),
            "text": f"{prompt} {CONTEXT} {context}" if context else prompt,
            "reference": one_line(texts[section]),
            "study_id": as_id(study),
            "has_prior": False,
            **filled({"view": view, **_clinical(context), **_patient(entry, context)}),
        }
        # the sections get names that no adapter sees, so that an export has them again
        sample |= {name: texts[name] for name in ("findings", "impression") if texts[name]}
        yield sample | {key: entry[key] for key in _KEPT if entry.get(key) is not None}


def _images(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    """The key image, its view, and the lateral image (empty: there is none)."""
    paths = _listed(entry["image_path"])
    views = [as_text(view) for view in _listed(entry.get("frontal_lateral"))]
    key = as_text(entry.get("key_image_path")) or as_text(paths[0])
    named = {as_text(path).lstrip("/"): view for path, view in zip(paths, views, strict=False)}
    current = key.lstrip("/")
    others = [path for path, view in named.items() if view.lower() == "lateral" and path != current]
    return current, named.get(current, ""), others[0] if others else ""


def _listed(value: object) -> list[Any]:
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def _clinical(context: str) -> dict[str, str]:
    """Indication and comparison, as far as the context has them."""
    parts = {name.lower(): text.strip() for name, text in _CONTEXT.findall(context)}
    return {name: parts[name] for name in ("indication", "comparison") if parts.get(name, "nan").lower() != "nan"}


def _patient(entry: Mapping[str, Any], context: str) -> dict[str, Any]:
    """Age and sex, of the entry itself or of its context."""
    parts = {name.lower(): text.strip(" .") for name, text in _CONTEXT.findall(context)}
    return {
        "age": age_in_years(entry.get("age") or parts.get("age")),
        "sex": sex_letter(entry.get("sex") or parts.get("gender")),
    }


def rexrank_answers(source: Path) -> Iterator[Built]:
    """The answers of an output file: one line each as in answers.jsonl.

    Raises:
        InputError: a study has no model_prediction.
    """
    for study, entry in read_rexrank(source).items():
        if not isinstance(entry.get("model_prediction"), str):
            raise InputError("model_prediction is missing", where=f"{source}: study {study}", hint=_HINT)
        yield {
            "question_id": study,
            "prompt": "",
            "text": entry["model_prediction"],
            "answer_id": "",
            "model_id": source.stem,
            "metadata": {},
        }


def to_rexrank(samples: Sequence[Sample], answers: Sequence[Answer] | None = None) -> dict[str, Built]:
    """ReXrank's input file of a suite, or its output file if the answers are given.

    Args:
        samples: a suite; references count as findings unless there is `findings` or `impression`.
        answers: one per sample, in their order.
    """
    studies: dict[str, Built] = {}
    for index, sample in enumerate(samples):
        fields = sample.fields
        findings, impression = _sections(sample)
        shown = {role: path for role, path in sample.by_role.items() if role in ("current", "lateral")}
        images = fields.get("image_path") or [*shown.values()]
        entry: Built = {
            "image_path": images,
            "key_image_path": _as_in(images, sample.images[0]) if sample.images else "",
            "frontal_lateral": ["Lateral" if role == "lateral" else "Frontal" for role in shown],
            "section_findings": findings or None,
            "section_impression": impression or None,
            "context": fields.get("context") or sample.text.partition(CONTEXT)[2].strip(),
            "report": _report(findings, impression),
        }
        entry |= {
            key: fields[key] for key in ("frontal_lateral", "subject_id", "split", "race", "ethnicity") if key in fields
        }
        entry |= filled({name: fields.get(name) for name in ("age", "sex")})
        if answers is not None:
            entry["model_prediction"] = answers[index].text
        studies[str(sample.question_id)] = entry
    return studies


def _sections(sample: Sample) -> tuple[str, str]:
    findings, impression = (as_text(sample.fields.get(name)) for name in ("findings", "impression"))
    if not findings and not impression and sample.references:
        findings = sample.references[0]
    return findings, impression


def _as_in(images: Sequence[str], key_image: str) -> str:
    """The key image written as in the list (ReXrank starts paths with a slash)."""
    return next((image for image in images if image.lstrip("/") == key_image), key_image)


def _report(findings: str, impression: str) -> str:
    return f"Findings: {findings or None} Impression: {impression or None}" if findings or impression else ""
