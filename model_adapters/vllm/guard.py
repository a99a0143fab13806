"""vLLM's processes end with ours, however ours ends.

They live on when the process that started them is killed (kill -9, a full memory), and keep the accelerator's memory.
So a small process of its own waits for our end. It knows them by handles, which cannot come to mean another process.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable

GRACE_SECONDS = 10
"""How long they may take to end by themselves."""
WATCH = f"""
import os, select, signal, sys
handles = [os.pidfd_open(int(pid)) for pid in sys.argv[1:]]
sys.stdin.buffer.read()
for handle in handles:
    if not select.select([handle], [], [], {GRACE_SECONDS})[0]:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
"""


def guard(pids: Iterable[int]) -> subprocess.Popen[bytes]:
    """Watch over processes; they are ended when the result is forgotten, or this process is gone."""
    return subprocess.Popen(
        [sys.executable, "-c", WATCH, *map(str, pids)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # so that Ctrl-C and a killed group leave it alone
    )
