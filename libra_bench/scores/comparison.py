"""Compare stored runs on the same studies: which metrics tell them apart, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.errors import InputError
from benchmarks.records.scores import Scores, read_scores
from benchmarks.records.statistics import StatisticsFile, StoredStatistics, read_statistics
from benchmarks.schema import QuestionId
from benchmarks.wording import first_few
from libra_bench.metrics.registry import metric_among
from libra_bench.scores.bootstrap import RESAMPLES, count_clusters
from libra_bench.scores.scored_files import statistics_of
from libra_bench.scores.scoring import Scored
from libra_bench.scores.statistics import Difference, PairedMetric, compare
from libra_bench.scores.stored_statistics import paired_metric


@dataclass(frozen=True, slots=True)
class Comparison:
    """What `libra-bench compare` finds."""

    runs: Sequence[str]
    """Names, the baseline first."""
    n: int
    """Studies."""
    clusters: int | None
    """Patients that were drawn and swapped as a whole; None: studies were."""
    resamples: int
    seed: int
    differences: Sequence[Difference]
    not_compared: Sequence[str]
    """Why a metric of some run is not among them."""
    empty_shares: Mapping[str, float] = field(default_factory=dict)
    """Run -> the share of its texts that are empty, where that dominates a compared score."""

    def as_json(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {
            "schema_version": 1,
            **{
                name: getattr(self, name)
                for name in ("runs", "n", "clusters", "resamples", "seed", "not_compared", "empty_shares")
            },
            "differences": [
                asdict(item) | {"significant": item.significant, "verdict": item.verdict} for item in self.differences
            ],
        }

    def against_baseline(self, model: str) -> dict[str, Any]:
        """As JSON values, what was found of one model."""
        found = self.as_json()
        return found | {"differences": [item for item in found["differences"] if item["model"] == model]}


def compare_runs(
    folders: Sequence[Path],
    *,
    metrics: Sequence[str] | None = None,
    clustered: bool = True,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Compare further runs with the first.

    Args:
        folders: run folders, two or more; the first is the baseline.
        metrics: names as the runs were scored with; None: all that all runs have.
        clustered: by `subject_id`, where the suite has it.
        resamples: of the bootstrap and of the randomisation test.
        seed: of both.

    Raises:
        InputError: fewer than two runs, runs over different studies or references (names what differs), no
            metric in common.
    """
    runs = pair_runs(folders, metrics)
    return _compared(runs, [_scores(folder) for folder in folders], clustered, resamples, seed)


def compare_scored(scored: Sequence[Scored], *, resamples: int = RESAMPLES, seed: int = 0) -> Comparison:
    """Compare what was scored against the same references: further predictions with the first.

    Raises:
        InputError: no metric in common.
    """
    names = [item.scores.model for item in scored]
    stored = [statistics_of(item)[0] for item in scored]
    runs = _paired(names, names, stored, None)
    return _compared(runs, [item.scores for item in scored], True, resamples, seed)


def _compared(
    runs: PairedRuns, scores: Sequence[Scores | None], clustered: bool, resamples: int, seed: int
) -> Comparison:
    clusters = runs.clusters if clustered else None
    differences = compare(runs.names, runs.metrics, clusters, resamples, seed)
    return Comparison(
        runs=runs.names,
        n=runs.n,
        clusters=None if clusters is None else count_clusters(clusters),
        resamples=resamples,
        seed=seed,
        differences=differences,
        not_compared=runs.not_compared,
        empty_shares=_empty_shares(runs.names, scores, {found.key for found in differences}),
    )


@dataclass(frozen=True, slots=True)
class PairedRuns:
    """Stored runs over the same studies, their statistics in one order."""

    names: Sequence[str]
    n: int
    """Studies."""
    clusters: Sequence[str | None] | None
    """`subject_id` of each study; None where the suite has none."""
    metrics: Sequence[PairedMetric]
    not_compared: Sequence[str]
    """Why a metric of some run is not among them."""


def pair_runs(folders: Sequence[Path], metrics: Sequence[str] | None = None) -> PairedRuns:
    """Bring the stored statistics of runs together.

    Args:
        folders: run folders, two or more.
        metrics: names as the runs were scored with; None: all that all runs have.

    Raises:
        InputError: fewer than two runs, runs over different studies or references (names what differs), no
            metric in common.
    """
    if len(folders) < 2:
        raise InputError("two runs or more are needed", hint="give their folders")
    runs = [read_statistics(folder) for folder in folders]
    for folder, run in zip(folders[1:], runs[1:], strict=True):
        refuse_other_studies(folders[0], runs[0], folder, run)
    return _paired(run_names(folders), [str(folder) for folder in folders], runs, metrics)


