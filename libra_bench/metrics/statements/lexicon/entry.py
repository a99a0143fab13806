"""One row of the lexicon of findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from libra_bench.metrics.statements.statement import Category, Change

Kind: TypeAlias = Literal["finding", "structure", "device", "study"]


@dataclass(frozen=True, eq=False)
class Entry:
    """What a finding is called, how it is written, and how it behaves."""

    name: str
    category: Category | None
    phrases: str
    """How it is written, in the notation of `phrases.py`, one a line or parted by ";"."""
    kind: Kind = "finding"
    """A structure is no finding by itself: only a word such as "normal" or "enlarged" makes it a statement."""
    stems: str = ""
    """Adjectives that name it before a noun of abnormality or in a list: "mediastinal widening", "hilar and ..."."""
    signs: Mapping[str, tuple[str, Category | None]] = field(default_factory=dict)
    """Of a structure: what a sign makes of it ("tortuous" -> aortic tortuosity); "*" for every other sign."""
    sign: str = ""
    """Of a finding that is a sign of a structure: "calcification of the aorta" is aortic calcification."""
    midline: bool = False
    """Has no side: takes none from its neighbour, and "bilateral" is one statement."""
    diffuse: bool = False
    """Takes no side from its neighbour; its own are told."""
    normal: bool = False
    """The words state that all is well ("well aerated"): an absent statement, present where they are denied."""
    quantity: bool = False
    """More of it is better: an increase of aeration makes the disease smaller."""
    lends_side: bool = False
    """Of a device: what is found "with" it is on its side ("right chest tube with a small pneumothorax")."""
    described: bool = False
    """ "Increased" in front of it describes, and compares with nothing."""
    change: Change | None = None
    """The words themselves say that it changed ("extubated")."""
    also: Entry | None = None
    """The words name this too: a hydropneumothorax is an effusion and a pneumothorax."""

    @property
    def takes_no_side(self) -> bool:
        """Whether its neighbour's side says nothing of it."""
        return self.midline or self.diffuse
