"""`models check`: does a model load, what does it read, and does it write?"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.catalog import CONTEXT, DEMO, FINDINGS_PROMPT
from benchmarks.errors import GenerationError, LibraBenchError, WeightsError
from benchmarks.schema import Question
from libra_bench.runs.options import RunOptions
from libra_bench.runs.plan import model_spec
from model_adapters.adapter import Decoding, ModelSpec
from model_adapters.models import load_adapter

PHANTOM = DEMO / "images" / "00001"
QUESTION = Question(
    "check",
    f"{FINDINGS_PROMPT} {CONTEXT} Indication: Cough and fever.",
    (PHANTOM / "2.png", PHANTOM / "1.png"),
    {"indication": "Cough and fever."},
)
"""A synthetic study with a prior one."""


@dataclass(slots=True)
class Check:
    """What was found; `error` says in words what is wrong, and what to do about it."""

    model: str
    adapter: str | None = None
    path: str | None = None
    loads: bool = False
    works: bool = False
    """Whether it also answered."""
    seconds_to_load: float | None = None
    missing_keys: tuple[str, ...] = ()
    unexpected_keys: tuple[str, ...] = ()
    """Weights that the model has no place for; an error with Libra checkpoints, a remark with others."""
    misshapen_keys: tuple[str, ...] = ()
    prompt: str | None = None
    prompt_tokens: int | None = None
    first_token: str | None = None
    error: str | None = None
    exit_status: int = 0


def check_model(name: str, options: RunOptions) -> Check:
    """Load a model, render one prompt, and let it write one token; stops at the first thing that is wrong.

    Args:
        name: the value of `--model`.
        options: those of the model.
    """
    check = Check(name)
    try:
        resolved = model_spec(name, options)
        check.adapter, check.path = resolved.adapter, resolved.path
        _try(resolved, check)
    except LibraBenchError as error:
        check.error, check.exit_status = str(error), error.exit_status
        if isinstance(error, WeightsError):
            check.missing_keys, check.unexpected_keys = error.missing, error.unexpected
            check.misshapen_keys = error.mismatched
    return check


def _try(spec: ModelSpec, check: Check) -> None:
    started = time.perf_counter()
    adapter = load_adapter(spec)
    check.loads, check.seconds_to_load = True, round(time.perf_counter() - started, 2)
    check.unexpected_keys = tuple(adapter.describe().get("unused_keys", ()))
    prompt = adapter.render(QUESTION)
    check.prompt, check.prompt_tokens = prompt.text, prompt.num_tokens
    answer = adapter.answer(QUESTION, Decoding(max_new_tokens=1))
    if answer.failed:
        raise GenerationError(str(answer.metadata.get("error")))
    check.first_token, check.works = answer.text, True


def default_dtype(base: Path) -> str:
    """The type that a checkpoint's weights are stored in, as its config.json says; else float32."""
    from model_adapters.checkpoints.files import read_config
    from model_adapters.checkpoints.precision import DTYPES

    config = read_config(base)
    stated = str(config.get("torch_dtype") or config.get("dtype"))
    return stated if stated in DTYPES else "float32"
