"""Read a run folder: its two records at once, the tables (pandas) when they are first used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.errors import InputError
from benchmarks.files import files_below, modified
from benchmarks.records.run import RUN_FILE, RunRecord, read_run
from benchmarks.records.samples import SAMPLES_FILE, SampleScores, SpanRecord, read_sample_scores, read_spans
from benchmarks.records.scores import SCORES_FILE, Score, Scores, Stratum, read_scores
from benchmarks.wording import first_few
from reports.load.answer_lines import AnswerLines

if TYPE_CHECKING:
    import pandas as pd

ANSWER_COLUMNS = ("question_id", "prompt", "text", "answer_id", "model_id", "metadata")
METADATA_COLUMNS = ("finish", "error", "new_tokens", "seconds")
"""What `metadata` holds that has a column of its own."""


@dataclass(frozen=True)
class LoadedRun:
    """A run folder as tables. `record` and `summary` are there at once; a table is read when it is first used."""

    folder: Path
    record: RunRecord
    """run.json."""
    summary: Scores | None = None
    """scores.json; None where the run has not been scored."""

    @property
    def name(self) -> str:
        """The model's name as a leaderboard shows it."""
        return self.summary.model if self.summary else self.record.model.name

    @property
    def suite(self) -> str:
        """The suite's name."""
        return self.record.suite.name

    @property
    def protocol(self) -> str:
        """The protocol's name, with "*" where flags changed it; empty where none produced its texts."""
        protocol = self.record.protocol
        return "" if protocol is None else f"{protocol.name}{'*' if protocol.overrides else ''}"

    @property
    def fingerprint(self) -> str:
        """What names the run."""
        return self.record.fingerprint

    @property
    def card(self) -> Mapping[str, Any]:
        """The model card's fields; empty where the model has none."""
        return self.record.model.card

    @property
    def n(self) -> int | None:
        """Studies; None where that is not known yet."""
        return self.summary.n if self.summary else self.record.n

    @property
    def entries(self) -> tuple[Score, ...]:
        """The scores that have a value."""
        return self.summary.defined if self.summary else ()

    @property
    def reference_points(self) -> dict[str, Mapping[str, float]]:
        """Reference point ("empty", "shuffled-references") -> key -> value, over all studies of the run."""
        points = self.summary.reference_points if self.summary else ()
        # a ceiling over the studies with several references is no yardstick for all
        return {point.name: point.scores for point in points if point.n == self.n}

    def strata(self, name: str) -> list[Stratum]:
        """The levels of one stratum of scores.json, e.g. "prior"."""
        return [entry for entry in (self.summary.strata if self.summary else ()) if entry.by == name]

    def detail(self, metric: str, *path: str) -> Mapping[str, Any]:
        """A part of scores.json's `details` of a metric, whatever its parameters; empty where there is none."""
        details = self.summary.details if self.summary else {}
        found: Any = next((part for name, part in details.items() if name.partition("[")[0] == metric), {})
        for name in path:
            found = found.get(name, {}) if isinstance(found, dict) else {}
        return found if isinstance(found, dict) else {}

    @property
    def is_scored(self) -> bool:
        """Whether there is a scores.json."""
        return self.summary is not None

    @cached_property
    def scores(self) -> pd.DataFrame:
        """One row per key of the leaderboard: key, metric, value, low, high, n, signature, higher_is_better."""
        import pandas as pd

        columns = list(Score.model_fields)
        rows = self.summary.scores if self.summary else ()
        return pd.DataFrame([{name: getattr(row, name) for name in columns} for row in rows], columns=columns)

    @cached_property
    def answer_lines(self) -> AnswerLines:
        """The answers one at a time, for runs of any size.

        Raises:
            InputError: there is no answers.jsonl, or a line of it is no answer.
        """
        return AnswerLines(self._answers_file())

    @cached_property
    def answers(self) -> pd.DataFrame:
        """One row per study, in suite order: question_id, prompt, text, finish, error, new_tokens, seconds, ...

        Raises:
            InputError: there is no answers.jsonl, or a line of it is no answer.
        """
        import pandas as pd

        rows = [
            {name: record.get(name) for name in ANSWER_COLUMNS}
            | {name: record["metadata"].get(name) for name in METADATA_COLUMNS}
            for record in self.answer_lines
        ]
        columns = [*ANSWER_COLUMNS, *METADATA_COLUMNS]
        return pd.DataFrame(rows, columns=columns).astype({"question_id": object})

    @cached_property
    def sample_scores(self) -> SampleScores:
        """The scores per study, with ids as in the answers; no columns where it was not scored.

        Raises:
            InputError: they are of other studies than the answers.
        """
        stored = read_sample_scores(self.folder)
        typed = {str(question_id): question_id for question_id in self.answer_lines.ids} if stored.ids else {}
        if unknown := [name for name in stored.ids if str(name) not in typed]:
            raise InputError(
                f"has scores of studies without an answer ({first_few(unknown)})",
                where=self.folder / SAMPLES_FILE,
                hint=f"move it away and score again: libra-bench score {self.folder}",
            )
        return SampleScores([typed[str(name)] for name in stored.ids], stored.columns)

    @cached_property
    def samples(self) -> pd.DataFrame:
        """The scores per study, indexed by question_id (as in the answers), one column per metric; may be empty."""
        import pandas as pd

        ids = pd.Index(list(self.sample_scores.ids), name="question_id", dtype=object)
        return pd.DataFrame(dict(self.sample_scores.columns), index=ids, dtype=float)

    @cached_property
    def spans(self) -> pd.DataFrame:
        """What metrics matched: question_id, metric, side ("prediction", "reference"), start, end, label."""
        import pandas as pd

        rows = list(map(asdict, read_spans(self.folder)))
        return pd.DataFrame(rows, columns=list(SpanRecord.__slots__)).astype({"question_id": object})

    @property
    def has_answers(self) -> bool:
        """Whether there is an answers.jsonl."""
        return (self.folder / "answers.jsonl").exists()

    def _answers_file(self) -> Path:
        path = self.folder / "answers.jsonl"
        if not path.exists():
            raise InputError(
                "this run has no answers.jsonl",
                where=self.folder,
                hint="give its command again (`libra-bench run ...`)",
            )
        return path


