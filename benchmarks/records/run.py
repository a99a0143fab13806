"""run.json: everything needed to repeat and to trust a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from benchmarks.errors import InputError
from benchmarks.files import write_json
from benchmarks.files.secrets import secrets_in, without_secrets
from benchmarks.records.json_record import VERSION_KEY, Record, read_record
from benchmarks.schema import QuestionId

RUN_FILE = "run.json"
RUN_VERSION = 1

HISTORIC_BASELINES = frozenset({"constant", "copy-prior-report", "echo", "normal", "random-report", "retrieval"})
"""Adapters that were baselines before run.json said so."""


HISTORIC_WITHOUT_DECODING = HISTORIC_BASELINES | {"replay", "function"}
"""Adapters whose texts did not depend on the decoding."""


class RecordedSuite(Record):
    """The suite that a run was asked."""

    name: str
    file: str | None = None
    """Absolute path."""
    sha256: str | None = None
    """Of the whole file."""
    image_root: str | None = None
    n: int | None = None
    """Studies asked, after the limit."""
    limit: int | None = None


class RecordedModel(Record):
    """The model that answered."""

    id: str
    """As a leaderboard shows it, and the name of its folder."""
    name: str
    """As `--model` took it."""
    adapter: str
    path: str | None = None
    model_base: str | None = None
    card: dict[str, Any] = Field(default_factory=dict)
    options: dict[str, Any] = Field(default_factory=dict)
    is_baseline: bool = False
    """Whether it is a baseline and not a model: shown with the models, never ranked."""

    @property
    def kind(self) -> Literal["model", "baseline", "ceiling"]:
        """`oracle` repeats the references: a ceiling, not a model."""
        if self.adapter == "oracle":
            return "ceiling"
        return "baseline" if self.is_baseline else "model"


class RecordedProtocol(Record):
    """The named decoding settings, and what flags changed in them."""

    name: str
    overrides: dict[str, Any] = Field(default_factory=dict)


class AskedQuestions(Record):
    """What models are asked."""

    questions_sha256: str
    """Of ids, prompts, image names and visible fields, in order."""
    n: int


class DecidingFacts(Record):
    """Everything that decides the answers: the fingerprint is their hash."""

    suite: AskedQuestions
    model: dict[str, Any]
    decoding: dict[str, Any]


class Estimate(Record):
    """How long some studies will take, and how much memory."""

    studies: int
    seconds: float
    peak_memory_mb: float | None = None
    source: str
    """What it was measured on."""


class ProcessReport(Record):
    """What one process of a run did."""

    rank: int
    host: str
    studies: int
    loading_seconds: float
    generating_seconds: float
    adapter_report: dict[str, Any] = Field(default_factory=dict)
    """What the adapter says of itself: device, dtype, batch size, timings."""


class Cost(Record):
    """What a run took, all processes together."""

    planned: Estimate | None = None
    studies: int
    loading_seconds: float
    generating_seconds: float
    studies_per_minute: float | None = None
    peak_memory_mb: float | None = None
    prefill_tokens_per_second: float | None = None
    decode_tokens_per_second: float | None = None
    shares: dict[str, float] = Field(default_factory=dict)
    """Part of the work -> its share of the time."""
    scoring_seconds: float | None = None
    drawing_seconds: float | None = None


class BatchingCheck(Record):
    """What `verify-batching` found: how many texts another batch size changes."""

    n: int
    differing: int
    share: float
    """Of all texts those that differ, 0 to 1."""
    ties: int | None = None
    """How many of them the model scores alike in one and the same computation, so that rounding decides; None where
    the model does not say, and in half precision."""
    batch_size: int | None = None
    dtype: str | None = None
    device: str | None = None
    question_ids: tuple[QuestionId, ...] = ()
    """Of texts that differ, those furthest apart first."""
    gaps: tuple[float | None, ...] = ()
    """How far apart the model scores the two texts, in nats, in the order of `question_ids`; None: it cannot say."""


class RunRecord(Record):
    """A run. What is only known at its end is None before."""

    schema_version: int = RUN_VERSION
    fingerprint: str
    deciding: DecidingFacts | None = None
    suite: RecordedSuite
    model: RecordedModel
    protocol: RecordedProtocol | None = None
    """None: the texts do not depend on the decoding."""
    decoding: dict[str, Any] = Field(default_factory=dict)
    on_error: Literal["stop", "record"] = "stop"
    world_size: int = 1
    """Number of processes."""
    started: str | None = None
    """UTC, ISO 8601."""
    ended: str | None = None
    command: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    """Package -> version."""
    git_commit: str | None = None
    platform: str | None = None
    batching: BatchingCheck | None = None
    n: int | None = None
    """Answers."""
    n_resumed: int | None = None
    """Answers that were there before the last start."""
    n_failed: int | None = None
    n_empty: int | None = None
    n_truncated: int | None = None
    device: str | None = None
    dtype: str | None = None
    seconds: float | None = None
    studies_per_minute: float | None = None
    cost: Cost | None = None
    adapter_report: dict[str, Any] = Field(default_factory=dict)
    """What the (first) process's adapter says of itself."""
    processes: tuple[ProcessReport, ...] | None = None
    """Where there are several."""
    warnings: tuple[str, ...] = ()
    """What readers of the scores should know; shown once when the run began."""
    suspicious: dict[str, int] = Field(default_factory=dict)
    """What looks wrong in its cleaned texts ("refusal", "Markdown", ...) -> in how many."""
    cleaning: str = "none"
    """How its texts are cleaned before they are scored (`benchmarks.predictions.cleaning`)."""
    left_out: dict[str, int] = Field(default_factory=dict)
    """What the suite has and the model does not read (roles of images, `prior_report`) -> in how many studies."""

    @property
    def studies(self) -> tuple[str | int | None, ...]:
        """What was asked; runs with another value must not be compared."""
        if self.deciding is not None:
            return (self.deciding.suite.questions_sha256,)
        return (self.suite.sha256, self.suite.n)


def read_run(folder: Path) -> RunRecord:
    """The record of a run folder.

    Raises:
        InputError: it isn't there, cannot be read, or is from a newer version.
    """
    record = read_record(
        folder / RUN_FILE,
        RunRecord,
        version=RUN_VERSION,
        hint="restore the file, or move the folder away and run again",
        upgrade=_upgraded,
    )
    if record is None:
        raise InputError(
            f"not a run folder: no {RUN_FILE} in it", where=folder, hint="give the folder of a run (`libra-bench run`)"
        )
    return record


def write_run(folder: Path, record: RunRecord) -> None:
    """Write the record of a run folder atomically, with `***` in place of keys and passwords.

    Raises:
        StorageError: it cannot be written; the old file stays.
    """
    secrets = secrets_in(record.model.options, record.deciding and record.deciding.model)
    write_json(folder / RUN_FILE, without_secrets(record.as_json(), secrets))


def _upgraded(content: dict[str, Any]) -> dict[str, Any]:
    """The newest layout.

    Layouts before `is_baseline` did not mark baselines, called `oracle` a replay, and recorded a protocol even with
    texts that it had not produced, unless the user had named it.
    """
    model = content.get("model")
    if isinstance(model, dict) and "is_baseline" not in model:
        adapter = model.get("adapter")
        if (model.get("name"), adapter) == ("oracle", "replay"):
            model = {**model, "adapter": "oracle"}
        content = {**content, "model": {**model, "is_baseline": adapter in HISTORIC_BASELINES}}
        if adapter in HISTORIC_WITHOUT_DECODING and "--protocol" not in str(content.get("command")):
            content["protocol"] = None
    return {**content, VERSION_KEY: RUN_VERSION}
