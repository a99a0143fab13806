"""Coroutines that run in a thread of their own, are waited for by any number of threads, and can all be broken off."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

T = TypeVar("T")


class Background:
    """An event loop in a thread of its own, which ends with this object."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name=name, daemon=True).start()
        weakref.finalize(self, self._loop.call_soon_threadsafe, self._loop.stop)
        self._lock = threading.Lock()
        self._pending: set[Future[Any]] = set()
        self._is_stopped = False

    def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """What comes of a coroutine; where the waiting thread is interrupted, the coroutine ends, too.

        Raises:
            CancelledError: it was broken off by `stop`.
        """
        with self._lock:
            if self._is_stopped:
                work.close()
                raise CancelledError
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
            self._pending.add(future)
        try:
            return future.result()
        finally:
            future.cancel()
            with self._lock:
                self._pending.discard(future)

    def stop(self) -> None:
        """Break off everything that is under way, and take nothing new until `resume`."""
        with self._lock:
            self._is_stopped = True
            pending = list(self._pending)
        for future in pending:
            future.cancel()

    def resume(self) -> None:
        """Take work again."""
        with self._lock:
            self._is_stopped = False
