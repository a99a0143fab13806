"""An audit as tables, verdicts and a figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from libra_bench.experiments.arm_texts import Share
from libra_bench.experiments.arms import Subject
from libra_bench.experiments.audit import ArmResult, ArmScore, Audit
from reports.dots import Dot, dot_plot
from reports.experiment import Outcome, Table
from reports.labels import score_label

HEADLINES = ("Report-errors-score", "ROUGE-L", "Temporal_change_score", "BLEU4")
"""Keys that verdicts speak of, the first that is there; else the first key of all."""
SIGNIFICANT = 0.05
SUBJECTS: Mapping[Subject, tuple[str, str]] = {
    "image": ("Does the answer depend on the image?", "uses the image"),
    "prior": ("Does it depend on the prior image?", "uses the prior image"),
    "context": ("Does it depend on the clinical context?", "uses the clinical context"),
    "prompt": ("Does it depend on the wording of the prompt?", "depends on the wording"),
    "robustness": ("Does it depend on harmless changes of the image?", "depends on harmless changes"),
}
"""Subject -> the question, and what a difference shows."""


def audit_outcome(found: Audit) -> Outcome:
    """What `libra-bench audit` shows and writes."""
    key = _headline(found)
    verdicts = list(_verdicts(found, key))
    return Outcome(
        name="audit",
        title=f"What {found.model} looks at, on {found.suite}",
        result={**found.as_json(), "verdicts": verdicts},
        tables=[_arm_table(found, key), _score_table(found)],
        findings=[*verdicts, *(f"Not asked: {arm}, since {why}." for arm, why in found.skipped.items())],
        figures={"arms": lambda: dot_plot(_dots(found, key), xlabel=f"{score_label(key)}: arm minus baseline")},
        subjects=[found.model],
    )


def _headline(found: Audit) -> str:
    return next((key for key in HEADLINES if key in found.baseline), next(iter(found.baseline), ""))


def _arm_table(found: Audit, key: str) -> Table:
    rows = []
    for arm in found.arms:
        score = _score(arm, key)
        rows.append(
            (
                arm.arm,
                arm.n,
                *((score.difference, score.low, score.high, score.p_holm) if score else (None, None, None, None)),
                100 * arm.identical_texts,
                _percent(arm.statements_kept),
                _percent(arm.direction_flips),
                _percent(arm.comparisons),
            )
        )
    drawn = f" of {found.clusters} patients" if found.clusters else ""
    base = f"{found.baseline[key]:.2f}" if key in found.baseline else "unknown"
    note = (
        f"{key}: arm minus baseline ({base}) over the same studies, with its 95 % interval; p: after Holm's "
        f"correction over all arms and metrics ({found.resamples} resamples{drawn}). same: percent of texts that are "
        "the baseline's; kept: percent of its statements that recur; turned: percent of its stated changes "
        "whose direction is the opposite; comparing: percent of texts that compare."
    )
    if twins := [f"{arm.arm} is {arm.same_as} for this model" for arm in found.arms if arm.same_as]:
        note += f" By construction {'; '.join(twins)}: asked once."
    columns = ("arm", "n", key, "low", "high", "p", "same", "kept", "turned", "comparing")
    return Table("arms", "What an arm changes", columns, rows, note)


def _score_table(found: Audit) -> Table:
    rows = [
        (arm.arm, score.key, score.value, score.difference, score.low, score.high, score.p_holm, score.detectable)
        for arm in found.arms
        for score in arm.scores
    ]
    columns = ("arm", "metric", "value", "difference", "low", "high", "p", "detects")
    note = "detects: the smallest true difference that would have been found with 80 % power."
    return Table("scores", "Every metric of every arm", columns, rows, note, first=0)


def _verdicts(found: Audit, key: str) -> Iterable[str]:
    for subject, (question, shown) in SUBJECTS.items():
        arms = [arm for arm in found.arms if arm.subject == subject]
        if arms:
            yield f"{question} {_verdict(arms, key, shown)}"
    swapped = next((arm for arm in found.arms if arm.arm == "swapped-order"), None)
    if swapped is not None and swapped.direction_flips is not None and swapped.direction_flips.n:
        flips = swapped.direction_flips
        percent = f"{100 * (flips.share or 0):.0f} %"
        yield f"With the images in reverse order, {percent} of {flips.n} stated changes reverse their direction."
    if swapped is not None and swapped.labels_reversed is not None and swapped.labels_reversed.n:
        turned = swapped.labels_reversed
        percent = f"{100 * (turned.share or 0):.0f} %"
        yield f"Of {turned.n} labelled findings that it says have changed, {percent} are then said to have reversed."
    alone = next((arm for arm in found.arms if arm.arm == "no-prior"), None)
    if alone is not None and alone.comparisons is not None and alone.comparisons.share:
        yield f"Without a prior image, {100 * alone.comparisons.share:.0f} % of the texts still compare with one."


def _verdict(arms: Sequence[ArmResult], key: str, shown: str) -> str:
    if all(arm.identical_texts == 1 for arm in arms):
        return "No: all texts are identical."
    scored = [(arm, score) for arm in arms if (score := _score(arm, key)) is not None]
    told = [(arm, score) for arm, score in scored if score.p_holm < SIGNIFICANT]
    if not told:
        return f"No effect can be shown on {key}; {_detectable(scored)}."
    arm, score = max(told, key=lambda item: abs(item[1].difference))
    return f"It {shown}: {arm.arm} changes {key} by {score.difference:+.2f}{_interval(score)}."


def _detectable(scored: Sequence[tuple[ArmResult, ArmScore]]) -> str:
    known = [score.detectable for _, score in scored if score.detectable is not None]
    if not known:
        return "too few patients to say how small an effect could have been found"
    return f"the smallest effect that would have been found is {min(known):.2f}"


def _interval(score: ArmScore) -> str:
    return "" if score.low is None or score.high is None else f" [{score.low:+.2f}, {score.high:+.2f}]"


def _score(arm: ArmResult, key: str) -> ArmScore | None:
    return next((score for score in arm.scores if score.key == key), None)


def _percent(share: Share | None) -> float | None:
    return None if share is None or share.share is None else 100 * share.share


def _dots(found: Audit, key: str) -> list[Dot]:
    scored = [(arm, score) for arm in found.arms if (score := _score(arm, key)) is not None]
    return [Dot(arm.arm, score.difference, score.low, score.high) for arm, score in scored]
