"""The contract between the program and a model: what is asked (`Decoding`, `ModelSpec`) and who answers (`Adapter`).

The smallest complete adapter is `model_adapters/baselines/echo.py`. A third party adds one through the entry point
`libra_bench.adapters` (name = "package.module:Class"); see docs/plugins.md.
"""

from model_adapters.adapter.base import Adapter, ModelSpec, RenderedPrompt, failed_answer
from model_adapters.adapter.decoding import Decoding
from model_adapters.adapter.options import checked_options
from model_adapters.adapter.seeds import study_digest, study_seed

__all__ = [
    "Adapter",
    "Decoding",
    "ModelSpec",
    "RenderedPrompt",
    "checked_options",
    "failed_answer",
    "study_digest",
    "study_seed",
]
