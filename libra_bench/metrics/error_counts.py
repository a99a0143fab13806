"""From two aligned reports to their errors: how many of each category, what they weigh, and where they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from libra_bench.metrics.clinical_significance import Significance
from libra_bench.metrics.finding_relations import INCLUDES, STRUCTURES
from libra_bench.metrics.report_alignment import WHOLE, Alignment, Finding, Pair, Report
from libra_bench.metrics.statements.statement import Statement

CATEGORIES = (
    "false-finding", "missing-finding", "location", "severity", "false-comparison", "missing-comparison",
)  # fmt: skip
"""The six categories of ReXVal and GREEN, in their order."""
ATTRIBUTE = 0.5
"""What the wrong side, or mild for severe, costs of the finding's weight."""
COMPARISON = 0.25
UNCHANGED = 0.1
"""A comparison that is false only in that nothing is said to have changed."""
RELATIVE = 0.5
VAGUER = 0.75
"""How much of a match a relative is (a pneumonia for an atelectasis), and one that only describes (an opacity)."""
NORMAL = 0.25
"""What a normal study weighs: as much as a finding that is not actionable."""
DENIALS = 0.25
"""What a prediction that denies nothing of what the reference denies loses of that."""
REST = 0.1
"""What is normal besides the reference's findings weighs so much, as far as these are matched: who finds an old
granuloma and invents an emphysema has done little worse than who invents it in a normal study."""
UNMATCHED = 0.1
"""The most that a report can score that matches no finding: the lighter its errors, the nearer it comes."""


@dataclass(frozen=True, slots=True)
class ErrorCounts:
    """The errors of one prediction against one reference."""

    score: float
    """0 to 1."""
    counts: tuple[int, ...]
    """One number per category."""
    matched: float
    """Findings of the prediction that are the reference's; a relative counts as what it is worth."""
    predicted: int
    expected: int


def count_errors(aligned: Alignment, significance: Significance) -> ErrorCounts:
    """Count and weigh the errors between two reports."""
    counts = dict.fromkeys(CATEGORIES, 0)
    counts["false-finding"], counts["missing-finding"] = len(aligned.false), len(aligned.missing)
    matched = 0.0
    errors = sum(_weight(one, significance) * one.certainty for one in [*aligned.false, *aligned.missing])
    for pair in aligned.pairs:
        weight = max(_weight(pair.said, significance), _weight(pair.true, significance))
        certainty = (pair.said.certainty + pair.true.certainty) / 2
        credit = _credit(pair)
        found = attribute_errors(pair)
        for category in found:
            counts[category] += 1
        matched += weight * certainty * credit
        errors += weight * certainty * min(1.0, 1 - credit + sum(found.values()))
        errors += weight * abs(pair.said.certainty - pair.true.certainty) / 2
    for name, category, cost in _comparisons_elsewhere(aligned):
        counts[category] += 1
        errors += cost * significance.weight(name)
    return ErrorCounts(
        score=_score(aligned, matched, errors, significance),
        counts=tuple(counts.values()),
        matched=sum(map(_credit, aligned.pairs)),
        predicted=len(aligned.pairs) + len(aligned.false),
        expected=len(aligned.pairs) + len(aligned.missing),
    )


def _score(aligned: Alignment, matched: float, errors: float, significance: Significance) -> float:
    said, true = aligned.prediction, aligned.reference
    if not said.statements or not true.statements:
        return float(not said.statements and not true.statements)
    if true.findings:
        expected = sum(_weight(one, significance) * one.certainty for one in true.findings.values())
        matched += REST * min(1.0, matched / expected)
        cost = _cost(errors, significance)
        share = matched / (matched + cost) if matched else 0.0
        return share + (1 - share) * UNMATCHED * NORMAL / (NORMAL + cost)
    errors += NORMAL * DENIALS * (1 - share_of_denials(said, true, significance))
    matched += NORMAL
    return matched / (matched + _cost(errors, significance))


def _cost(errors: float, significance: Significance) -> float:
    """What errors of this weight cost together: more than the sum of what each costs alone."""
    return errors * (1 + errors / significance.serious)


def _credit(pair: Pair) -> float:
    return 1.0 if pair.is_same else VAGUER if pair.is_vaguer else RELATIVE


def attribute_errors(pair: Pair) -> dict[str, float]:
    """Category -> cost, as a share of the finding's weight, of each error in a matched finding."""
    false, missing = pair.changes
    costs = {
        "location": ATTRIBUTE * pair.location_error,
        "severity": ATTRIBUTE * pair.severity_error,
        "false-comparison": _false_comparison(false),
        "missing-comparison": COMPARISON * bool(missing - {"unchanged"}),
    }
    return {category: cost for category, cost in costs.items() if cost}


