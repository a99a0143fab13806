"""The state of a search for one study: greedy decoding, sampling and beam search.

One object per study, plain numpy on the host; the model's numbers come in as a few candidates per step. Beam search
gives the sequences and scores of transformers' `generate(num_beams=..., early_stopping=False)` for one study alone.

Shape legend: W beams, P prompt tokens, T generated tokens, K candidates (best first).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model_adapters.adapter import Decoding
from model_adapters.generation.generated import Hypothesis
from model_adapters.generation.stopping import StopRule

Ids = NDArray[np.int64]
Scores = NDArray[np.float32]


def repeated_ngrams(sequences_WL: Ids, size: int) -> tuple[Ids, Ids]:
    """The next tokens that would repeat an n-gram: (rows, tokens), for sequences of equal length."""
    length = sequences_WL.shape[1]
    places = length - size + 1
    if size < 1 or places < 1:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    matches = np.ones((len(sequences_WL), places), dtype=bool)
    for offset in range(size - 1):
        latest = sequences_WL[:, places + offset, None]
        matches &= sequences_WL[:, offset : offset + places] == latest
    rows, starts = matches.nonzero()
    return rows, sequences_WL[rows, starts + size - 1]


class Search:
    """What the kinds of search share: the sequences so far, and which tokens may not come next.

    Args:
        prompt_ids: the prompt's ids; the image counts as one id that is never produced.
        decoding: beams, penalties and limits.
        rule: when a sequence ends.
        width: the number of open sequences.
    """

    def __init__(self, prompt_ids: Sequence[int], decoding: Decoding, rule: StopRule, width: int) -> None:
        self._decoding, self._rule = decoding, rule
        self._prompt_length = len(prompt_ids)
        self._sequences = np.empty((width, len(prompt_ids) + decoding.max_new_tokens), np.int64)
        self._sequences[:, : len(prompt_ids)] = prompt_ids
        self.num_new = 0
        """Tokens generated so far."""
        self.parents = [0] * width
        """Which sequence of the step before each sequence continues."""
        self.width = 1
        """Open sequences; 1 until the first token is chosen."""
        self.done = False

    @property
    def last_tokens(self) -> list[int]:
        """The newest token of each sequence: what the model reads next."""
        return [int(token) for token in self._sequences[:, self._length - 1]]

    @property
    def _length(self) -> int:
        return self._prompt_length + self.num_new

    @property
    def leading(self) -> list[int]:
        """The new tokens of the sequence that is ahead so far."""
        return [int(token) for token in self._sequences[0, self._prompt_length : self._length]]

    def forbidden(self) -> tuple[Ids, Ids]:
        """Tokens that may not come next: (sequence, token) pairs."""
        return repeated_ngrams(self._sequences[: self.width, : self._length], self._decoding.no_repeat_ngram_size)

    def _score(self, total: np.float32, length: int) -> np.float32:
        return np.float32(total / np.float32(float(length) ** self._decoding.length_penalty))


class SingleSearch(Search):
    """Greedy decoding or sampling: one sequence."""

    def __init__(self, prompt_ids: Sequence[int], decoding: Decoding, rule: StopRule) -> None:
        super().__init__(prompt_ids, decoding, rule, width=1)
        self._total = np.float32(0)
        self._finish: Literal["stop", "length"] = "length"

    def advance(self, token: int, log_probability: float) -> None:
        """Take the next token."""
        self._sequences[0, self._length] = token
        self.num_new += 1
        self._total += np.float32(log_probability)
        last_ids = self._sequences[0, max(0, self._length - self._rule.tail) : self._length]
        stops = token in self._rule.eos_ids or self._rule.hits_string(last_ids, self.num_new)
        self._finish = "stop" if stops else "length"
        self.done = stops or self.num_new == self._decoding.max_new_tokens

    def results(self) -> list[Hypothesis]:
        """The one sequence."""
        ids = tuple(int(token) for token in self._sequences[0, self._prompt_length : self._length])
        return [Hypothesis(ids, float(self._score(self._total, self.num_new)), self._finish)]


class BeamSearch(Search):
    """Beam search over one study.

    A step looks at K candidates, enough that W of them continue even if all others end. Of the best W, those that end
    become finished sequences; the W best that don't end continue. The search stops when W sequences are finished and
    the best open one, at its present length, is no better than the worst of them.
    """

    def __init__(self, prompt_ids: Sequence[int], decoding: Decoding, rule: StopRule) -> None:
        super().__init__(prompt_ids, decoding, rule, width=decoding.num_beams)
        self._finished: list[Hypothesis] = []
        self.totals: Scores = np.zeros(1, np.float32)
        """Summed log-probabilities of each sequence."""

    def advance(self, totals_K: Scores, tokens_K: Ids, parents_K: Ids) -> None:
        """Take a step: the K best continuations of all sequences together, best first."""
        beams = self._decoding.num_beams
        is_last = self.num_new + 1 == self._decoding.max_new_tokens
        at_eos = np.fromiter((int(token) in self._rule.eos_ids for token in tokens_K), bool, len(tokens_K))
        # The original stops on the string only when every candidate ends with it.
        at_string = not is_last and self._all_hit_string(tokens_K, parents_K)
        ends = at_eos | is_last | at_string
        for rank in np.flatnonzero(ends[:beams]):
            self._finish(totals_K[rank], int(tokens_K[rank]), int(parents_K[rank]), at_eos[rank] or at_string)
        if ends.all():
            self.done = True
            return
        going_on = np.flatnonzero(~ends)[:beams]
        self._continue_with(totals_K[going_on], tokens_K[going_on], parents_K[going_on])
        best_open = self._score(self.totals[0], self.num_new)
        self.done = len(self._finished) == beams and not best_open > self._finished[-1].score

    def results(self) -> list[Hypothesis]:
        """The best finished sequences, best first."""
        return self._finished[: self._decoding.num_return_sequences]

    def _continue_with(self, totals_W: Scores, tokens_W: Ids, parents_W: Ids) -> None:
        fresh = slice(self._prompt_length, self._length)
        self.width = len(tokens_W)
        self._sequences[: self.width, fresh] = self._sequences[parents_W, fresh]
        self._sequences[: self.width, self._length] = tokens_W
        self.num_new += 1
        self.parents = [int(parent) for parent in parents_W]
        self.totals = totals_W

    def _finish(self, total: np.float32, token: int, parent: int, stops: bool) -> None:
        before = self._sequences[parent, self._prompt_length : self._length]
        score = float(self._score(total, self.num_new + 1))
        ids = (*(int(index) for index in before), token)
        self._finished.append(Hypothesis(ids, score, "stop" if stops else "length"))
        self._finished.sort(key=lambda hypothesis: -hypothesis.score)  # stable: of equals the earlier stays ahead
        del self._finished[self._decoding.num_beams :]

    def _all_hit_string(self, tokens_K: Ids, parents_K: Ids) -> bool:
        before = slice(max(0, self._length + 1 - self._rule.tail), self._length)
        return all(
            self._rule.hits_string([*self._sequences[parent, before], token], self.num_new + 1)
            for token, parent in zip(tokens_K, parents_K, strict=True)
        )
