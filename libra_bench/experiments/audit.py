"""Does the answer depend on the image, the prior, the context? A baseline run and one per arm, compared in pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.errors import GenerationError, InputError
from benchmarks.files import sha256_file, write_jsonl
from benchmarks.predictions import match_answers
from benchmarks.records.audit import AUDIT_VERSION
from benchmarks.records.statistics import StoredStatistics, read_statistics
from benchmarks.schema import Answer, QuestionId, Sample
from benchmarks.suites import Suite, load_suite
from libra_bench.experiments.arm_images import redraw_images, with_redrawn
from libra_bench.experiments.arm_texts import Share, changes_reversed, comparing, labels_reversed, statements_kept
from libra_bench.experiments.arms import Arm, Asked, Studies, Subject, ask_arm, chosen_arms, studies_of
from libra_bench.runs.answers import ANSWERS_FILE, read_answer_lines
from libra_bench.runs.loading import KeptModel
from libra_bench.runs.options import RunOptions
from libra_bench.runs.plan import Plan, plan_suite
from libra_bench.runs.processes import Processes
from libra_bench.runs.progress import ProgressCallback
from libra_bench.runs.runner import generate_run
from libra_bench.runs.scored_folder import check_scoring, score_run
from libra_bench.scores.bootstrap import count_clusters
from libra_bench.scores.statistics import Difference, compare, holm_correction
from libra_bench.scores.stored_statistics import paired_metric, values_of

AUDITS_FOLDER = Path("audits")
"""Apart from the runs, since an arm is not a row of a leaderboard."""
STUDIES = 256
RESAMPLES = 20_000
"""Enough for a p-value to be small after a correction over a few hundred tests."""
BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class ArmScore:
    """One key of one arm."""

    key: str
    value: float
    difference: float
    """Arm minus baseline over the same studies, in the key's unit."""
    low: float | None
    high: float | None
    p_holm: float
    """Corrected over all keys and arms."""
    detectable: float | None
    """The smallest true difference that would have been found with 80 % power."""
    higher_is_better: bool


@dataclass(frozen=True, slots=True)
class ArmResult:
    """One arm."""

    arm: str
    subject: Subject
    n: int
    """Studies that it applies to."""
    identical_texts: float
    """Share of the texts that are identical to the baseline's."""
    statements_kept: Share
    """Share of the baseline's statements that recur with the same finding, presence and side."""
    direction_flips: Share | None
    """Of the baseline's statements that something is new, resolved, larger or smaller: those whose finding and side
    have the opposite in the arm. None where the arm leaves the prior as it is."""
    labels_reversed: Share | None
    """Of the labelled findings that the baseline calls new, worse, improved or resolved: those that the arm calls the
    reverse. None but for swapped images, in a suite with labels of progression."""
    comparisons: Share | None
    """Texts of the arm that still compare; None where there is a prior to compare with."""
    same_as: str | None
    """The arm that coincides with this one by construction, and was run instead."""
    scores: Sequence[ArmScore]


@dataclass(frozen=True, slots=True)
class Audit:
    """What `libra-bench audit` finds."""

    suite: str
    model: str
    n: int
    clusters: int | None
    resamples: int
    seed: int
    baseline: Mapping[str, float]
    arms: Sequence[ArmResult]
    skipped: Mapping[str, str]
    """Arm -> why no study could be asked so."""

    def as_json(self) -> dict[str, Any]:
        """The result as JSON values."""
        return {"schema_version": AUDIT_VERSION, **asdict(self)}


@dataclass(frozen=True, slots=True)
class AuditPlan:
    """Everything decided before the model is loaded."""

    suite: Suite
    """The audited studies."""
    studies: Studies
    asked: Sequence[Asked]
    skipped: Mapping[str, str]
    plan: Plan
    """Of the baseline."""
    model: str
    options: RunOptions
    folder: Path
    seed: int

    @property
    def baseline_folder(self) -> Path:
        """The run folder of the baseline."""
        return self.folder / "runs" / BASELINE


