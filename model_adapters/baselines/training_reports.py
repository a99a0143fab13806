"""Reports of a training file: the most frequent normal one, or one drawn for each study."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from annotated_types import Ge

from benchmarks.errors import ModelError
from benchmarks.files import sha256_file
from benchmarks.schema import Answer, Question, Sample
from benchmarks.suites import read_samples
from model_adapters.adapter import Adapter, Decoding, ModelSpec
from model_adapters.baselines.constant import ConstantAdapter, answer_with

NORMAL_LABELS = frozenset({"no finding", "normal"})


class NormalAdapter(ConstantAdapter):
    """Gives the most frequent normal report of the training file for every study.

    Normal is a study whose label set (`labels` or `finding_labels`) is empty or says "No Finding". A file without
    labels: every report counts, and in a file of all comers the most frequent one is a normal one.
    """

    summary = "the most frequent normal report of --train FILE for every study"
    OPTIONS: ClassVar[Mapping[str, Any]] = {"train": str}

    @classmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Find the report in the training file."""
        return cls(most_frequent_normal(training_samples(spec)))

    @classmethod
    def identity(cls, spec: ModelSpec) -> Mapping[str, Any]:
        """The training file."""
        return training_identity(spec)


class RandomReportAdapter(Adapter):
    """Gives each study a report drawn from the training file.

    Option `seed` (default 0): the draw depends on it and on the question's id alone.
    """

    summary = "a report drawn from --train FILE for each study"
    needs_weights = False
    is_baseline = True
    follows_decoding = False
    OPTIONS: ClassVar[Mapping[str, Any]] = {"train": str, "seed": Annotated[int, Ge(0)]}

    def __init__(self, reports: Sequence[str], seed: int) -> None:
        self._reports, self._seed = reports, seed

    @classmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Read the training file."""
        return cls([sample.references[0] for sample in training_samples(spec)], spec.options.get("seed", 0))

    @classmethod
    def identity(cls, spec: ModelSpec) -> Mapping[str, Any]:
        """The training file and the seed."""
        return {**training_identity(spec), "seed": spec.options.get("seed", 0)}

    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield a drawn report for each question."""
        for question in questions:
            digest = hashlib.sha256(f"{self._seed}:{question.question_id}".encode()).digest()
            yield answer_with(question, self._reports[int.from_bytes(digest[:8], "big") % len(self._reports)])


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


def training_file(spec: ModelSpec) -> Path:
    """The option `train`.

    Raises:
        ModelError: it is not given.
    """
    given = spec.options.get("train")
    if not given:
        raise ModelError(
            "learns from a training file, and none is given",
            where=f"--model {spec.name}",
            hint="add --train FILE (same format as a suite, with references)",
        )
    return Path(given).expanduser()


def training_samples(spec: ModelSpec) -> list[Sample]:
    """The studies of the training file that have a report.

    Raises:
        ModelError: there is none. SuiteError: the file cannot be read.
    """
    path = training_file(spec)
    samples = [sample for sample in read_samples(path, prompts_required=False) if sample.references]
    if not samples:
        raise ModelError("no study of it has a reference", where=path, hint="give a training file with reports")
    return samples


def training_identity(spec: ModelSpec) -> dict[str, Any]:
    """The hash of the training file.

    Raises:
        ModelError: there is no such file.
    """
    path = training_file(spec)
    if not path.is_file():
        raise ModelError("no such training file", where=path, hint="check --train")
    return {"train_sha256": sha256_file(path)}


def _labels(sample: Sample) -> Sequence[Any] | None:
    if sample.labels is not None:
        return sample.labels
    stated = sample.fields.get("finding_labels")
    return stated if isinstance(stated, list) else None


def _is_normal(labels: Sequence[Any]) -> bool:
    return all(str(label).strip().lower() in NORMAL_LABELS for label in labels)
