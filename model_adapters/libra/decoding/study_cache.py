"""Keys and values of a batch of studies, every token stored once.

Each study is one row. It holds the prompt (image features included) once, and after it the tokens of all beams side by
side; a mask says which of them a beam has among its ancestors. So beams share the prompt and everything else they
have in common, and a change of beams moves no keys or values: only the mask is rewritten. Every few steps the columns
that no living beam needs are dropped.

Shape legend: R rows, W beams, H key heads, S columns, D head width.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin

STEPS_OF_ROOM = 12
"""For how many steps columns are set aside at a time, of beams, most of whose columns can soon be dropped."""
SINGLE_STEPS_OF_ROOM = 96
"""For how many steps of a single sequence, which drops none."""


class _Layer(CacheLayerMixin):  # type: ignore[misc]
    """One layer's keys and values [R, H, S, D] in a buffer with room for more columns."""

    def __init__(self, rows: int, columns: int, like: Tensor) -> None:
        super().__init__()
        shape = (rows, like.shape[1], columns, like.shape[3])
        self.keys, self.values = like.new_zeros(shape), like.new_zeros(shape)
        self.length = 0
        self.is_initialized = True

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Nothing: the buffer is there from the start."""

    def update(
        self, key_states: Tensor, value_states: Tensor, *args: object, **kwargs: object
    ) -> tuple[Tensor, Tensor]:
        """Append columns to every row; return all."""
        end = self.length + key_states.shape[2]
        self.keys[:, :, self.length : end] = key_states
        self.values[:, :, self.length : end] = value_states
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]

    def get_seq_length(self) -> int:
        """Columns in use."""
        return self.length

    def get_max_length(self) -> int:
        """No limit."""
        return -1

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Columns that a query sees, and where they begin."""
        return self.length + query_length, 0

    def insert(self, row: int, keys: Tensor, values: Tensor) -> None:
        """Write a prompt's keys and values [1, H, S, D] to the front of a row."""
        self.keys[row, :, : keys.shape[2]] = keys[0]
        self.values[row, :, : values.shape[2]] = values[0]

    def gather(self, first: int, columns_RS: Tensor, length: int) -> None:
        """Bring the given columns of each row together, from column `first` on."""
        for buffer in (self.keys, self.values):
            index = columns_RS[:, None, :, None].expand(-1, buffer.shape[1], -1, buffer.shape[3])
            buffer[:, :, first : first + index.shape[2]] = buffer.gather(2, index)
        self.length = length

    def widen(self, columns: int) -> None:
        """Make room for `columns` columns."""
        for name in ("keys", "values"):
            buffer = getattr(self, name)
            wider = buffer.new_zeros((*buffer.shape[:2], columns, buffer.shape[3]))
            wider[:, :, : self.length] = buffer[:, :, : self.length]
            setattr(self, name, wider)

    def keep(self, rows: Tensor) -> None:
        """Keep these rows."""
        self.keys, self.values = self.keys[rows], self.values[rows]


class StudyCache:
    """The cache of a batch of studies, and what each beam sees of it.

    Args:
        rows: studies.
        beams: sequences per study.
        prompt: the first prompt's cache, for shapes, types and devices.
        max_steps: more will not be taken.
    """

    def __init__(self, rows: int, beams: int, prompt: Cache, max_steps: int = STEPS_OF_ROOM) -> None:
        self._beams = beams
        self._steps = max(2, min(max_steps, STEPS_OF_ROOM if beams > 1 else SINGLE_STEPS_OF_ROOM))
        self._columns = prompt.get_seq_length() + self._steps * beams
        self._layers = [_Layer(rows, self._columns, layer.keys) for layer in prompt.layers]
        self.past_key_values = Cache(layers=self._layers)
        device = self._layers[0].keys.device
        self._visible_RWS = torch.zeros(rows, beams, self._columns, dtype=torch.bool, device=device)
        self._own_WW = torch.eye(beams, dtype=torch.bool, device=device)
        self._prompt_lengths: list[int | None] = [None] * rows

    @property
    def rows(self) -> int:
        """Studies there is room for."""
        return len(self._prompt_lengths)

    @property
    def _length(self) -> int:
        return self._layers[0].length

    def insert(self, row: int, prompt: Cache) -> None:
        """Give a row to a new study: its prompt is seen by every beam."""
        length = prompt.get_seq_length()
        if length > self._columns:
            self._widen(length)
        for mine, its in zip(self._layers, prompt.layers, strict=True):
            mine.insert(row, its.keys, its.values)
            mine.length = max(mine.length, length)
        self._visible_RWS[row] = False
        self._visible_RWS[row, :, :length] = True
        self._prompt_lengths[row] = length

    def release(self, row: int) -> None:
        """Free a row whose study is finished."""
        self._visible_RWS[row] = False
        self._prompt_lengths[row] = None

    def step_mask(self, parents: Sequence[Sequence[int]]) -> Tensor:
        """The mask [R, 1, W, S + W] of the step that appends one token per beam, once each has taken over `parents`."""
        if self._length + self._beams > self._columns:
            self._compact()
        start, end = self._length, self._length + self._beams
        parents_RW = torch.tensor(parents, device=self._visible_RWS.device)
        seen = self._visible_RWS[:, :, :start]
        self._visible_RWS[:, :, :start] = seen.gather(1, parents_RW[:, :, None].expand(-1, -1, start))
        self._visible_RWS[:, :, start:end] = self._own_WW
        return self._visible_RWS[:, None, :, :end]

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all other rows."""
        index = torch.tensor(rows, device=self._visible_RWS.device)
        for layer in self._layers:
            layer.keep(index.to(layer.keys.device))
        self._visible_RWS = self._visible_RWS[index]
        self._prompt_lengths = [self._prompt_lengths[row] for row in rows]

    def _compact(self) -> None:
        """Drop the columns that no beam of a row sees; then see to it that the next steps have room."""
        first = min(
            length for length in self._prompt_lengths if length is not None
        )  # every row's prompt stays where it is
        needed_RS = self._visible_RWS[:, :, first : self._length].any(dim=1)
        width = int(needed_RS.sum(dim=1).max())
        order_RS = torch.argsort(needed_RS.to(torch.uint8), dim=1, descending=True, stable=True)[:, :width] + first
        index = order_RS[:, None, :].expand(-1, self._beams, -1)
        kept_RWS = self._visible_RWS.gather(2, index)
        self._visible_RWS[:, :, first:] = False
        self._visible_RWS[:, :, first : first + width] = kept_RWS
        for layer in self._layers:
            layer.gather(first, order_RS.to(layer.keys.device), first + width)
        if self._length + self._steps // 2 * self._beams > self._columns:
            self._widen(self._length)

    def _widen(self, length: int) -> None:
        self._columns = length + self._steps * self._beams
        for layer in self._layers:
            layer.widen(self._columns)
        wider = self._visible_RWS.new_zeros((*self._visible_RWS.shape[:2], self._columns))
        wider[:, :, : self._visible_RWS.shape[2]] = self._visible_RWS
        self._visible_RWS = wider
