"""Read a run folder: the two JSON records at once, the tables (pandas) when they are first used."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.errors import InputError
from benchmarks.files import read_jsonl

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
"""The newest layout of run.json and scores.json that this code reads."""

SCORE_COLUMNS = ("key", "metric", "value", "low", "high", "n", "signature", "higher_is_better")
ANSWER_COLUMNS = ("question_id", "prompt", "text", "answer_id", "model_id", "metadata")
SPAN_COLUMNS = ("question_id", "metric", "side", "start", "end", "label")


@dataclass(frozen=True)
class LoadedRun:
    """A run folder as tables. `run` and `summary` are there at once; a table is read when it is first used."""

    folder: Path
    run: Mapping[str, Any]
    """The content of run.json."""
    summary: Mapping[str, Any] = field(default_factory=dict)
    """The content of scores.json; empty where the run has not been scored."""

    @property
    def name(self) -> str:
        """The model's name as a leaderboard shows it."""
        model = self.run.get("model") or {}
        return str(self.summary.get("model") or model.get("name") or model.get("id") or self.folder.name)

    @property
    def suite(self) -> str:
        """The suite's name."""
        return str((self.run.get("suite") or {}).get("name") or self.summary.get("suite") or "unknown")

    @property
    def protocol(self) -> str:
        """The protocol's name, with "*" where flags changed it."""
        protocol = self.run.get("protocol") or {}
        return f"{protocol.get('name') or 'none'}{'*' if protocol.get('overrides') else ''}"

    @property
    def fingerprint(self) -> str:
        """What names the run; the folder's name where run.json has none."""
        return str(self.run.get("fingerprint") or self.folder.name)

    @property
    def card(self) -> Mapping[str, Any]:
        """The model card's fields; empty where the model has none."""
        return (self.run.get("model") or {}).get("card") or {}

    @property
    def floors(self) -> dict[str, Mapping[str, float]]:
        """Floor ("empty", "shuffled-references") -> key -> value, over all studies of the run."""
        n = self.summary.get("n")
        return {
            str(entry["name"]): entry["scores"]
            for entry in self.summary.get("floors", [])
            if entry.get("n", n) == n  # a ceiling over the studies with several references is no yardstick for all
        }

    def strata(self, name: str) -> list[Mapping[str, Any]]:
        """The levels of one stratum of scores.json, e.g. "prior"."""
        return [entry for entry in self.summary.get("strata", []) if entry.get("by") == name]

    @property
    def is_scored(self) -> bool:
        """Whether there is a scores.json."""
        return bool(self.summary)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """A key of the leaderboard a row: key, metric, value, low, high, n, signature, higher_is_better."""
        import pandas as pd

        return pd.DataFrame(self.summary.get("scores", []), columns=list(SCORE_COLUMNS))

    @cached_property
    def answers(self) -> pd.DataFrame:
        """A study a row, in suite order: question_id, prompt, text, finish, error, new_tokens, seconds, metadata, ...

        Raises:
            InputError: there is no answers.jsonl, or a line of it is no answer.
        """
        import pandas as pd

        rows = []
        for number, record in read_jsonl(self._answers_file()):
            if "question_id" not in record:
                raise InputError("no question_id", where=f"{self._answers_file()}:{number}", hint="remove the line")
            metadata = record.get("metadata") or {}
            known = {name: metadata.get(name) for name in ("finish", "error", "new_tokens", "seconds")}
            rows.append({name: record.get(name) for name in ANSWER_COLUMNS} | known)
        columns = [*ANSWER_COLUMNS, "finish", "error", "new_tokens", "seconds"]
        return pd.DataFrame(rows, columns=columns).astype({"question_id": object})

    @cached_property
    def samples(self) -> pd.DataFrame:
        """The per-sample scores, indexed by question_id (as in the answers), a metric's column each; may be empty."""
        import pandas as pd

        path = self.folder / "samples.csv"
        if not path.exists():
            return pd.DataFrame(index=pd.Index([], name="question_id", dtype=object))
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
        as_text = {str(question_id): question_id for question_id in self.answers["question_id"]}
        ids = pd.Index([as_text.get(row.pop("question_id", "")) for row in rows], name="question_id", dtype=object)
        columns = {name: pd.to_numeric([row[name] for row in rows], errors="coerce") for name in (rows or [{}])[0]}
        return pd.DataFrame(columns, index=ids)

    @cached_property
    def spans(self) -> pd.DataFrame:
        """What metrics matched: question_id, metric, side ("prediction", "reference"), start, end, label."""
        import pandas as pd

        path = self.folder / "spans.jsonl"
        rows = [record for _, record in read_jsonl(path)] if path.exists() else []
        return pd.DataFrame(rows, columns=list(SPAN_COLUMNS)).astype({"question_id": object})

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
    folder = folder.parent if folder.name == "run.json" else folder
    record = _read_record(folder / "run.json")
    if record is None:
        raise InputError(
            "not a run folder: no run.json in it", where=folder, hint="give the folder of a run (`libra-bench run`)"
        )
    return LoadedRun(folder, record, _read_record(folder / "scores.json") or {})


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


def _records_below(folder: Path) -> Iterator[Path]:
    if not folder.exists():
        raise InputError("no such folder", where=folder, hint="check the path")
    if folder.is_file():
        yield folder
    else:
        yield from folder.rglob("run.json")


def _read_record(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError("cannot be read as JSON", where=path, hint="score or run again") from error
    if not isinstance(record, dict):
        raise InputError("expected a JSON object", where=path, hint="score or run again")
    version = record.get("schema_version", SCHEMA_VERSION)
    if version > SCHEMA_VERSION:
        raise InputError(
            f"written by a newer libra-bench (layout {version}, this one reads up to {SCHEMA_VERSION})",
            where=path,
            hint="update libra-bench",
        )
    return record
