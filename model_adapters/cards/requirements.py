"""Packages that a model needs beyond libra-bench's own: which of them are missing, and how to get them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from model_adapters.cards import Card


def missing_packages(card: Card) -> list[str]:
    """The card's requirements that are not met here."""
    from packaging.requirements import Requirement

    missing = []
    for text in card.needs:
        requirement = Requirement(text)
        try:
            is_met = requirement.specifier.contains(version(requirement.name), prereleases=True)
        except PackageNotFoundError:
            is_met = False
        if not is_met:
            missing.append(text)
    return missing


def how_to_get(missing: Sequence[str]) -> str:
    """What to do about missing packages."""
    if any("==" in text for text in missing):  # another version than libra-bench itself runs on
        return "run it in an environment of its own, and score its answers with --model replay:FILE"
    return f"pip install {' '.join(missing)}"
