"""The cases of one or two runs as plain values, one at a time, for the case browser."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.errors import InputError
from benchmarks.files import sha256_file
from benchmarks.files.stored import ById
from benchmarks.predictions.cleaning import clean
from benchmarks.records.samples import read_spans
from benchmarks.schema import ROLE_NAMES
from reports.cases.index import CaseIndex
from reports.cases.spans import SpanTable
from reports.cases.words import WordIndex
from reports.load import LoadedRun
from reports.without_text import numbers_of

if TYPE_CHECKING:
    from benchmarks.schema import QuestionId, Sample
    from benchmarks.suites import Suite

READ_AT_A_TIME = 50
"""Cases whose answers are in memory together."""


@dataclass(frozen=True, slots=True)
class Source:
    """The suite file of a run, as far as it is still there."""

    samples: Mapping[QuestionId, Sample]
    image_root: Path | None = None
    problem: str | None = None
    """Why there are no samples."""


def find_source(
    run: LoadedRun, *, suite: Path | None = None, image_root: Path | None = None, known: Suite | None = None
) -> Source:
    """Read the samples that a run was asked, from its suite file where that is still the same.

    Args:
        run: the run.
        suite: where the suite file is now; None: where it was, or the shipped one.
        image_root: where the images are now; None: where they were.
        known: a suite that was read before; its file is not read again.
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
        was_read = known is not None and known.sha256 == recorded.sha256 and known.path.resolve() == same[0].resolve()
        samples = known.samples if known and was_read else read_samples(same[0], prompts_required=False)
    except InputError as error:
        return Source({}, problem=f"{error}: prompts and predictions only")
    root = image_root or Path(recorded.image_root or same[0].parent)
    return Source(ById(samples, {sample.question_id: place for place, sample in enumerate(samples)}), root)


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


class Cases:
    """Everything that the case browser shows, images aside, as JSON values: case by case, and an index of all of them.

    Args:
        runs: one or two runs of the same studies.
        source: their samples.
        text: False leaves out prompts, references, predictions, errors and fields; ids and scores stay.

    Raises:
        InputError: a run without answers.
    """

    def __init__(self, runs: Sequence[LoadedRun], source: Source, *, text: bool = True) -> None:
        self._source, self._text = source, text
        self.ids: list[QuestionId] = list(dict.fromkeys(key for run in runs for key in run.answer_lines.ids))
        columns = list(dict.fromkeys(name for run in runs for name in run.sample_scores.columns))
        places = {key: place for place, key in enumerate(self.ids)}
        self._runs = [_RunCases(run, columns, places, text=text) for run in runs]
        direction = {entry.key: entry.higher_is_better for run in runs for entry in run.entries}
        self.columns = [{"name": name, "higher": direction.get(name, True)} for name in columns]
        self.index = CaseIndex(len(runs), len(columns))
        """Of the cases that were read so far."""
        self.words = WordIndex()
        """Likewise; of no use without text."""

    @property
    def head(self) -> dict[str, Any]:
        """What is said of all cases."""
        return {
            "runs": [{"name": one.run.name} for one in self._runs],
            "columns": self.columns,
            "text": self._text,
            "marks": list(dict.fromkeys(metric for one in self._runs for metric in one.matched)),
        }

    @property
    def image_names(self) -> list[str]:
        """The images of all cases, each once."""
        samples = (self._source.samples.get(key) for key in self.ids) if self._text else ()
        return list(dict.fromkeys(name for sample in samples if sample for name in sample.by_role.values()))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The cases, in the order of the answers; each is added to the index. To be gone through once."""
        for start in range(0, len(self.ids), READ_AT_A_TIME):
            keys = self.ids[start : start + READ_AT_A_TIME]
            lines = [one.run.answer_lines.of(keys) for one in self._runs]
            for place, key in enumerate(keys, start=start):
                answers = [of_run.get(key) for of_run in lines]
                sample = self._source.samples.get(key)
                prompt = str(next(answer["prompt"] for answer in answers if answer) or "")
                case = _case(key, prompt, sample, text=self._text)
                references = sample.references if sample else ()
                case["answers"] = [
                    answer and one.answer(place, answer, references)
                    for one, answer in zip(self._runs, answers, strict=True)
                ]
                self.index.add(case)
                if self._text:
                    said = (answer["text"] for answer in case["answers"] if answer)
                    self.words.add([case["prompt"], *case["refs"], *said])
                yield case


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


class _RunCases:
    """What one run says of each case."""

    def __init__(self, run: LoadedRun, columns: Sequence[str], places: Mapping[QuestionId, int], *, text: bool) -> None:
        self.run, self._text = run, text
        self._spans = SpanTable(read_spans(run.folder) if text else (), places)
        self.matched = self._spans.metrics
        scored = run.sample_scores
        self._values = [scored.columns.get(name) for name in columns]
        self._rows = {key: row for row, key in enumerate(scored.ids)}

    def answer(self, place: int, line: Mapping[str, Any], references: Sequence[str]) -> dict[str, Any]:
        """The answer to the case at this place, with its scores and spans."""
        written = str(line["text"] or "")
        words = clean(written, self.run.record.cleaning)
        metadata = line["metadata"] if self._text else numbers_of(line["metadata"])
        return {
            "text": words if self._text else None,
            **({"written": written} if self._text and words != written else {}),
            "words": len(words.split()),
            "finish": metadata.get("finish"),
            "error": metadata.get("error"),
            "tokens": metadata.get("new_tokens"),
            "seconds": metadata.get("seconds"),
            "more": _further(metadata.get("alternatives")),
            "scores": self._scores(line["question_id"]),
            "spans": self._spans.of(place, words, references),
        }

    def _scores(self, key: QuestionId) -> list[float | None]:
        """Of samples.csv; four places are enough to look at."""
        row = self._rows.get(key)
        found = [None if row is None or values is None else values[row] for values in self._values]
        return [None if value is None or math.isnan(value) else round(value, 4) for value in found]


def _further(alternatives: Any) -> list[dict[str, Any]]:
    """The texts that a beam search kept beside the first; none where an adapter has another layout."""
    found = alternatives[1:] if isinstance(alternatives, list) else []
    return [one for one in found if isinstance(one, dict) and isinstance(one.get("text"), str)]
