"""Packages that a model needs beyond libra-bench's own: which of them are missing, and how to get them."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.packages import is_met
from model_adapters.cards import Card


def missing_packages(card: Card) -> list[str]:
    """The card's requirements that are not met here."""
    return [requirement for requirement in card.needs if not is_met(requirement)]


def how_to_get(missing: Sequence[str]) -> str:
    """What to do about missing packages."""
    if any("==" in text for text in missing):  # another version than libra-bench itself runs on
        return "run it in an environment of its own, and score its answers with --model replay:FILE"
    return f"pip install {' '.join(missing)}"
