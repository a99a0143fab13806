"""What this process may use of the machine, and further Pythons that help it."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

WORKER = "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); import {0}; {0}.work()"


def core_count() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def without_collecting() -> Iterator[None]:
    """Without a search for garbage, which takes a third of the time where much is made that stays.

    So it is with the records of hundreds of runs, and with the modules that a model needs.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def workers(module: str, n: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Start n further Pythons that run `work` of a module, fewer where the system has no room; end them at the exit.

    They import what this process could, but never the user's own script, and compute on one thread. `work` takes what
    it is asked from `requests`.
    """
    started: list[subprocess.Popen[bytes]] = []
    try:
        with suppress(OSError):
            for _ in range(n):
                started.append(
                    subprocess.Popen(
                        [sys.executable, "-P", "-c", WORKER.format(module)],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL,
                        env={**os.environ, "OMP_NUM_THREADS": "1"},
                    )
                )
                stdin = started[-1].stdin
                assert stdin is not None
                send(stdin, sys.path)
        yield started
    finally:
        for worker in started:
            worker.kill()
            worker.communicate()


def talk_to_starter() -> tuple[IO[bytes], IO[bytes]]:
    """For `work`: the streams that requests come from and replies go to.

    What is printed goes elsewhere, and Ctrl-C is left to the process that started this one.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies, sys.stdout = sys.stdout.buffer, sys.stderr
    return sys.stdin.buffer, replies


def send(stream: IO[bytes], value: object) -> None:
    """Write a value that the other side reads with `pickle.load`.

    Raises:
        OSError: nobody reads any more.
    """
    pickle.dump(value, stream, protocol=pickle.HIGHEST_PROTOCOL)
    stream.flush()
