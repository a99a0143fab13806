"""The report of the most similar study of a training file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from benchmarks.errors import ImageError, InputError, UnknownNameError
from benchmarks.images import resolve_images
from benchmarks.schema import Answer, Question, Sample
from model_adapters.adapter import Adapter, Decoding, ModelSpec, failed_answer
from model_adapters.baselines.constant import answer_with
from model_adapters.baselines.nearest import PixelIndex, WordIndex
from model_adapters.baselines.training_reports import training_file, training_identity, training_samples


class RetrievalAdapter(Adapter):
    """Repeats the report of the most similar training study.

    Option `by`: `prompt` (default; TF-IDF over the words of the prompt), `indication` (the same over that field, or
    any other field that suite and training file share), or `image` (the current image, pixel by pixel, at 32 x 32).
    """

    summary = "the report of the most similar study of --train FILE (--option by=prompt|indication|image)"
    needs_weights = False
    is_baseline = True
    follows_decoding = False
    OPTIONS: ClassVar[Mapping[str, Any]] = {"train": str, "by": str}

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
        samples, by = training_samples(spec), _by(spec)
        fields = {name for sample in samples for name, value in sample.fields.items() if isinstance(value, str)}
        if by not in {"prompt", "image", *fields}:
            raise UnknownNameError("field to compare by", by, {"prompt", "image", *fields})
        return cls(samples, training_file(spec).parent, by)

    @classmethod
    def identity(cls, spec: ModelSpec) -> Mapping[str, Any]:
        """The training file, and what is compared."""
        return {**training_identity(spec), "by": _by(spec)}

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
            yield answer_with(question, found.references[0], **metadata)

    def _nearest(self, question: Question) -> tuple[int, float]:
        if isinstance(self._index, WordIndex):
            return self._index.nearest(_words(question.prompt, question.metadata, self._by))
        if not question.images:
            raise InputError("a study without an image cannot be compared by image", hint="use by=prompt")
        return self._index.nearest(question.images[0])


def _by(spec: ModelSpec) -> str:
    return str(spec.options.get("by") or "prompt")


def _words(prompt: str, fields: Mapping[str, Any], by: str) -> str:
    return prompt if by == "prompt" else str(fields.get(by) or "")


def _current_image(sample: Sample, root: Path) -> Path | None:
    return resolve_images(sample.images[:1], root)[0] if sample.images else None