def plan_audit(
    suite: str | Path,
    model: str,
    options: RunOptions,
    *,
    arms: Sequence[str] | None = None,
    n: int = STUDIES,
    seed: int = 0,
) -> AuditPlan:
    """Resolve names and settings, choose the studies, and see which arms can be asked.

    Args:
        suite: as for a run.
        model: as for a run.
        options: as for a run; `out` is the folder of the audit.
        arms: names or groups; None: all but robustness.
        n: the most studies, evenly over the suite.
        seed: of everything that is drawn.

    Raises:
        InputError: any of its kinds.
    """
    loaded = load_suite(suite, data=options.data, image_root=options.image_root, limit=options.limit)
    step = max(1.0, len(loaded.samples) / n)
    samples = tuple(loaded.samples[int(place * step)] for place in range(min(n, len(loaded.samples))))
    studies = studies_of(samples, seed)
    asked = [ask_arm(arm, studies) for arm in chosen_arms(arms)]
    baseline = replace(loaded, samples=samples)
    # Planned once without a folder, so that settings which cannot work are refused before anything is written.
    plan = plan_suite(baseline, model, replace(options, report=False))
    folder = options.out or AUDITS_FOLDER / loaded.name / plan.model_id / plan.fingerprint
    return AuditPlan(
        suite=baseline,
        studies=studies,
        asked=[one for one in asked if one.samples],
        skipped={one.arm.name: one.arm.why_not for one in asked if not one.samples},
        plan=plan,
        model=model,
        options=options,
        folder=folder,
        seed=seed,
    )


def run_audit(
    audit: AuditPlan, progress: ProgressCallback, processes: Processes, *, resamples: int = RESAMPLES
) -> Audit | None:
    """Run the baseline and every arm, and compare them; what is there already is not generated again.

    Returns:
        The result; None in a process that isn't the first.

    Raises:
        LibraBenchError: any of its kinds.
    """
    load = KeptModel()
    names: dict[str, Plan] = {
        BASELINE: _arm_plan(audit, BASELINE, audit.suite.samples, audit.suite.image_root, processes)
    }
    same_as: dict[str, str] = {}
    for one in audit.asked:
        samples, root = _samples_of(audit, one, processes)
        plan = _arm_plan(audit, one.arm.name, samples, root, processes)
        twin = _twin(audit, one.arm)
        if twin is not None and twin in names:
            same_as[one.arm.name] = twin
        else:
            names[one.arm.name] = plan
    refused: dict[str, str] = {}
    for name, plan in names.items():
        against = check_scoring(plan.folder, plan.suite, plan.chosen)
        try:
            answers = generate_run(plan, progress, processes.for_run(name), load)
        except GenerationError as error:  # such as a model that must have two images
            if name == BASELINE or processes.world_size > 1:
                raise
            refused[name] = f"the model cannot be asked so ({error})"
            continue
        if processes.rank == 0:
            score_run(plan.folder, plan.chosen, plan.suite, answers, against)
    if processes.rank > 0:
        return None
    return _compare(audit, names, same_as, refused, resamples)


def _samples_of(audit: AuditPlan, one: Asked, processes: Processes) -> tuple[Sequence[Sample], Path]:
    """An arm's studies and where their images are; the first process draws them."""
    if one.arm.redraw is None:
        return one.samples, audit.suite.image_root
    root = audit.folder / "images" / one.arm.name
    if processes.rank == 0:
        redraw_images(
            one.samples,
            audit.suite.image_root,
            root,
            one.arm.redraw,
            seed=audit.seed,
            follow_links=audit.options.follow_links,
        )
    return with_redrawn(one.samples), root


def _arm_plan(audit: AuditPlan, name: str, samples: Sequence[Sample], root: Path, processes: Processes) -> Plan:
    """An arm as an ordinary run, over a suite file of its own."""
    path = audit.folder / "suites" / f"{name}.jsonl"
    rows = [_row(sample) for sample in samples]
    if processes.rank == 0:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_jsonl(path, rows)
    processes.broadcast(f"suite of {name}", name if processes.rank == 0 else None)
    suite = replace(
        audit.suite, name=path.stem, samples=tuple(samples), path=path, image_root=root, sha256=sha256_file(path)
    )
    options = replace(
        audit.options, out=audit.folder / "runs" / name, report=False, data=None, image_root=None, limit=None
    )
    return plan_suite(suite, audit.model, options)