def load(run: str | Path | LoadedRun) -> LoadedRun:
    """Load a run folder.

    Args:
        run: the folder that holds run.json (or that file itself).

    Raises:
        InputError: not a run folder, a record that cannot be read, or one from a newer version.
    """
    if isinstance(run, LoadedRun):
        return run
    folder = Path(run)
    folder = folder.parent if folder.name == RUN_FILE else folder
    return LoadedRun(folder, read_run(folder), read_scores(folder))


def find_runs(folders: Iterable[str | Path]) -> list[LoadedRun]:
    """Every run in or below the given folders, by path; a run that is found twice counts once.

    Raises:
        InputError: a folder that doesn't exist, or no run in any of them.
    """
    places = [Path(folder) for folder in folders]
    found = {path.resolve(): path for place in places for path in _records_below(place)}
    if not found:
        raise InputError(
            "no run in it (no run.json at any depth)",
            where=", ".join(map(str, places)) or ".",
            hint="give a run folder, or a folder of runs such as runs/",
        )
    return [load(path) for _, path in sorted(found.items())]


def without_copies(runs: Iterable[LoadedRun]) -> tuple[list[LoadedRun], list[LoadedRun]]:
    """One run per fingerprint, and the others: of several folders of one run, the one that was scored last stays."""
    newest: dict[str, LoadedRun] = {}
    copies: list[LoadedRun] = []
    for run in runs:
        other = newest.setdefault(run.fingerprint, run)
        if other is not run:
            stays = max(other, run, key=lambda one: modified(one.folder / SCORES_FILE))
            newest[run.fingerprint] = stays
            copies.append(run if stays is other else other)
    return list(newest.values()), copies


def _records_below(folder: Path) -> Iterator[Path]:
    if not folder.exists():
        raise InputError("no such folder", where=folder, hint="check the path")
    if folder.is_file():
        yield folder
    else:
        yield from files_below(folder, RUN_FILE)


def without_repeats(runs: Iterable[LoadedRun]) -> list[LoadedRun]:
    """The runs, a baseline once, whatever decoding it was asked for: it does not decode."""
    seen: dict[object, LoadedRun] = {}
    for run in runs:
        values = tuple((entry.key, entry.signature, entry.value) for entry in run.entries)
        is_model = run.record.model.kind == "model"
        seen.setdefault(run.fingerprint if is_model else (run.name, run.record.studies, values), run)
    return list(seen.values())
