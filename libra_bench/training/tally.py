"""What a training has read, whatever killed it meanwhile: positions, padding, samples that were left out or cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from accelerate.utils import gather_object

from benchmarks.files import write_json
from benchmarks.files.json_text import parse_json

TALLY_FILE = "tally.json"
"""In every checkpoint."""


@dataclass
class Tally:
    """Counts; those of the positions are of one epoch."""

    epoch: int = 0
    positions: int = 0
    padding: int = 0
    skipped: dict[str, str] = field(default_factory=dict)
    """Id -> error of samples that were left out."""
    truncated: dict[str, None] = field(default_factory=dict)
    """Ids of samples that were cut."""

    @property
    def padding_share(self) -> float | None:
        """Of the epoch's positions so far; None before the first."""
        return self.padding / self.positions if self.positions else None

    def begin(self, epoch: int) -> None:
        """Count the positions of this epoch, from 0 on unless it is being continued."""
        if epoch != self.epoch:
            self.epoch, self.positions, self.padding = epoch, 0, 0

    def add(self, batch: Mapping[str, Any], *, learned: bool) -> None:
        """Count a batch of the collator; only what is learned from counts as positions."""
        self.skipped.update((str(name), error) for name, error in batch.get("skipped", []))
        self.truncated.update((str(name), None) for name in batch.get("truncated", []))
        if learned:
            positions, padding = batch["positions"]
            self.positions += positions
            self.padding += padding

    def of_all_processes(self) -> Tally:
        """The sum over all processes, in each of them."""
        whole = Tally(self.epoch)
        for other in gather_object([self]):
            whole.positions += other.positions
            whole.padding += other.padding
            whole.skipped |= other.skipped
            whole.truncated |= other.truncated
        return whole

    def write(self, checkpoint: Path) -> None:
        """Keep it in a checkpoint."""
        write_json(checkpoint / TALLY_FILE, asdict(self))

    @classmethod
    def of_checkpoint(cls, checkpoint: Path) -> Tally:
        """What was counted before a checkpoint; nothing in those of earlier versions."""
        path = checkpoint / TALLY_FILE
        return cls(**parse_json(path.read_bytes())) if path.is_file() else cls()
