"""The package vllm, imported when it is needed; nothing else imports it."""

from __future__ import annotations

import os
from typing import Any

from benchmarks.errors import ModelError
from benchmarks.wording import first_line

SETTINGS = {"VLLM_LOGGING_LEVEL": "ERROR", "VLLM_LOGGING_STREAM": "ext://sys.stderr", "VLLM_NO_USAGE_STATS": "1"}
"""Its environment variables, where the user has not set them: results alone go to stdout, and nothing is sent home."""


def imported() -> Any:
    """The package vllm.

    Raises:
        ModelError: it is not installed, or does not fit to what else is.
    """
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    try:
        import vllm
        import vllm.sampling_params
    except ImportError as error:
        raise ModelError(
            f"vLLM cannot be imported ({first_line(error)})",
            where="--adapter vllm",
            hint="pip install 'libra-bench[vllm]'",
        ) from error
    return vllm


def deaths() -> tuple[type[Exception], ...]:
    """What vLLM raises when its process has died."""
    from vllm.v1.engine.exceptions import EngineDeadError

    return RuntimeError, EngineDeadError


def platform() -> str:
    """The kind of device that vLLM runs on here: "cuda", "cpu", ...

    Raises:
        ModelError: vLLM cannot be imported.
    """
    imported()
    from vllm.platforms import current_platform

    return str(current_platform.device_type)