def _false_comparison(changes: set[str]) -> float:
    return COMPARISON if changes - {"unchanged"} else UNCHANGED if changes else 0.0


def _comparisons_elsewhere(aligned: Alignment) -> Iterator[tuple[str, str, float]]:
    """(what changed, category, cost) of comparisons of what is no finding in either report."""
    findings = {*aligned.prediction.findings, *aligned.reference.findings}
    said = aligned.prediction.changes_elsewhere(findings)
    true = aligned.reference.changes_elsewhere(findings)
    for name in sorted({*said, *true}):
        false, missing = said.get(name, set()) - true.get(name, set()), true.get(name, set()) - said.get(name, set())
        if false:
            yield name, "false-comparison", _false_comparison(false)
        if missing - {"unchanged"}:
            yield name, "missing-comparison", COMPARISON


def share_of_denials(said: Report, true: Report, significance: Significance) -> float:
    """The share, by weight, of what the reference denies that the prediction denies, too; 1 where it denies nothing.

    What the prediction denies besides is no error. What it has instead is a false finding already.
    """
    names = sorted(set(true.denied) - set(said.findings))
    total = sum(map(significance.weight, names))
    return sum(significance.weight(name) for name in names if _is_denied(name, said)) / total if total else 1.0


def _is_denied(name: str, report: Report) -> bool:
    """Whether a report finds this normal, by its name, or by that of what includes it or is included in it."""
    if name in report.denied or WHOLE in report.denied or (name == WHOLE and report.denied):
        return True
    return any(
        broad in report.denied if name in narrow else name == broad and not narrow.isdisjoint(report.denied)
        for broad, narrow in INCLUDES.items()
    )


def _weight(finding: Finding, significance: Significance) -> float:
    return significance.weight(finding.name, finding.degree)


# --- where they are ---

MATCHED, PARTLY = "matched", "matched in part"
_PREFIXES = {
    False: {"present": "", "absent": "no", "uncertain": "possible"},
    True: {"present": "abnormal", "absent": "normal", "uncertain": "possibly abnormal"},
}
"""Whether it is a structure -> presence -> how it is said."""


def marks(aligned: Alignment) -> Iterator[tuple[str, Statement, str]]:
    """("prediction" or "reference", statement, "what became of it: what it says") of all that was compared."""
    for pair in aligned.pairs:
        wrong = [f"wrong {name}" if "-" not in name else name.replace("-", " ") for name in attribute_errors(pair)]
        exact = pair.is_same and pair.said.certainty == pair.true.certainty
        became = ", ".join(wrong) or (MATCHED if exact else PARTLY)
        yield from _mark("prediction", pair.said.statements, became)
        yield from _mark("reference", pair.true.statements, became)
    for side, became, findings in (
        ("prediction", "false finding", aligned.false),
        ("reference", "missing finding", aligned.missing),
    ):
        for one in findings:
            yield from _mark(side, one.statements, became)
    compared = {(name, category) for name, category, _ in _comparisons_elsewhere(aligned)}
    for side, report, other, category in (
        ("prediction", aligned.prediction, aligned.reference, "false-comparison"),
        ("reference", aligned.reference, aligned.prediction, "missing-comparison"),
    ):
        for one in aligned.described:
            if report.findings.get(one.name) is one:
                yield from _mark(side, one.statements, MATCHED)
        for said in report.statements:
            if said.change and (said.finding, category) in compared:
                yield from _mark(side, (said,), category.replace("-", " "))
            elif said in report.denied.get(said.finding, ()) and _is_denied(said.finding, other):
                yield from _mark(side, (said,), MATCHED)


def _mark(side: str, statements: tuple[Statement, ...], became: str) -> Iterator[tuple[str, Statement, str]]:
    for said in statements:
        yield side, said, f"{became}: {in_words(said)}"


def in_words(said: Statement) -> str:
    """A statement in a few words: "no pneumothorax", "possible mild left pleural effusion, larger", "normal heart"."""
    prefix = _PREFIXES[said.finding in STRUCTURES][said.presence]
    name = "cardiomegaly" if said.finding == "heart" and said.presence != "absent" else said.finding
    if said.change == "resolved" or (said.finding == WHOLE and said.change) or name == "cardiomegaly":
        prefix = _PREFIXES[False][said.presence] if said.presence == "uncertain" else ""
    words = " ".join(word for word in (prefix, said.severity, said.side, name) if word)
    return f"{words}, {said.change}" if said.change else words
