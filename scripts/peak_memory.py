"""The most memory that a process and those that it started use at one time."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psutil

EVERY_SECONDS = 0.1


class Peak:
    """Memory looked at ten times a second; what processes share counts once."""

    def __init__(self) -> None:
        self.gigabytes = 0.0

    def look(self, process: psutil.Process) -> None:
        """Add up what the process and its children have now."""
        now = 0
        for one in [process, *children(process)]:
            try:
                now += one.memory_full_info().pss
            except psutil.Error:  # it has ended
                continue
        self.gigabytes = max(self.gigabytes, now / 1e9)


def children(process: psutil.Process) -> list[psutil.Process]:
    """Those that live."""
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


@contextmanager
def watched() -> Iterator[Peak]:
    """Watch this process."""
    peak, done = Peak(), threading.Event()

    def watch() -> None:
        while not done.wait(EVERY_SECONDS):
            peak.look(psutil.Process())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def peak_of(command: Sequence[str], environment: dict[str, str]) -> float:
    """Gigabytes of a command that must succeed; what it prints is dropped."""
    peak = Peak()
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as running:
        while True:
            peak.look(psutil.Process(running.pid))
            try:
                if running.wait(EVERY_SECONDS):
                    raise SystemExit(f"failed: {' '.join(command)}")
                return peak.gigabytes
            except subprocess.TimeoutExpired:
                continue
