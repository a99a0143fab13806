"""When a text ends: at an EOS token, or at the template's stop string."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import ModelError


def end_token_ids(stated: object) -> tuple[int, ...]:
    """The tokens that end a text, of which a checkpoint states one, several, or None.

    Raises:
        ModelError: they are no ids.
    """
    ids = () if stated is None else tuple(stated) if isinstance(stated, list | tuple) else (stated,)
    if not all(isinstance(token_id, int) for token_id in ids):
        what = f"eos_token_id is {stated!r:.80}, not ids of tokens"
        raise ModelError(what, hint="correct generation_config.json, or config.json")
    return ids


class StopRule:
    """When a sequence ends: an EOS id, or the template's stop string at its tail.

    The stop string is looked for as the published evaluation does: its ids are the last ids of the sequence (prompt
    included), or it occurs in the text of the last generated ids, as many as the stop string has ids itself.

    Args:
        eos_ids: any of these ends a sequence.
        stop_ids: the stop string's ids; empty: there is none.
        stop: the stop string.
        decode: ids to text, special tokens left out.
    """

    def __init__(
        self,
        eos_ids: Sequence[int],
        stop_ids: Sequence[int] = (),
        stop: str = "",
        decode: Callable[[Sequence[int]], str] = lambda ids: "",
    ) -> None:
        self.eos_ids = frozenset(eos_ids)
        self._stop_ids, self._stop = tuple(stop_ids), stop
        self._decode = lru_cache(maxsize=65536)(decode)

    @property
    def tail(self) -> int:
        """How many ids at the end of a sequence decide; 0 where there is no stop string."""
        return len(self._stop_ids)

    def hits_string(self, last_ids: Sequence[int] | NDArray[np.int64], num_new: int) -> bool:
        """Whether a sequence ends with the stop string.

        Args:
            last_ids: its last ids, `tail` of them or all (prompt included).
            num_new: how many ids of the sequence were generated.
        """
        if not self.tail:
            return False
        last = tuple(int(index) for index in last_ids)
        return last == self._stop_ids or self._stop in self._decode(last[-min(num_new, self.tail) :])
