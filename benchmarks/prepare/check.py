"""Check suites and training files before a run: every error with its file and line, and what the data look like.

Messages name ids and lines, never report text.
"""

from __future__ import annotations

import json
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from benchmarks.errors import InputError
from benchmarks.files import reading
from benchmarks.files.json_text import parse_json
from benchmarks.images import remarks_on, resolve_images
from benchmarks.prepare.json_file import read_json
from benchmarks.schema import Sample
from benchmarks.suites import check_unique, sample_of
from benchmarks.tables import EXCEL, read_rows

LONG_REFERENCE = 5000
"""Characters; longer than any section of a chest report."""

_HEADER = re.compile(r"\b(FINDINGS|IMPRESSION|INDICATION|COMPARISON|TECHNIQUE|EXAMINATION) ?:")


Level: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that is wrong, or may be."""

    level: Level
    place: str
    """File and line."""
    message: str
    kind: str = ""
    """What is wrong, the same words for every place: without ids, paths and numbers."""


@dataclass(slots=True)
class CheckReport:
    """What was found."""

    samples: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    lengths: dict[str, dict[str, float]] = field(default_factory=dict)
    """Words of prompts and references: min, median, mean, p95, max."""
    remarks: list[Remark] = field(default_factory=list)

    def grouped(self, level: str) -> dict[str, list[Remark]]:
        """Kind -> its errors, or its warnings, the most frequent kind first."""
        groups: dict[str, list[Remark]] = {}
        for remark in self.of_level(level):
            groups.setdefault(remark.kind or remark.message, []).append(remark)
        return dict(sorted(groups.items(), key=lambda item: -len(item[1])))

    def of_level(self, level: str) -> list[Remark]:
        """The errors, or the warnings."""
        return [remark for remark in self.remarks if remark.level == level]


@dataclass(slots=True)
class _Seen:
    """What is remembered across the samples of all files."""

    images: dict[Path, str] = field(default_factory=dict)
    """Existing image -> where it is first named."""
    splits: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    """Patient -> split -> where first."""
    questions: dict[tuple[Any, ...], str] = field(default_factory=dict)
    references: Counter[str] = field(default_factory=Counter)
    prompt_words: list[int] = field(default_factory=list)
    reference_words: list[int] = field(default_factory=list)


def check_files(
    paths: Sequence[Path],
    *,
    image_root: Path | None = None,
    images: bool = True,
    workers: int = 4,
    follow_links: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> CheckReport:
    """Check one file, or several that are the splits of one data set.

    Args:
        paths: `.jsonl`, `.csv`, `.parquet` (evaluation) or `.json` (training).
        image_root: None: each file's own folder.
        images: look for the images and decode each once.
        workers: threads that decode.
        follow_links: allow links out of the image root.
        progress: called with (decoded, all).

    Raises:
        InputError: a file cannot be read at all.
    """
    report, seen = CheckReport(), _Seen()
    for path in paths:
        places: dict[str, str] = {}
        root = image_root or path.parent
        for place, row in _rows(path, report):
            report.samples += 1
            try:
                sample = sample_of(row, place)
                check_unique(sample.question_id, place, places)
            except InputError as error:
                report.remarks.append(Remark("error", place, _message(error), _kind(_message(error))))
                continue
            _check_sample(sample, place, str(sample.fields.get("split") or path.stem), report, seen)
            if images:
                _locate(sample, place, root, follow_links, report, seen)
    if not report.samples:
        report.remarks.append(Remark("error", ", ".join(map(str, paths)), "holds no samples"))
    _check_patients(report, seen)
    _decode(report, seen, workers, progress)
    report.counts["patients"] = len(seen.splits)
    report.counts["images"] = len(seen.images)
    report.counts["references that occur more than once"] = sum(n for n in seen.references.values() if n > 1)
    report.lengths = {
        name: _spread(words)
        for name, words in (("prompt words", seen.prompt_words), ("reference words", seen.reference_words))
        if words
    }
    return report


def _rows(path: Path, report: CheckReport) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows with their places; what is no row becomes a remark."""
    if path.suffix == ".json":
        yield from _training_rows(path, report)
    elif path.suffix.lower() in (".csv", ".parquet", *EXCEL) or not path.is_file():
        yield from read_rows(path)
    else:
        yield from _json_lines(path, report)


