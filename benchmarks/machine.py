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
from typing import IO, Any, TypeAlias

Worker: TypeAlias = "subprocess.Popen[bytes]"
WORKER = "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); import {0}; {0}.work()"
SPINS = 1000
"""How often a waiting thread looks before it sleeps, some 10 microseconds; GNU's OpenMP looks 300,000 times.

Measured with two threads and nothing else: 3 to 9 % slower. Beside another program that computes: a fifteenth of the
time, since threads that only look take the cores from those that they wait for.
"""


def core_count() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share_cores() -> None:
    """Have the threads of a product sleep soon while they wait for each other; before torch is imported.

    What the user says (`OMP_WAIT_POLICY`, `GOMP_SPINCOUNT`) stays.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPINS))


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


def start_worker(module: str) -> Worker:
    """Another Python that runs `work` of a module: what this one can import, but never the user's own script.

    It computes on one thread. What it prints and says of errors is lost.

    Raises:
        OSError: the system has no room for it.
    """
    worker = subprocess.Popen(
        [sys.executable, "-P", "-c", WORKER.format(module)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    with suppress(BrokenPipeError):  # it has ended already
        send(worker, pickled(sys.path))
    return worker


def end_worker(worker: Worker) -> None:
    """End it, whatever it does."""
    worker.kill()
    with suppress(OSError):  # what it never read is flushed
        worker.communicate()


def pickled(value: object) -> bytes:
    """A message."""
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def send(worker: Worker, message: bytes) -> None:
    """Send a message to a worker.

    Raises:
        OSError: it has ended.
    """
    assert worker.stdin is not None
    worker.stdin.write(message)
    worker.stdin.flush()


def received(worker: Worker) -> Any:
    """What a worker answers.

    Raises:
        EOFError, OSError, PickleError: it does not.
    """
    assert worker.stdout is not None
    return pickle.load(worker.stdout)  # noqa: S301  # of our own process


def talk_to_starter() -> tuple[IO[bytes], IO[bytes]]:
    """For `work`: the streams that messages come from and answers go to.

    What is printed goes elsewhere, and Ctrl-C is left to the process that started this one.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers, sys.stdout = sys.stdout.buffer, sys.stderr
    return sys.stdin.buffer, answers
