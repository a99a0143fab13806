"""One study, described by one model: no suite, no run folder."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.errors import GenerationError, ImageError, InputError
from benchmarks.schema import Answer, Question
from libra_bench.runs.cautions import cautions_for_pictures, cautions_without_card
from libra_bench.runs.options import RunOptions
from libra_bench.runs.plan import model_and_decoding
from model_adapters.adapter import Adapter, Decoding
from model_adapters.models import load_adapter


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
    adapter, decoding, paths, cautions = _loaded(images, model, options, on_warning, prompt)
    answer = adapter.answer(Question("describe", prompt, paths), decoding)
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
    adapter, decoding, paths, _ = _loaded(images, model, options, on_warning)
    if not adapter.converses:
        raise InputError(
            "answers single questions, not conversations", where=f"--model {model}", hint="leave out --chat"
        )
    said: list[str] = []
    for asked in questions:
        if not asked.strip():
            return
        answer = adapter.answer(Question("describe", asked, paths, said=tuple(said)), decoding)
        if answer.failed:
            raise GenerationError(str(answer.metadata.get("error")))
        said += [asked, answer.text]
        yield answer


def _loaded(
    images: str | Path | Sequence[str | Path],
    model: str,
    options: RunOptions,
    on_warning: Callable[[str], None],
    prompt: str | None = None,
) -> tuple[Adapter, Decoding, tuple[Path, ...], tuple[str, ...]]:
    """The model, its decoding, the images and what was warned of; everything is checked before it is loaded."""
    paths = [images] if isinstance(images, str | Path) else list(images)
    if len(paths) > 2:
        raise ImageError(f"{len(paths)} images, at most two are possible", hint="give the current and the prior image")
    for path in paths:
        if not Path(path).is_file():
            raise ImageError("no such image", where=path, hint="check the path")
    if prompt is not None and not prompt.strip():
        raise InputError("the prompt is empty", where="--prompt")
    spec, _, decoding, _ = model_and_decoding(model, options)
    cautions = (*cautions_for_pictures(spec, [Path(path) for path in paths]), *cautions_without_card(spec, options))
    for warning in cautions:
        on_warning(warning)
    return load_adapter(spec), decoding, tuple(Path(path) for path in paths), cautions
