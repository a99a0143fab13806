"""What the reader hands out: one statement of a report, and the words its fields are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Category: TypeAlias = Literal[
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Opacity",
    "Lung Lesion",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
]
Presence: TypeAlias = Literal["present", "absent", "uncertain"]
Side: TypeAlias = Literal["left", "right"]
Severity: TypeAlias = Literal["mild", "moderate", "severe"]
Change: TypeAlias = Literal["new", "larger", "smaller", "resolved", "unchanged"]

CATEGORIES: tuple[Category, ...] = get_args(Category)
"""CheXpert's observations besides No Finding, in CheXpert's order."""
CHANGES: tuple[Change, ...] = get_args(Change)
"""Of the disease: "larger" is more of it or worse, "smaller" less of it or better (so is improved aeration)."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a report: this finding, on this side, is present, absent or uncertain, and has changed so."""

    finding: str
    """The lexicon's name ("pleural effusion"); "study" is the examination as a whole."""
    category: Category | None
    """CheXpert's observation that the finding counts under; None where it has none."""
    presence: Presence
    """Of the abnormality: "the lungs are clear" is an absent statement about the lungs."""
    side: Side | None
    """None where no side is told; "bilateral" makes two statements."""
    severity: Severity | None
    change: Change | None
    """What is asserted: "no new effusion" asserts none, "has not resolved" is unchanged."""
    start: int
    """Where the finding's words begin in the text as it was given."""
    end: int
