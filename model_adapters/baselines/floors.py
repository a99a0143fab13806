"""Floors: answers that need no model. A score means little beside a floor that it doesn't clear.

They learn from a training file alone (`--train FILE`, in the format of a suite), never from evaluated references.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from benchmarks.errors import GenerationError, ImageError, InputError, ModelError, UnknownNameError
from benchmarks.files import sha256_file
from benchmarks.images import resolve_images
from benchmarks.schema import Answer, Question, Sample
from benchmarks.suites import read_samples
from model_adapters.adapter import Decoding, ModelSpec, failed_answer
from model_adapters.baselines.nearest import PixelIndex, WordIndex

CONSTANT_TEXT = "The lungs are clear. The heart size is normal. No pleural effusion or pneumothorax. No change."
"""The default of `constant`."""
PRIOR_REPORT = "prior_report"
"""The suite's field that `copy-prior-report` repeats."""
NORMAL_LABELS = frozenset({"no finding", "normal"})


class ConstantAdapter:
    """Says the same text about every study (option `text`)."""

    OPTIONS: ClassVar[Mapping[str, type]] = {"text": str}

    def __init__(self, text: str) -> None:
        self._text = text

    @classmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Take the text from the options."""
        return cls(str(spec.options.get("text") or CONSTANT_TEXT))

    @classmethod
    def identity(cls, spec: ModelSpec) -> Mapping[str, Any]:
        """The text."""
        return {"text": str(spec.options.get("text") or CONSTANT_TEXT)}

    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield the text for each question."""
        for question in questions:
            yield _said(question, self._text)


class NormalAdapter(ConstantAdapter):
    """Says the most frequent normal report of the training file about every study.

    Normal is a study whose label set (`labels` or `finding_labels`) is empty or says "No Finding". A file without
    labels: every report counts, and in a file of all comers the most frequent one is a normal one.
    """

    OPTIONS: ClassVar[Mapping[str, type]] = {"train": str}

    @classmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Find the report in the training file."""
        return cls(most_frequent_normal(_training(spec)))

    @classmethod
    def identity(cls, spec: ModelSpec) -> Mapping[str, Any]:
        """The training file."""
        return _trained_on(spec)


class RandomReportAdapter:
    """Gives each study a report drawn from the training file.

    Option `seed` (default 0): the draw depends on it and on the question's id alone.
    """

    OPTIONS: ClassVar[Mapping[str, type]] = {"train": str, "seed": int}

    def __init__(self, reports: Sequence[str], seed: int) -> None:
        self._reports, self._seed = reports, seed

    @classmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Read the training file."""
        return cls([sample.references[0] for sample in _training(spec)], spec.options.get("seed", 0))

    @classmethod
    def identity(cls, spec: ModelSpec) -> Mapping[str, Any]:
        """The training file and the seed."""
        return {**_trained_on(spec), "seed": spec.options.get("seed", 0)}

    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield a drawn report for each question."""
        for question in questions:
            digest = hashlib.sha256(f"{self._seed}:{question.question_id}".encode()).digest()
            yield _said(question, self._reports[int.from_bytes(digest[:8], "big") % len(self._reports)])


class RetrievalAdapter:
    """Repeats the report of the most similar training study.

    Option `by`: `prompt` (default; TF-IDF over the words of the prompt), `indication` (the same over that field, or
    any other field that suite and training file share), or `image` (the current image, pixel by pixel, at 32 x 32).
    """

    OPTIONS: ClassVar[Mapping[str, type]] = {"train": str, "by": str}

    def __init__(self, samples: Sequence[Sample], root: Path, by: str) -> None:
        self._samples, self._by = samples, by
        self._index: PixelIndex | WordIndex
        if by == "image":
            self._index = PixelIndex([_current_image(sample, root) for sample in samples])
        else:
            self._index = WordIndex([_words(sample.text, sample.fields, by) for sample in samples])

    @classmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Index the training file.

        Raises:
            UnknownNameError: no study of it has the field to compare by.
        """
        samples, by = _training(spec), _by(spec)
        fields = {name for sample in samples for name, value in sample.fields.items() if isinstance(value, str)}
        if by not in {"prompt", "image", *fields}:
            raise UnknownNameError("field to compare by", by, {"prompt", "image", *fields})
        return cls(samples, _train_file(spec).parent, by)

    @classmethod
    def identity(cls, spec: ModelSpec) -> Mapping[str, Any]:
        """The training file, and what is compared."""
        return {**_trained_on(spec), "by": _by(spec)}

    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield the nearest study's report for each question; the metadata says whose it is and how near."""
        for question in questions:
            try:
                nearest, similarity = self._nearest(question)
            except (ImageError, InputError) as error:
                yield failed_answer(question, error)
                continue
            found = self._samples[nearest]
            metadata = {"nearest": found.question_id, "similarity": round(similarity, 6)}
            yield _said(question, found.references[0], **metadata)

    def _nearest(self, question: Question) -> tuple[int, float]:
        if isinstance(self._index, WordIndex):
            return self._index.nearest(_words(question.prompt, question.metadata, self._by))
        if not question.images:
            raise InputError("a study without an image cannot be compared by image", hint="use by=prompt")
        return self._index.nearest(question.images[0])