def _json_lines(path: Path, report: CheckReport) -> Iterator[tuple[str, dict[str, Any]]]:
    """As `read_rows`, but a broken line doesn't end the file: all of them are reported."""
    with reading(path), path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                row = _object(line)
                if row is None:
                    report.samples += 1
                    report.remarks.append(Remark("error", f"{path}:{number}", "is not one JSON object"))
                else:
                    yield f"{path}:{number}", row


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = parse_json(line)
    except json.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _training_rows(path: Path, report: CheckReport) -> Iterator[tuple[str, dict[str, Any]]]:
    """Conversations as rows: the first human turn is the prompt, the first answer the reference."""
    records = read_json(path)
    if not isinstance(records, list):
        raise InputError("is not a JSON list", where=path, hint="training data are a list of conversations")
    for number, record in enumerate(records, start=1):
        place = f"{path}: item {number}"
        turns = record.get("conversations") if isinstance(record, dict) else None
        if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
            report.samples += 1
            report.remarks.append(Remark("error", place, "has no list of conversations"))
            continue
        said = {speaker: str(turn.get("value", "")) for turn in reversed(turns) if (speaker := turn.get("from"))}
        kept = {key: value for key, value in record.items() if key not in ("id", "conversations")}
        prompt = said.get("human", "").replace("<image>", "").strip()
        yield place, {**kept, "question_id": record.get("id"), "text": prompt, "reference": said.get("gpt", "")}


def _check_sample(sample: Sample, place: str, split: str, report: CheckReport, seen: _Seen) -> None:
    def warn(message: str) -> None:
        report.remarks.append(Remark("warning", place, f"{sample.question_id}: {message}", _kind(message)))

    counts = report.counts
    counts["with prior"] = counts.get("with prior", 0) + sample.has_prior
    counts["with lateral"] = counts.get("with lateral", 0) + bool(sample.laterals)
    counts["without image"] = counts.get("without image", 0) + (not sample.images)
    counts["without reference"] = counts.get("without reference", 0) + (not sample.references and sample.labels is None)
    if len(sample.images) == 2 and len(set(sample.images)) == 1:
        if sample.fields.get("has_prior"):
            what = "the prior is the current image, yet has_prior is true"
            report.remarks.append(Remark("error", place, f"{sample.question_id}: {what}", what))
        elif "has_prior" not in sample.fields:
            warn("the prior is the current image; set has_prior: false, or leave the prior out")
    for reference in sample.references:
        seen.references[reference] += 1
        seen.reference_words.append(len(reference.split()))
        if not reference.strip():
            warn("the reference is empty")
        elif not any(character.isalnum() for character in reference.replace("_", "")):
            warn("the reference has no words")
        elif _HEADER.search(reference):
            warn("the reference contains a section header: was the report split correctly?")
        elif len(reference) > LONG_REFERENCE:
            warn(f"the reference has {len(reference):,} characters")
        elif len(reference) > 40 and reference in sample.text:
            warn("the prompt contains the reference")
    seen.prompt_words.append(len(sample.text.split()))
    first = seen.questions.setdefault((sample.images, sample.text, split), place)
    if first != place and sample.images:
        warn(f"the same images and prompt as {first}")
    if (patient := sample.fields.get("subject_id")) not in (None, ""):
        seen.splits[str(patient)].setdefault(split, place)


def _locate(sample: Sample, place: str, root: Path, follow_links: bool, report: CheckReport, seen: _Seen) -> None:
    try:
        for names in (sample.images, [*sample.laterals.values()]):
            for path in resolve_images(names, root, follow_links=follow_links):
                seen.images.setdefault(path, place)
    except InputError as error:
        report.remarks.append(Remark("error", place, f"{sample.question_id}: {error}", _kind(_message(error))))


def _check_patients(report: CheckReport, seen: _Seen) -> None:
    for patient, places in seen.splits.items():
        if len(places) > 1:
            where = ", ".join(f"{split} ({place})" for split, place in places.items())
            report.remarks.append(
                Remark(
                    "error",
                    list(places.values())[-1],
                    f"patient {patient} is in {len(places)} splits: {where}",
                    "a patient is in several splits",
                )
            )


def _decode(report: CheckReport, seen: _Seen, workers: int, progress: Callable[[int, int], None] | None) -> None:
    with ThreadPoolExecutor(workers) as pool:
        for number, (place, remarks) in enumerate(
            zip(seen.images.values(), pool.map(_remarks, seen.images), strict=True), 1
        ):
            report.remarks += [Remark(level, place, text, kind) for level, text, kind in remarks]
            if progress is not None:
                progress(number, len(seen.images))


def _remarks(path: Path) -> list[tuple[Level, str, str]]:
    try:
        return [("warning", f"{path}: {remark}", _kind(remark)) for remark in remarks_on(path)]
    except InputError as error:
        return [("error", str(error), _kind(_message(error)))]


def _message(error: InputError) -> str:
    return error.what + (f"; {error.hint}" if error.hint else "")


_PARTICULARS = re.compile(r"'[^']*'|\"[^\"]*\"|\S*/\S+|\S+:\d+|\d[\d,.]*")


def _kind(message: str) -> str:
    """A message without what it says of one place alone."""
    return " ".join(_PARTICULARS.sub("…", message).split())


def _spread(values: list[int]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "min": ordered[0],
        "median": statistics.median(ordered),
        "mean": round(statistics.fmean(ordered), 2),
        "p95": ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))],
        "max": ordered[-1],
    }
