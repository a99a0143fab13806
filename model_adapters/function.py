"""A bare callable as a model (`--model module:function`): a list of questions in, a list of texts out."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeAlias

from benchmarks.errors import ModelError
from benchmarks.files import sha256_file
from benchmarks.schema import Answer, Question
from model_adapters.adapter import Adapter, Decoding, ModelSpec, failed_answer

Function: TypeAlias = Callable[[list[Question]], list[str]]
DEFAULT_BATCH_SIZE = 8
OUR_PACKAGES = ("benchmarks", "libra_bench", "model_adapters", "reports")


class FunctionAdapter(Adapter):
    """Asks a function, one batch of questions at a time; what it raises is recorded for each question of the batch."""

    summary = "a Python function of yours: a list of questions in, a list of texts out"
    needs_weights = True
    path_metavar = "MODULE:FUNCTION"
    follows_decoding = False

    def __init__(self, function: Function, batch_size: int) -> None:
        self._function, self._batch_size = function, batch_size

    @classmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Import the function; modules in the working folder count, too."""
        function, _ = _find(spec)
        return cls(function, spec.batch_size or DEFAULT_BATCH_SIZE)

    @classmethod
    def identity(cls, spec: ModelSpec) -> Mapping[str, Any]:
        """The function's name and the hash of the file that holds it."""
        _, file = _find(spec)
        return {"function": spec.path, "module_sha256": sha256_file(file) if file else None}

    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield the function's text for each question."""
        for start in range(0, len(questions), self._batch_size):
            batch = list(questions[start : start + self._batch_size])
            try:
                texts = self._function(batch)
            except Exception as error:  # noqa: BLE001 - foreign code may raise anything; each question records it
                yield from (failed_answer(question, error) for question in batch)
                continue
            if not isinstance(texts, list) or len(texts) != len(batch):
                raise ModelError(f"the function must return a list of {len(batch)} texts, not {texts!r:.80}")
            for question, text in zip(batch, texts, strict=True):
                yield Answer(question.question_id, question.prompt, str(text))


def _find(spec: ModelSpec) -> tuple[Function, Path | None]:
    module_name, _, attribute = (spec.path or "").partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # last: a folder of the user's must not take the place of a package
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        hint = _shadowed(error) or "check the name"
        raise ModelError(f"cannot import {module_name!r} ({error})", where="--model", hint=hint) from error
    function = getattr(module, attribute, None)
    if not callable(function):
        names = [name for name in vars(module) if callable(getattr(module, name)) and not name.startswith("_")]
        raise ModelError(
            f"{module_name!r} has no function {attribute!r}", where="--model", hint=f"it has: {', '.join(names)}"
        )
    return function, Path(module.__file__) if module.__file__ else None


def _shadowed(error: ImportError) -> str | None:
    """What to do where the function's code wants a package of its own that has the name of one of ours."""
    package = (error.name or "").partition(".")[0]
    own = Path.cwd() / package
    if package in OUR_PACKAGES and (own.is_dir() or own.with_suffix(".py").is_file()):
        return f"{own} has the name of libra-bench's own package {package!r}, which comes first: rename it"
    return None