class CopyPriorReportAdapter:
    """Repeats the report of the prior study, which the suite has in the field `prior_report`.

    A study without a prior image and without that field gets an empty answer.
    """

    OPTIONS: ClassVar[Mapping[str, type]] = {}

    @classmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Nothing to load."""
        return cls()

    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield the prior report of each question."""
        for question in questions:
            report = question.metadata.get(PRIOR_REPORT)
            if report is None and len(set(question.images)) > 1:
                reason = f"this study has a prior image, but no {PRIOR_REPORT!r}"
                hint = f"add the prior study's report to the suite's lines as {PRIOR_REPORT!r}"
                yield failed_answer(question, GenerationError(reason, hint=hint))
            else:
                yield _said(question, str(report or ""))


def most_frequent_normal(samples: Sequence[Sample]) -> str:
    """The most frequent report among normal studies; the first in the file where several are equally frequent.

    Raises:
        ModelError: there are labels, and no study is normal.
    """
    labelled = [sample for sample in samples if _labels(sample) is not None]
    normal = [sample for sample in labelled if _is_normal(_labels(sample) or [])]
    if labelled and not normal:
        raise ModelError(
            "no study of the training file is normal", where="--train", hint="give one with normal studies"
        )
    counts = Counter(" ".join(sample.references[0].split()) for sample in normal or samples)
    return counts.most_common(1)[0][0]


def _labels(sample: Sample) -> Sequence[Any] | None:
    if sample.labels is not None:
        return sample.labels
    stated = sample.fields.get("finding_labels")
    return stated if isinstance(stated, list) else None


def _is_normal(labels: Sequence[Any]) -> bool:
    return all(str(label).strip().lower() in NORMAL_LABELS for label in labels)


def _train_file(spec: ModelSpec) -> Path:
    given = spec.options.get("train")
    if not given:
        raise ModelError(
            "learns from a training file, and none is given",
            where=f"--model {spec.name}",
            hint="add --train FILE (same format as a suite, with references)",
        )
    return Path(given).expanduser()


def _training(spec: ModelSpec) -> list[Sample]:
    """The studies of the training file that have a report."""
    path = _train_file(spec)
    samples = [sample for sample in read_samples(path, prompts_required=False) if sample.references]
    if not samples:
        raise ModelError("no study of it has a reference", where=path, hint="give a training file with reports")
    return samples


def _trained_on(spec: ModelSpec) -> dict[str, Any]:
    path = _train_file(spec)
    if not path.is_file():
        raise ModelError("no such training file", where=path, hint="check --train")
    return {"train_sha256": sha256_file(path)}


def _by(spec: ModelSpec) -> str:
    return str(spec.options.get("by") or "prompt")


def _words(prompt: str, fields: Mapping[str, Any], by: str) -> str:
    return prompt if by == "prompt" else str(fields.get(by) or "")


def _current_image(sample: Sample, root: Path) -> Path | None:
    return resolve_images(sample.images[:1], root)[0] if sample.images else None


def _said(question: Question, text: str, **metadata: Any) -> Answer:
    return Answer(question.question_id, question.prompt, text, metadata={"finish": "stop", **metadata})