def _row(sample: Sample) -> dict[str, Any]:
    row = {"question_id": sample.question_id, "image": sample.image_value, "text": sample.text, **sample.fields}
    if sample.references:
        row["reference"] = list(sample.references) if len(sample.references) > 1 else sample.references[0]
    if sample.labels is not None:
        row["labels"] = list(sample.labels)
    return row


def _twin(audit: AuditPlan, arm: Arm) -> str | None:
    """The arm that a model cannot tell this one from: without a prior, a dummy prior is the current image again."""
    policy = audit.plan.facts.model.get("image_policy")
    return "no-prior" if arm.name == "repeated-prior" and policy == "dummy-prior" else None


def _compare(
    audit: AuditPlan,
    plans: Mapping[str, Plan],
    same_as: Mapping[str, str],
    refused: Mapping[str, str],
    resamples: int,
) -> Audit:
    base = read_statistics(plans[BASELINE].folder)
    base_texts = _texts(plans[BASELINE])
    differences: dict[str, list[Difference]] = {}
    for name, plan in plans.items():
        if name != BASELINE and name not in refused:
            differences[name] = _differences(name, base, read_statistics(plan.folder), resamples, audit.seed)
    p_values = [one.p_value for found in differences.values() for one in found]
    holm = iter(holm_correction(np.array(p_values)) if p_values else ())
    corrected = {name: [replace(one, p_holm=float(next(holm))) for one in found] for name, found in differences.items()}
    results = []
    for one in audit.asked:
        source = same_as.get(one.arm.name, one.arm.name)
        if source in refused:
            continue
        texts = _texts(plans[source])
        result = _result(one.arm, same_as.get(one.arm.name), base_texts, texts, corrected[source])
        if one.arm.name == "swapped-order":
            result = replace(result, labels_reversed=labels_reversed(one.samples, base_texts, texts))
        results.append(result)
    return Audit(
        suite=audit.suite.name,
        model=audit.plan.model_id,
        n=len(audit.suite.samples),
        clusters=None if base.clusters is None else count_clusters(base.clusters),
        resamples=resamples,
        seed=audit.seed,
        baseline={key: value for name, found in base.metrics.items() for key, value in values_of(name, found).items()},
        arms=results,
        skipped={**audit.skipped, **refused},
    )


def _differences(
    model: str, base: StoredStatistics, arm: StoredStatistics, resamples: int, seed: int
) -> list[Difference]:
    """The arm against the baseline over the arm's studies, on every metric that both have."""
    place = {question: index for index, question in enumerate(base.ids)}
    rows = [place[question] for question in arm.ids]
    clusters = None if base.clusters is None else [base.clusters[row] for row in rows]
    paired = [
        paired_metric(name, [base.metrics[name], stored], [rows, None])
        for name, stored in arm.metrics.items()
        if name in base.metrics
    ]
    if not paired:
        raise InputError("no metric of the audit can be compared", hint="name others with --metrics")
    return compare([BASELINE, model], paired, clusters, resamples, seed)


def _texts(plan: Plan) -> dict[QuestionId, str]:
    answers: Sequence[Answer] = match_answers(
        list(read_answer_lines(plan.folder / ANSWERS_FILE)), plan.suite.samples, where=plan.folder
    )
    return {answer.question_id: "" if answer.failed else answer.text for answer in answers}


def _result(
    arm: Arm,
    same_as: str | None,
    base: Mapping[QuestionId, str],
    texts: Mapping[QuestionId, str],
    differences: Sequence[Difference],
) -> ArmResult:
    pairs = [(base[question], text) for question, text in texts.items()]
    touches_prior = arm.subject == "prior"
    return ArmResult(
        arm=arm.name,
        subject=arm.subject,
        n=len(pairs),
        identical_texts=float(np.mean([before == after for before, after in pairs])),
        statements_kept=statements_kept(pairs),
        direction_flips=changes_reversed(pairs) if touches_prior else None,
        labels_reversed=None,
        comparisons=comparing([after for _, after in pairs]) if arm.name in ("no-prior", "repeated-prior") else None,
        same_as=same_as,
        scores=[
            ArmScore(
                one.key,
                one.model_value,
                one.difference,
                one.low,
                one.high,
                one.p_holm,
                one.detectable,
                one.higher_is_better,
            )
            for one in differences
        ],
    )