def _paired(
    names: Sequence[str], places: Sequence[str], runs: Sequence[StoredStatistics], asked: Sequence[str] | None
) -> PairedRuns:
    paired, not_compared = _pair(places, runs, asked)
    if not paired:
        raise InputError(
            "the runs have no metric in common that can be compared"
            + (f" ({'; '.join(not_compared)})" if not_compared else ""),
            hint="score them again with the same metrics",
        )
    return PairedRuns(names, len(runs[0].ids), runs[0].clusters, paired, not_compared)


def run_names(folders: Sequence[Path]) -> list[str]:
    """What the runs are called: their models; where that does not tell them apart, with the shortest ends of paths."""
    models, ends = [_model(folder) for folder in folders], _ends(folders)
    return [
        end if not model else model if models.count(model) == 1 else f"{model} ({end})"
        for model, end in zip(models, ends, strict=True)
    ]


def _ends(folders: Sequence[Path]) -> list[str]:
    """The shortest ends of paths that tell folders apart."""
    parts = [folder.absolute().parts for folder in folders]
    if len(set(parts)) < len(parts):
        return [f"{folder} ({number})" for number, folder in enumerate(folders, start=1)]
    depth = 1
    while len({part[-depth:] for part in parts}) < len(parts):
        depth += 1
    return ["/".join(part[-depth:]) for part in parts]


def _empty_shares(names: Sequence[str], runs: Sequence[Scores | None], keys: set[str]) -> dict[str, float]:
    shares: dict[str, float] = {}
    for name, scores in zip(names, runs, strict=True):
        found = [share for key in keys if scores and (share := scores.empty_share_in(key)) is not None]
        if found:
            shares[name] = found[0]
    return shares


def _model(folder: Path) -> str:
    scores = _scores(folder)
    return scores.model if scores else ""


def _scores(folder: Path) -> Scores | None:
    try:
        return read_scores(folder)
    except InputError:  # names and notes are a courtesy: the statistics are what is compared
        return None


def refuse_other_studies(
    first: Path, ours: StoredStatistics | StatisticsFile, second: Path, theirs: StoredStatistics | StatisticsFile
) -> None:
    """Make sure that two runs are over the same studies.

    Raises:
        InputError: they are not, or have other references; names what differs.
    """
    if (ours.ids, ours.digests) == (theirs.ids, theirs.digests):
        return
    where = f"{first} and {second}"
    here, there = set(ours.ids), set(theirs.ids)
    missing = [name for name in ours.ids if name not in there]
    extra = [name for name in theirs.ids if name not in here]
    if missing or extra:
        only = [
            f"{len(names)} only in {folder} ({first_few(names)})"
            for names, folder in ((missing, first), (extra, second))
            if names
        ]
        raise InputError(
            f"the runs are over different studies: {'; '.join(only)}",
            where=where,
            hint="compare runs of the same suite",
        )
    order = {name: index for index, name in enumerate(theirs.ids)}
    other = [name for name, digest in zip(ours.ids, ours.digests, strict=True) if theirs.digests[order[name]] != digest]
    if other:
        raise InputError(
            f"the same {len(ours.ids)} ids, but other references for {len(other)} of them ({first_few(other)})",
            where=where,
            hint="score both against the same references",
        )


def _pair(
    places: Sequence[str], runs: Sequence[StoredStatistics], asked: Sequence[str] | None
) -> tuple[list[PairedMetric], list[str]]:
    """The metrics that all runs have with the same signature, in the first run's order; and why others are not."""
    everywhere = {name: metric.keys for run in runs for name, metric in run.metrics.items()}
    wanted = None if asked is None else dict.fromkeys(metric_among(name, everywhere) for name in asked)
    rows = [rows_in_order(runs[0].ids, run.ids) for run in runs]
    paired, reasons = [], []
    for name in wanted or everywhere:
        lacking = [place for place, run in zip(places, runs, strict=True) if name not in run.metrics]
        if lacking:
            reasons.append(f"{name}: not in {', '.join(lacking)}")
            continue
        stored = [run.metrics[name] for run in runs]
        signatures = list(dict.fromkeys(item.signature for item in stored))
        if len(signatures) > 1:
            reasons.append(f"{name}: computed in different ways ({' against '.join(signatures)})")
            continue
        try:
            paired.append(paired_metric(name, stored, rows))
        except InputError as error:
            reasons.append(str(error))
    return paired, reasons


def rows_in_order(first: Sequence[QuestionId], ids: Sequence[QuestionId]) -> list[int] | None:
    """A run's rows in the order of the first run's studies; None where that is their order."""
    if ids == first:
        return None
    order = {question: index for index, question in enumerate(ids)}
    return [order[question] for question in first]
