"""What scoring leaves in a run folder: scores.json, statistics.npz, samples.csv and spans.jsonl."""

from __future__ import annotations

from pathlib import Path

from benchmarks.records.samples import SampleScores, SpanRecord, write_sample_scores, write_spans
from benchmarks.records.scores import write_scores
from benchmarks.records.statistics import write_statistics
from libra_bench.scores.scoring import Scored
from libra_bench.scores.stored_statistics import statistics_to_store


def write_scored(folder: Path, scored: Scored) -> None:
    """Write statistics.npz, scores.json, samples.csv and spans.jsonl into a run folder."""
    ids = [sample.question_id for sample in scored.against.samples]
    statistics, left_out = statistics_to_store(
        ids=ids,
        references=scored.against.references,
        clusters=scored.against.clusters,
        metrics={
            name: (scored.metrics[name], list(result.values), result.statistics)
            for name, result in scored.results.items()
            if result.statistics is not None
        },
    )
    write_statistics(folder, statistics)
    write_scores(folder, scored.scores.model_copy(update={"not_comparable": tuple(left_out)}))
    columns = {name: values for result in scored.results.values() for name, values in result.samples.items()}
    write_sample_scores(folder, SampleScores(ids, columns))
    write_spans(
        folder,
        (
            SpanRecord(ids[span.sample], span.side, span.start, span.end, span.label, scored.metrics[name].id)
            for name, result in scored.results.items()
            for span in result.spans
        ),
    )
