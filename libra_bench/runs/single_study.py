"""One study, described by one model: no suite, no run folder."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.errors import GenerationError, ImageError, InputError
from benchmarks.schema import Answer, Question
from libra_bench.runs.cautions import cautions_for_pictures, cautions_without_card
from libra_bench.runs.options import RunOptions
from libra_bench.runs.plan import model_and_decoding
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
    paths = [images] if isinstance(images, str | Path) else list(images)
    if len(paths) > 2:
        raise ImageError(f"{len(paths)} images, at most two are possible", hint="give the current and the prior image")
    for path in paths:
        if not Path(path).is_file():
            raise ImageError("no such image", where=path, hint="check the path")
    if not prompt.strip():
        raise InputError("the prompt is empty", where="--prompt")
    spec, _, decoding, _ = model_and_decoding(model, options)
    cautions = (*cautions_for_pictures(spec, [Path(path) for path in paths]), *cautions_without_card(spec, options))
    for warning in cautions:
        on_warning(warning)
    adapter = load_adapter(spec)
    question = Question("describe", prompt, tuple(Path(path) for path in paths))
    answer = adapter.answer(question, decoding)
    if answer.failed:
        raise GenerationError(str(answer.metadata.get("error")))
    return replace(answer, metadata={**answer.metadata, "warnings": list(cautions)}) if cautions else answer
