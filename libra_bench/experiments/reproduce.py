"""Is it the published number? A run against a published table, row by row, with the likely cause of a difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.errors import InputError, LibraBenchError
from benchmarks.predictions import match_answers
from benchmarks.records.run import RunRecord, read_run
from benchmarks.records.scores import Score, Scores, read_scores
from benchmarks.wording import studies
from libra_bench.experiments.published import PublishedValue, Target, read_target
from libra_bench.metrics.registry import make_metric
from libra_bench.runs.answers import ANSWERS_FILE, read_answer_lines
from libra_bench.runs.scored_folder import suite_of
from libra_bench.scores.scoring_input import scoring_input

SCHEMA_VERSION = 1
OTHER_WAYS: Mapping[str, Mapping[str, str]] = {
    "bleu": {
        "bleu[scheme=sentence]": "the mean of each text's own BLEU instead of corpus BLEU",
        "bleu[scheme=coco]": "coco-caption's BLEU",
        "bleu[norm=none]": "BLEU on cased, uncleaned text",
    },
    "meteor": {"meteor[norm=none]": "METEOR on cased, uncleaned text"},
    "rouge_l": {
        "rouge_l[stem=yes]": "ROUGE-L with stemming",
        "rouge_l[scheme=coco]": "coco-caption's ROUGE-L",
        "rouge_l[norm=none]": "ROUGE-L on cased, uncleaned text",
    },
}
"""Metric -> other ways in which groups compute a number of its name, and what they are."""
MUCH_CLOSER = 0.25
"""Another computation explains a difference if it leaves less than this share of it."""

Verdict = Literal["within rounding", "within interval", "outside", "other computation", "not scored"]


@dataclass(frozen=True, slots=True)
class Row:
    """One published number and ours."""

    key: str
    published: float
    ours: float | None
    low: float | None
    high: float | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What `libra-bench reproduce` finds."""

    target: str
    title: str
    source: str
    run: str
    model: str
    """Row of the table."""
    comparable: bool
    why_not: Sequence[str]
    rows: Sequence[Row]
    causes: Sequence[str]
    """What may explain the rows that are outside."""

    def as_json(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {"schema_version": SCHEMA_VERSION, **asdict(self)}


def reproduce(
    target: str, folder: Path, *, model: str | None = None, on_metric: Callable[[str], None] = lambda name: None
) -> Reproduction:
    """Compare a scored run with a published table.

    Args:
        target: a table's name or file.
        folder: the run.
        model: the row of the table; None: that of the run's model.
        on_metric: told each other way of computing a score that is tried to explain a difference.

    Raises:
        UnknownNameError: no such table, or no such row.
        InputError: not a run folder, or not scored.
    """
    table, record, scores = read_target(target), read_run(folder), read_scores(folder)
    if scores is None:
        raise InputError("the run has no scores", where=folder, hint=f"score it first: libra-bench score {folder}")
    row = model or record.model.id
    if model is not None and model not in table.models:
        raise InputError(f"the table has no row {model!r}", where="--row", hint=f"it has {', '.join(table.models)}")
    published = table.models.get(row, {})
    why_not = list(_differences(table, record, scores, row))
    rows = [
        _row(key, value, value.decimals if value.decimals is not None else table.decimals, scores)
        for key, value in published.items()
    ]
    outside = [entry for entry in rows if entry.verdict == "outside"]
    causes = [*_known(table, record, row), *_other_ways(outside, scores, record, folder, on_metric)] if outside else []
    return Reproduction(
        target=target,
        title=table.title,
        source=table.source,
        run=str(folder),
        model=row,
        comparable=not why_not,
        why_not=why_not,
        rows=rows,
        causes=causes,
    )


def _differences(table: Target, record: RunRecord, scores: Scores, row: str) -> Iterator[str]:
    """Why the run's numbers cannot be compared with the published ones."""
    if row not in table.models:
        yield f"the table has no row for {row} (it has {', '.join(table.models)}; --row NAME chooses one)"
    elif row != record.model.id:
        yield f"the run is of {record.model.id}, the row of {row}"
    if record.suite.name != table.suite:
        yield f"the run is on the suite {record.suite.name}, the table on {table.suite}"
    if scores.n != table.n:
        limited = f" (--limit {record.suite.limit})" if record.suite.limit else ""
        yield f"the run has {studies(scores.n)}{limited}, the table {table.n:,} {table.counted}"
    ours = record.protocol.name if record.protocol else None
    if table.protocol is not None and ours != table.protocol:
        yield f"the run used the protocol {ours or 'unknown'}, the table {table.protocol}"
    if record.protocol and record.protocol.overrides:
        changed = ", ".join(f"{name} {value}" for name, value in record.protocol.overrides.items())
        yield f"the run changed the protocol ({changed})"


def _row(key: str, published: PublishedValue, decimals: int, scores: Scores) -> Row:
    score = scores.score(key)
    if score is None or score.value is None:
        return Row(key, published.value, None, None, None, "not scored")
    return Row(key, published.value, score.value, score.low, score.high, _verdict(score, published.value, decimals))


def _verdict(score: Score, published: float, decimals: int) -> Verdict:
    assert score.value is not None
    if score.signature != _published_signature(score):
        return "other computation"
    if abs(score.value - published) <= 0.5 * 10.0**-decimals + 1e-9:
        return "within rounding"
    if score.low is not None and score.high is not None and score.low <= published <= score.high:
        return "within interval"
    return "outside"


def _published_signature(score: Score) -> str:
    """The signature of the metric as published, where it has parameters; weights given as a path change nothing."""
    if score.metric not in OTHER_WAYS:
        return score.signature
    return make_metric(score.metric).signature


def _known(table: Target, record: RunRecord, row: str) -> Iterator[str]:
    for cause in table.known_causes:
        if cause.model == row and all(record.decoding.get(name) == value for name, value in cause.decoding.items()):
            yield cause.says


def _other_ways(
    outside: Sequence[Row], scores: Scores, record: RunRecord, folder: Path, on_metric: Callable[[str], None]
) -> Iterator[str]:
    """Score the same texts with the other computations that share the metric's name."""
    metrics = dict.fromkeys(score.metric for row in outside if (score := scores.score(row.key)) is not None)
    ways = {way: what for metric in metrics for way, what in OTHER_WAYS.get(metric, {}).items()}
    if not ways:
        return
    try:
        suite = suite_of(record, folder)
        answers = match_answers(list(read_answer_lines(folder / ANSWERS_FILE)), suite.samples, where=folder)
        references = scoring_input(suite.samples, suite.name).references
    except (LibraBenchError, OSError) as error:
        yield f"the texts could not be scored in other ways: {error}"
        return
    texts = ["" if answer.failed else answer.text for answer in answers]
    for way, what in ways.items():
        metric = make_metric(way)
        if metric.missing() is not None:
            continue
        on_metric(way)
        values = metric.score(texts, [*references]).values
        for row in outside:
            if row.key in values and row.ours is not None:
                left, before = abs(values[row.key] - row.published), abs(row.ours - row.published)
                if left < MUCH_CLOSER * before:
                    yield f"{row.key} is {values[row.key]:.2f} as {what} ({way}); published {row.published:g}"
