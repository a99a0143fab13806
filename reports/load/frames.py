"""Many runs as pandas tables, for notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, overload

from reports.load import LoadedRun, find_runs, without_copies

if TYPE_CHECKING:
    import pandas as pd

NAMES = ("suite", "protocol", "model", "run")
"""The columns that say whose a row is; `run` is the fingerprint."""


class Runs(Sequence[LoadedRun]):
    """Run folders as tables; each is made when it is first used. One run is `runs[0]`, its folder `runs[0].folder`.

    In a notebook it shows the board: one row per run, one column per score.
    """

    def __init__(self, runs: Iterable[LoadedRun]) -> None:
        self._runs = tuple(runs)

    @overload
    def __getitem__(self, index: int) -> LoadedRun: ...
    @overload
    def __getitem__(self, index: slice) -> Runs: ...
    def __getitem__(self, index: int | slice) -> LoadedRun | Runs:
        """A run, or several."""
        return Runs(self._runs[index]) if isinstance(index, slice) else self._runs[index]

    def __len__(self) -> int:
        """How many runs."""
        return len(self._runs)

    def __iter__(self) -> Iterator[LoadedRun]:
        """The runs, by path."""
        return iter(self._runs)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """One row per run and score: `NAMES`, key, metric, value, low, high, n, signature, higher_is_better."""
        return self._stacked([run.scores for run in self._runs])

    @cached_property
    def samples(self) -> pd.DataFrame:
        """One row per run and study: `NAMES`, question_id, and the value of each metric that has one per study."""
        return self._stacked([run.samples.reset_index() for run in self._runs])

    @cached_property
    def answers(self) -> pd.DataFrame:
        """One row per run and study: `NAMES`, question_id, prompt, text, finish, error, new_tokens, seconds, ...

        Raises:
            InputError: a run has no answers.
        """
        return self._stacked([run.answers for run in self._runs])

    @cached_property
    def board(self) -> pd.DataFrame:
        """One row per run (indexed by suite, protocol, model), one column per score."""
        import pandas as pd

        rows = [{entry.key: entry.value for entry in run.entries} for run in self._runs]
        index = pd.MultiIndex.from_tuples([self._names(run)[:3] for run in self._runs], names=NAMES[:3])
        return pd.DataFrame(rows, index=index, dtype=float)

    def _stacked(self, tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
        import pandas as pd

        named = []
        for run, table in zip(self._runs, tables, strict=True):
            whose = pd.DataFrame([self._names(run)] * len(table), columns=list(NAMES), index=table.index)
            named.append(pd.concat([whose, table], axis=1))
        return pd.concat(named, ignore_index=True) if named else pd.DataFrame(columns=list(NAMES))

    @staticmethod
    def _names(run: LoadedRun) -> tuple[str, str, str, str]:
        return run.suite, run.protocol, run.name, run.fingerprint

    def __repr__(self) -> str:
        return f"{len(self)} runs\n{self.board.round(2)}"

    def _repr_html_(self) -> str:
        return str(self.board.round(2).to_html(na_rep="-", escape=True))


def load_runs(*folders: str | Path) -> Runs:
    """The runs in or below folders, by path; of copies of one run, the one that was scored last.

    Args:
        *folders: run folders, or folders that contain them; none: `runs`.

    Raises:
        InputError: a folder that does not exist, or no run in any of them.
    """
    return Runs(without_copies(find_runs(folders or ("runs",)))[0])
