"""The log of a training run: one JSON line per event, in the order of the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from benchmarks.files import dump_json_line, write_jsonl
from benchmarks.files.json_text import parse_json


def read_log(path: Path) -> list[dict[str, Any]]:
    """The lines of a log up to the first that is none: a process that dies leaves half of one."""
    if not path.is_file():
        return []
    lines: list[dict[str, Any]] = []
    for text in path.read_bytes().splitlines():
        try:
            line = parse_json(text)
        except ValueError:
            break
        if not isinstance(line, dict) or not all(isinstance(value, int | float) for value in line.values()):
            break
        if not isinstance(line.get("step"), int):
            break
        lines.append(line)
    return lines


def mean_loss(lines: Sequence[Mapping[str, Any]]) -> float | None:
    """The mean over all steps of a log whose lines have the mean since the line before; None without a loss."""
    total, before = 0.0, 0
    for line in lines:
        if "loss" in line:
            total += line["loss"] * (line["step"] - before)
            before = line["step"]
    return total / before if before else None


class LogFile(TrainerCallback):
    """Writes the log; a continued run takes back what was logged after its checkpoint.

    Args:
        path: log.jsonl.
        after: step of the checkpoint that the run continues from; 0 begins.
    """

    def __init__(self, path: Path, after: int) -> None:
        self.path, self.after = path, after

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Keep the lines up to the checkpoint, without the one of an ended training."""
        if state.is_world_process_zero:
            lines = read_log(self.path)
            kept = [line for line in lines if line.get("step", 0) <= self.after and "train_loss" not in line]
            write_jsonl(self.path, kept)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The last step is logged, too, whatever `logging_steps` says."""
        if state.global_step >= state.max_steps:
            control.should_log = True

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        """Add a line."""
        if state.is_world_process_zero and logs:
            if "train_loss" in logs:  # the Trainer's own mean begins at the checkpoint that the run continues from
                logs = {**logs, "train_loss": mean_loss(read_log(self.path)) or logs["train_loss"]}
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(dump_json_line({"step": state.global_step, **logs}))
