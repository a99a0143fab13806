"""What scoring leaves in a run folder: scores.json, statistics.npz, samples.csv and spans.jsonl."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

from benchmarks.records.samples import (
    SampleScores,
    SpanRecord,
    read_sample_scores,
    read_spans,
    write_sample_scores,
    write_spans,
)
from benchmarks.records.scores import Scores, write_scores
from benchmarks.records.statistics import STATISTICS_FILE, StoredStatistics, read_statistics, write_statistics
from libra_bench.scores.adding import added, added_statistics
from libra_bench.scores.scoring import Scored
from libra_bench.scores.stored_statistics import statistics_to_store


def write_scored(folder: Path, scored: Scored, there: Scores | None = None) -> Scores:
    """Write what was scored into a run folder.

    Args:
        folder: the run folder.
        scored: what was scored.
        there: the scores that are there, of the same texts; the new ones are added. None: they are all there is.

    Returns:
        The scores that the folder has now.

    Raises:
        InputError: there are scores to add to, but a file that goes with them is damaged.
        StorageError: a file cannot be written.
    """
    ids = [sample.question_id for sample in scored.against.samples]
    statistics, left_out = statistics_of(scored)
    scores = scored.scores.model_copy(update={"not_comparable": tuple(left_out)})
    columns = {name: values for result in scored.results.values() for name, values in result.samples.items()}
    spans: Iterable[SpanRecord] = (
        SpanRecord(ids[span.sample], span.side, span.start, span.end, span.label, scored.metrics[name].id)
        for name, result in scored.results.items()
        for span in result.spans
    )
    if there is not None:
        again = {metric.id for metric in scored.metrics.values()}
        scores = added(there, scores)
        gone = {score.key for score in there.scores} - {score.key for score in scores.scores}
        statistics = added_statistics(_statistics_there(folder, statistics), statistics)
        old = read_sample_scores(folder)
        if [str(name) for name in old.ids] == [str(name) for name in ids]:
            columns = {name: values for name, values in old.columns.items() if name not in gone} | columns
        spans = chain((span for span in read_spans(folder) if span.metric not in again), spans)
    write_statistics(folder, statistics)
    write_sample_scores(folder, SampleScores(ids, columns))
    write_spans(folder, spans)
    write_scores(folder, scores)  # last: what it names is there
    return scores


def statistics_of(scored: Scored) -> tuple[StoredStatistics, list[str]]:
    """What statistics.npz holds of what was scored; and the metrics left out, see `statistics_to_store`."""
    return statistics_to_store(
        ids=[sample.question_id for sample in scored.against.samples],
        references=scored.against.references,
        clusters=scored.against.clusters,
        cleaning=scored.against.cleaning,
        metrics={
            name: (scored.metrics[name], list(result.values), result.statistics)
            for name, result in scored.results.items()
            if result.statistics is not None
        },
    )


def _statistics_there(folder: Path, otherwise: StoredStatistics) -> StoredStatistics:
    """The stored statistics; where there are none (an older version scored), the new ones are all there is."""
    return read_statistics(folder) if (folder / STATISTICS_FILE).exists() else otherwise


def check_files(folder: Path) -> None:
    """Make sure that what goes with the scores of a folder can be added to.

    Raises:
        InputError: one of the files is damaged; says what to do.
    """
    read_sample_scores(folder)
    for _ in read_spans(folder):
        pass
    if (folder / STATISTICS_FILE).exists():
        read_statistics(folder)
