"""The cases of one or two runs as plain values, for the case browser."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.errors import InputError
from benchmarks.files import sha256_file
from benchmarks.predictions.cleaning import clean
from benchmarks.schema import ROLE_NAMES
from reports.load import LoadedRun
from reports.without_text import numbers_of

if TYPE_CHECKING:
    from benchmarks.schema import QuestionId, Sample

MAX_FACETS = 8
MAX_FACET_LETTERS = 40
MAX_FACET_VALUES = 40
"""A field with more values is no filter but a text to search."""


@dataclass(frozen=True, slots=True)
class Source:
    """The suite file of a run, as far as it is still there."""

    samples: Mapping[QuestionId, Sample]
    image_root: Path | None = None
    problem: str | None = None
    """Why there are no samples."""


def find_source(run: LoadedRun, *, suite: Path | None = None, image_root: Path | None = None) -> Source:
    """Read the samples that a run was asked, from its suite file where that is still the same.

    Args:
        run: the run.
        suite: where the suite file is now; None: where it was, or the shipped one.
        image_root: where the images are now; None: where they were.
    """
    from benchmarks.catalog import SUITES
    from benchmarks.suites import read_samples

    recorded = run.record.suite
    places = [suite] if suite else [Path(str(recorded.file)), *(c.file for c in SUITES if c.name == run.suite)]
    there = [path for path in places if path is not None and path.is_file()]
    if not there:
        return Source({}, problem=f"the suite file {places[0]} is not there: prompts and predictions only")
    same = [path for path in there if recorded.sha256 in (None, sha256_file(path))]
    if not same:
        return Source({}, problem=f"the suite file {there[0]} has changed since the run: prompts and predictions only")
    try:
        samples = read_samples(same[0], prompts_required=False)
    except InputError as error:
        return Source({}, problem=f"{error}: prompts and predictions only")
    root = image_root or Path(recorded.image_root or same[0].parent)
    return Source({sample.question_id: sample for sample in samples}, root)


def refuse_different_studies(runs: Sequence[LoadedRun]) -> None:
    """Make sure that runs can be read side by side.

    Raises:
        InputError: they were asked different things.
    """
    first, *others = runs
    for other in others:
        if first.suite != other.suite:
            what = f"{first.folder} is a run of suite {first.suite!r}, {other.folder} of {other.suite!r}"
        elif first.record.studies != other.record.studies:
            what = f"{first.folder} and {other.folder} were asked different studies of suite {first.suite!r}"
        else:
            continue
        raise InputError(what, hint="give two runs of the same suite, file and --limit")


def collect(runs: Sequence[LoadedRun], source: Source, *, text: bool = True) -> dict[str, Any]:
    """Everything that the case browser shows, images aside, as JSON values.

    Args:
        runs: one or two runs of the same studies.
        source: their samples.
        text: False leaves out prompts, references, predictions, errors and fields; ids and scores stay.

    Raises:
        InputError: a run without answers.
    """
    columns = list(dict.fromkeys(str(name) for run in runs for name in run.samples.columns))
    direction = {entry.key: entry.higher_is_better for run in runs for entry in run.entries}
    references = {key: sample.references for key, sample in source.samples.items()}
    per_run = [_answers(run, columns, references, text=text) for run in runs]
    prompts = {key: prompt for answers in per_run for key, (prompt, _) in answers.items()}
    cases = [_case(key, prompt, source.samples.get(key), text=text) for key, prompt in prompts.items()]
    for case, key in zip(cases, prompts, strict=True):
        case["answers"] = [answers[key][1] if key in answers else None for answers in per_run]
    return {
        "runs": [{"name": run.name} for run in runs],
        "columns": [{"name": name, "higher": direction.get(name, True)} for name in columns],
        "facets": _facets(cases),
        "text": text,
        "cases": cases,
    }


def _case(question_id: QuestionId, prompt: str, sample: Sample | None, *, text: bool) -> dict[str, Any]:
    shown = sample if text else None
    return {
        "id": question_id,
        "prompt": prompt if text else "",
        "prior": sample is not None and sample.has_prior,
        "images": list(shown.by_role.values()) if shown else [],
        "roles": [ROLE_NAMES[role] for role in shown.by_role] if shown else [],
        "refs": list(shown.references) if shown else [],
        "labels": list(shown.labels) if shown and shown.labels is not None else None,
        "fields": {
            name: value
            for name, value in (shown.fields if shown else {}).items()
            if value not in (None, "", []) and name != "has_prior"
        },
    }


def _answers(
    run: LoadedRun, columns: Sequence[str], references: Mapping[Any, Sequence[str]], *, text: bool
) -> dict[Any, tuple[str, dict[str, Any]]]:
    """Question id -> (prompt, the answer with its scores and spans)."""
    scores = {key: _numbers(row, columns) for key, row in run.samples.to_dict(orient="index").items()}
    spans: dict[Any, list[dict[str, Any]]] = {}
    if text:
        for span in run.spans.to_dict(orient="records"):
            spans.setdefault(span["question_id"], []).append({str(name): value for name, value in span.items()})
    found: dict[Any, tuple[str, dict[str, Any]]] = {}
    for answer in run.answers.to_dict(orient="records"):
        key, written = answer["question_id"], str(answer["text"] or "")
        words = clean(written, run.record.cleaning)
        metadata = answer["metadata"] or {}
        if not text:
            metadata = numbers_of(metadata)
        found[key] = (
            str(answer["prompt"] or ""),
            {
                "text": words if text else None,
                **({"written": written} if text and words != written else {}),
                "words": len(words.split()),
                "finish": metadata.get("finish"),
                "error": metadata.get("error"),
                "tokens": metadata.get("new_tokens"),
                "seconds": metadata.get("seconds"),
                "more": _further(metadata.get("alternatives")),
                "scores": scores.get(key, [None] * len(columns)),
                "spans": _spans(spans.get(key, []), words, references.get(key, ())),
            },
        )
    return found


def _further(alternatives: Any) -> list[dict[str, Any]]:
    """The texts that a beam search kept beside the first; none where an adapter has another layout."""
    found = alternatives[1:] if isinstance(alternatives, list) else []
    return [one for one in found if isinstance(one, dict) and isinstance(one.get("text"), str)]


def _numbers(row: Mapping[Any, Any], columns: Sequence[str]) -> list[float | None]:
    """A row of samples.csv; four places are enough to look at."""
    values = [row.get(name) for name in columns]
    return [None if value is None or math.isnan(value) else round(float(value), 4) for value in values]


def _spans(spans: Sequence[Mapping[str, Any]], prediction: str, references: Sequence[str]) -> list[list[Any]]:
    """[side, start, end, metric, label] of each span of a case, offsets as JavaScript counts them."""
    texts = {"prediction": prediction}
    texts |= {"reference" if at == 1 else f"reference {at}": text for at, text in enumerate(references, start=1)}
    return [
        [span["side"], _units(text, int(span["start"])), _units(text, int(span["end"])), span["metric"], span["label"]]
        for span in spans
        if (text := texts.get(span["side"])) is not None
    ]


def _units(text: str, offset: int) -> int:
    """A character offset in UTF-16 code units."""
    return len(text[:offset].encode("utf-16-le")) // 2


def _facets(cases: Sequence[Mapping[str, Any]]) -> list[str]:
    """The fields that are worth a filter: single words or lists of them, few and more than one."""
    values: dict[str, set[str]] = {}
    for case in cases:
        for name, value in case["fields"].items():
            words = value if isinstance(value, list) else [value]
            simple = all(isinstance(word, str | int | bool) and len(str(word)) <= MAX_FACET_LETTERS for word in words)
            values.setdefault(name, set()).update(map(str, words if simple else range(MAX_FACET_VALUES + 1)))
    facets = [name for name, found in values.items() if 2 <= len(found) <= MAX_FACET_VALUES]
    with_labels = ["labels"] if any(case["labels"] for case in cases) else []
    return (with_labels + facets)[:MAX_FACETS]
