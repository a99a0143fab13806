"""What a training has read, whatever killed it meanwhile: positions, padding, samples that were left out or cut."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from accelerate.utils import gather_object
from pydantic import ConfigDict, Field, NonNegativeInt

from benchmarks.records.json_record import Record, read_record, write_record
from libra_bench.training.resuming import hint_for

TALLY_FILE = "tally.json"
"""In every checkpoint."""


class Tally(Record):
    """Counts; those of the positions are of one epoch."""

    model_config = ConfigDict(frozen=False)

    epoch: NonNegativeInt = 0
    positions: NonNegativeInt = 0
    padding: NonNegativeInt = 0
    skipped: dict[str, str] = Field(default_factory=dict)
    """Id -> error of samples that were left out."""
    truncated: dict[str, None] = Field(default_factory=dict)
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
        whole = Tally(epoch=self.epoch)
        for other in gather_object([self]):
            whole.positions += other.positions
            whole.padding += other.padding
            whole.skipped |= other.skipped
            whole.truncated |= other.truncated
        return whole

    def write(self, checkpoint: Path) -> None:
        """Keep it in a checkpoint."""
        write_record(checkpoint / TALLY_FILE, self)

    @classmethod
    def of_checkpoint(cls, checkpoint: Path) -> Tally:
        """What was counted before a checkpoint; nothing in those of earlier versions.

        Raises:
            InputError: its file is damaged.
        """
        return read_record(checkpoint / TALLY_FILE, cls, version=1, hint=hint_for(checkpoint)) or cls()
