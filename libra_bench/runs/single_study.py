"""One study, or a few, described by one model: no run folder."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.catalog import FINDINGS_PROMPT
from benchmarks.errors import GenerationError, ImageError, InputError
from benchmarks.schema import Answer, Question
from benchmarks.suites import SUITE_ENDINGS, load_suite
from libra_bench.runs.cautions import cautions_for_pictures, cautions_without_card
from libra_bench.runs.options import RunOptions
from libra_bench.runs.plan import model_and_decoding
from model_adapters.adapter import failed_answer
from model_adapters.models import load_adapter
from model_adapters.registry import adapter_class


def describe(images: str | Path | Sequence[str | Path], prompt: str, model: str, **options: Any) -> str:
    """One study's text.

    Args:
        images: the current image, or [current, prior].
        prompt: what to ask.
        model: a model's name, path or hub id.
        **options: the model and decoding fields of `RunOptions`.

    Raises:
        GenerationError: the study could not be generated; says why.
    """
    return describe_study(images, prompt, model, RunOptions(**options), _warn).text


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=4)


def describe_study(
    images: str | Path | Sequence[str | Path],
    prompt: str,
    model: str,
    options: RunOptions,
    on_warning: Callable[[str], None],
) -> Answer:
    """One study's answer, with its metadata; see `describe`. `on_warning` is told what to know of the model."""
    paths = _checked([images] if isinstance(images, str | Path) else list(images))
    if not prompt.strip():
        raise InputError("the prompt is empty", where="--prompt")
    spec, _, decoding, _ = model_and_decoding(model, options)
    cautions = (*cautions_for_pictures(spec, paths), *cautions_without_card(spec, options))
    for warning in cautions:
        on_warning(warning)
    adapter = load_adapter(spec)
    question = Question("describe", prompt, paths)
    answer = adapter.answer(question, decoding)
    if answer.failed:
        raise GenerationError(str(answer.metadata.get("error")))
    return replace(answer, metadata={**answer.metadata, "warnings": list(cautions)}) if cautions else answer


def converse(
    images: Sequence[Path],
    questions: Iterable[str],
    model: str,
    options: RunOptions,
    on_warning: Callable[[str], None],
) -> Iterator[Answer]:
    """Several questions about one study, each asked with what was said before; an empty one ends the conversation.

    Raises:
        InputError: the model answers single questions. GenerationError: a question could not be answered.
    """
    paths = _checked(images)
    spec, _, decoding, _ = model_and_decoding(model, options)
    if not adapter_class(spec.adapter).converses:
        raise InputError(
            "answers single questions, not conversations", where=f"--model {model}", hint="leave out --chat"
        )
    for warning in (*cautions_for_pictures(spec, paths), *cautions_without_card(spec, options)):
        on_warning(warning)
    adapter = load_adapter(spec)
    said: list[str] = []
    for asked in questions:
        if not asked.strip():
            return
        answer = adapter.answer(Question("describe", asked, paths, said=tuple(said)), decoding)
        if answer.failed:
            raise GenerationError(str(answer.metadata.get("error")))
        said += [asked, answer.text]
        yield answer


def several(path: Path) -> bool:
    """Whether a path holds several studies: a suite's file, or a folder."""
    return path.is_dir() or path.suffix.lower() in SUITE_ENDINGS


def describe_studies(
    studies: Path | Sequence[Sequence[Path]],
    prompt: str | None,
    model: str,
    options: RunOptions,
    on_warning: Callable[[str], None],
) -> list[Answer]:
    """The answers to several studies, in their order; a study that fails says so in its answer.

    Args:
        studies: a suite's file or a folder; or the images of each study, current or (current, prior).
        prompt: what to ask; None: what the file asks, else for the findings.
        model: a model's name, path or hub id.
        options: the model and decoding fields count.
        on_warning: is told what to know of the model.

    Raises:
        InputError: a file or an image is not there.
    """
    questions = _questions(studies, prompt)
    spec, _, decoding, _ = model_and_decoding(model, options)
    pictures = [path for question in questions for path in question.images]
    for warning in (*cautions_for_pictures(spec, pictures), *cautions_without_card(spec, options)):
        on_warning(warning)
    answers = {answer.question_id: answer for answer in load_adapter(spec).generate(questions, decoding)}
    return [
        answers.get(question.question_id) or failed_answer(question, GenerationError("the model gave no answer"))
        for question in questions
    ]


def _questions(studies: Path | Sequence[Sequence[Path]], prompt: str | None) -> list[Question]:
    if isinstance(studies, Path):
        suite = load_suite(studies, prompt=prompt or FINDINGS_PROMPT)
        asked = [suite.question(sample) for sample in suite.samples]
        return [replace(question, prompt=prompt) for question in asked] if prompt else asked
    return [Question(str(images[0]), prompt or FINDINGS_PROMPT, _checked(images)) for images in studies]


def _checked(images: Sequence[str | Path]) -> tuple[Path, ...]:
    """The images of one study.

    Raises:
        ImageError: too many, or one is not there.
    """
    if len(images) > 2:
        raise ImageError(
            f"{len(images)} images, at most two are possible",
            hint="give the current and the prior image; of several studies, CURRENT,PRIOR for each, or a JSONL file",
        )
    for path in images:
        if not Path(path).is_file():
            raise ImageError("no such image", where=path, hint="check the path")
    return tuple(Path(path) for path in images)
