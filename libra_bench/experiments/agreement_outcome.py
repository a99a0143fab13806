"""Agreement with radiologists as tables, sentences and a figure."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.wording import counted, studies
from libra_bench.experiments.agreement import Agreement, KeyAgreement
from libra_bench.experiments.judgements import Judgements
from reports.dots import Dot, dot_plot
from reports.experiment import Outcome, Table


def agreement_outcome(found: Agreement, judgements: Judgements, without_values: Sequence[str]) -> Outcome:
    """What `libra-bench metrics agreement` shows and writes.

    Args:
        found: the result.
        judgements: what it was computed from.
        without_values: metrics that have no value for one text.
    """
    notes = [f"Not among them, since it has no value for a single text: {name}." for name in without_values]
    if judgements.tests:
        tables, findings, figures = _tests_tables(found), [], {}
    else:
        tables = [_tau_table(found, judgements.rating), *_error_table(found), *_difference_table(found)]
        findings = [_raters_sentence(found)]
        figures = {"tau": lambda: dot_plot(_dots(found), xlabel="Kendall's tau", mark=_mark(found))}
    return Outcome(
        name="agreement",
        title="Do metrics agree with radiologists?",
        result=found.as_json(),
        tables=tables,
        findings=[*findings, *notes],
        figures=figures,
        subjects=[found.format],
    )


def _tau_table(found: Agreement, rating: str) -> Table:
    rows = [(key.key, key.tau, key.low, key.high, key.spearman, *_pairwise(key)) for key in _best_first(found)]
    texts = f"{counted(found.n_texts, 'text')} of {studies(found.n_studies)}, {counted(found.raters.n, 'rater')}"
    note = (
        f"{texts} ({rating}). tau: Kendall's tau-b "
        "with the mean rating, more is better; low, high: 95 % interval over studies; rho: Spearman's. right: of the "
        "pairs of candidates of one study that the raters tell apart, the share that the metric orders as they do; "
        "ties: pairs that it does not tell apart, not counted as either."
    )
    if found.n_unrated:
        note += f" {found.n_unrated} texts without a rating were left out."
    columns = ("metric", "tau", "low", "high", "rho", "right", "pairs", "ties")
    return Table("tau", "Rank correlation with the ratings", columns, rows, note, digits=3)


def _best_first(found: Agreement) -> list[KeyAgreement]:
    return sorted(found.metrics, key=lambda key: -2.0 if key.tau is None else key.tau, reverse=True)


def _pairwise(key: KeyAgreement) -> tuple[float | None, int | None, int | None]:
    pairs = key.pairwise
    return (None, None, None) if pairs is None else (pairs.accuracy, pairs.n, pairs.ties)


def _error_table(found: Agreement) -> list[Table]:
    names = list(dict.fromkeys(name for key in found.metrics for name in key.by_error))
    if not names:
        return []
    rows = [(key.key, *(key.by_error.get(name) for name in names)) for key in found.metrics]
    note = "tau-b of the metric with fewer errors of the kind."
    return [Table("by-error", "Which errors does it see?", ("metric", *names), rows, note, digits=3)]


def _difference_table(found: Agreement) -> list[Table]:
    """The best metric against each other one; the JSON has all pairs."""
    best = _best_first(found)[0].key if found.metrics else None
    rows: list[tuple[str, float, float | None, float | None]] = []
    for pair in found.differences:
        if pair.a == best:
            rows.append((pair.b, pair.difference, pair.low, pair.high))
        elif pair.b == best:
            rows.append((pair.a, -pair.difference, _negative(pair.high), _negative(pair.low)))
    rows.sort(key=lambda row: row[1])
    if not rows:
        return []
    note = "On the same resamples; the two differ if the interval excludes 0 (not corrected for the number of pairs)."
    columns = ("metric", "difference in tau", "low", "high")
    return [Table("differences", f"{best} against the others", columns, rows, note, 3)]


def _negative(end: float | None) -> float | None:
    return None if end is None else -end


def _tests_tables(found: Agreement) -> list[Table]:
    shown = [(key.key, key.tests) for key in found.metrics if key.tests is not None]
    shown.sort(key=lambda item: item[1].passed, reverse=True)
    categories = list(shown[0][1].by_category) if shown else []
    note = "Every relation of a test must hold; equal means equal to six decimals."
    passed = Table(
        "tests",
        "Ranking tests passed",
        ("metric", "passed", "of"),
        [(key, one.passed, one.n) for key, one in shown],
        note,
    )
    by_category = Table(
        "tests-by-category",
        "Ranking tests passed, by category",
        ("category", "tests", *(key for key, _ in shown)),
        [
            (name, shown[0][1].by_category[name]["n"], *(one.by_category[name]["passed"] for _, one in shown))
            for name in categories
        ],
        first=0,
    )
    return [passed, by_category]


def _raters_sentence(found: Agreement) -> str:
    if found.raters.ceiling is None:
        return "There is only one rater, so the agreement between raters is unknown."
    pairs = ", ".join("–" if tau is None else f"{tau:.3f}" for tau in found.raters.tau)
    return (
        f"The raters themselves: tau {pairs} between each two, {found.raters.ceiling:.3f} for one against the mean of "
        "the others, which is as much as a metric can be expected to reach."
    )


def _dots(found: Agreement) -> list[Dot]:
    return [Dot(key.key, key.tau, key.low, key.high) for key in found.metrics if key.tau is not None]


def _mark(found: Agreement) -> tuple[str, float] | None:
    return None if found.raters.ceiling is None else ("raters", found.raters.ceiling)
