"""The side environments that model cards name."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.environments import SideEnvironment
from benchmarks.errors import InputError, UnknownNameError
from model_adapters.cards import Card

ENVIRONMENTS: Mapping[str, SideEnvironment] = {
    environment.name: environment
    for environment in (
        SideEnvironment(
            "chexagent-2",
            {
                "transformers": "4.40.0",
                "numpy": "1.26.4",
                "pillow": "11.3.0",
                "accelerate": "0.29.3",
                "einops": "0.8.0",
            },
        ),
    )
}
"""Name -> its packages. The older transformers was written for numpy 1."""


def environment_of(card: Card) -> SideEnvironment:
    """The side environment that a model runs in.

    Raises:
        InputError: it needs none. UnknownNameError: the card names one that does not exist.
    """
    if card.environment is None:
        raise InputError(
            "runs in libra-bench's own environment, so there is nothing to install",
            where=f"model {card.id}",
            hint="use it as it is; `libra-bench models` says what it needs",
        )
    if card.environment not in ENVIRONMENTS:
        raise UnknownNameError(f"side environment in the card of {card.id}", card.environment, ENVIRONMENTS)
    return ENVIRONMENTS[card.environment]
