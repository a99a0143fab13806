"""Experiments over several runs, or about the metrics themselves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks.wording import studies
from libra_bench.cli import options as o
from libra_bench.cli import output
from libra_bench.cli.flags import run_options
from libra_bench.cli.run import Display
from libra_bench.runs.options import DECODING, MODEL, RUN, SUITE, RunOptions

if TYPE_CHECKING:
    from benchmarks.records.run import Cost, Estimate
    from libra_bench.runs.plan import Plan
    from model_adapters.adapter import RenderedPrompt
    from reports.experiment import Outcome

Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Write JSON, CSV, LaTeX, figures and a page into this folder."),
]
Resamples = Annotated[
    int, typer.Option("--resamples", min=100, max=o.MOST_RESAMPLES, help="Number of bootstrap resamples.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of the random numbers.")]


@run_options(SUITE, MODEL, DECODING, RUN)
def audit(
    suite: o.Suite,
    model: o.Model,
    options: RunOptions,
    arms: Annotated[
        str | None, typer.Option("--arms", help="Only these, a,b,c; robustness adds harmless changes of the image.")
    ] = None,
    n: Annotated[int, typer.Option("--n", min=2, help="Maximum number of studies, taken evenly from the suite.")] = 256,
    resamples: Annotated[
        int, typer.Option("--resamples", min=100, max=o.MOST_RESAMPLES, help="Of the paired tests.")
    ] = 20_000,
    as_json: o.Json = False,
) -> None:
    """Does the answer depend on the image, the prior, the context? The same studies, with one of them changed.

    Each arm is an ordinary run in the audit's folder: after an interruption, the same command continues.

    [bold]libra-bench audit --suite demo --model libra-tiny[/bold]
    """
    from benchmarks.files import write_json
    from benchmarks.records.audit import AUDIT_FILE
    from libra_bench.experiments.audit import plan_audit, run_audit
    from libra_bench.experiments.audit_outcome import audit_outcome
    from libra_bench.runs.processes import from_env
    from libra_bench.runs.progress import ProgressCallback
    from reports.page import write_report

    processes = from_env()
    planned = plan_audit(
        suite, model, options, arms=None if arms is None else arms.split(","), n=n, seed=options.seed or 0
    )
    if processes.rank == 0:
        names = ", ".join(one.arm.name for one in planned.asked)
        output.message(f"{studies(len(planned.suite.samples))}, baseline and {names}; in {planned.folder}")
    progress = ArmDisplay() if processes.rank == 0 else ProgressCallback()
    found = run_audit(planned, progress, processes, resamples=resamples)
    if found is not None:
        outcome = audit_outcome(found)
        write_json(planned.baseline_folder / AUDIT_FILE, outcome.result)
        write_report([planned.baseline_folder], follow_links=options.follow_links)
        show_outcome(outcome, planned.folder, as_json=as_json)


def stability(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Run folders of the same studies, or folders that contain them.", metavar="RUN..."),
    ],
    metrics: Annotated[str | None, typer.Option("--metrics", help="Only these of the runs' metrics: a,b,c.")] = None,
    cluster: Annotated[
        bool, typer.Option("--cluster/--no-cluster", help="Resample whole patients (subject_id), not studies.")
    ] = True,
    resamples: Resamples = 10_000,
    seed: Seed = 0,
    out: Out = None,
    as_json: o.Json = False,
) -> None:
    """How sure is the ranking? Ranks with intervals, and whether metrics rank the runs alike.

    [bold]libra-bench stability runs/demo/*/*[/bold]
    """
    from libra_bench.experiments.stability import rank_stability
    from libra_bench.experiments.stability_outcome import stability_outcome
    from libra_bench.metrics.registry import split_names
    from reports import find_runs

    found = rank_stability(
        [run.folder for run in find_runs(runs)],
        metrics=None if metrics is None else split_names(metrics),
        clustered=cluster,
        resamples=resamples,
        seed=seed,
    )
    show_outcome(stability_outcome(found), out, as_json=as_json)


def agreement(
    data: Annotated[Path, typer.Option("--data", help="The ratings: a file, or the folder of a published set.")],
    form: Annotated[
        str | None,
        typer.Option("--format", help="radpref, radjudge, rexval, radeval-expert or table; default: by the path."),
    ] = None,
    metrics: Annotated[
        str | None, typer.Option("--metrics", help="a,b,c; default: the metrics of reports that can run here.")
    ] = None,
    resamples: Annotated[
        int, typer.Option("--resamples", min=100, max=o.MOST_RESAMPLES, help="Bootstrap resamples of the studies.")
    ] = 2_000,
    seed: Seed = 0,
    out: Out = None,
    as_json: o.Json = False,
) -> None:
    """Does a metric agree with radiologists? Rank correlation with their ratings, or ranking tests passed.

    A table of your own has the columns study, reference, prediction and one per rater:
    [bold]libra-bench metrics agreement --data ratings.csv[/bold]
    """
    from libra_bench.experiments.agreement import agreement as agree
    from libra_bench.experiments.agreement import texts_of
    from libra_bench.experiments.agreement_outcome import agreement_outcome
    from libra_bench.experiments.judgements import read_judgements
    from libra_bench.experiments.text_values import values_of_texts
    from libra_bench.metrics.choice import REPORT_METRICS, choose_metrics

    judgements = read_judgements(data, form)
    chosen = choose_metrics(metrics, REPORT_METRICS)
    predictions, references = texts_of(judgements)
    values, without = values_of_texts(
        chosen.metrics,
        predictions,
        references,
        folder=out,
        on_metric=lambda name: output.message(f"scoring {len(predictions)} texts with {name}"),
    )
    for entry in chosen.unavailable:
        output.message(f"skipping {entry['metric']}: {entry['reason']}; {entry['remedy']}")
    found = agree(judgements, values, resamples=resamples, seed=seed)
    show_outcome(agreement_outcome(found, judgements, without), out, as_json=as_json)


def sensitivity(
    references: Annotated[
        Path, typer.Option("--references", help="A suite file with reference reports, as for `score`.")
    ],
    metrics: Annotated[
        str | None, typer.Option("--metrics", help="a,b,c; default: the metrics of reports that can run here.")
    ] = None,
    errors: Annotated[str | None, typer.Option("--errors", help="Only these: negation,side,...; default: all.")] = None,
    max_edits: Annotated[
        int, typer.Option("--max-edits", min=1, max=5, help="Maximum errors of one kind per text.")
    ] = 3,
    n: Annotated[int, typer.Option("--n", min=2, help="Number of reports to edit, taken evenly from the file.")] = 300,
    seed: Seed = 0,
    out: Out = None,
    as_json: o.Json = False,
) -> None:
    """Which errors does a metric see? Reports with errors introduced, scored against the unchanged reports.

    [bold]libra-bench metrics sensitivity --references findings.jsonl --metrics rouge_l,report_errors[/bold]
    """
    from libra_bench.experiments.sensitivity import edit_texts, reports_of
    from libra_bench.experiments.sensitivity import sensitivity as measure
    from libra_bench.experiments.sensitivity_outcome import sensitivity_outcome
    from libra_bench.metrics.choice import REPORT_METRICS, choose_metrics

    chosen = choose_metrics(metrics, REPORT_METRICS)
    for entry in chosen.unavailable:
        output.message(f"skipping {entry['metric']}: {entry['reason']}; {entry['remedy']}")
    texts = reports_of(references, n)
    edited = edit_texts(texts, None if errors is None else errors.split(","), max_edits=max_edits, seed=seed)
    with output.ProgressBar("scoring") as progress:
        done = 0

        def on_scored() -> None:
            nonlocal done
            done += 1
            progress(done, len(edited) * len(chosen.metrics))

        found = measure(texts, edited, chosen.metrics, seed=seed, on_scored=on_scored)
    show_outcome(sensitivity_outcome(found), out, as_json=as_json)


def reproduce(
    target: Annotated[str, typer.Argument(metavar="TABLE", help="A published table: libra-v1, or a file (.yaml).")],
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A scored run folder.")],
    row: Annotated[str | None, typer.Option("--row", help="The table's row; default: that of the run's model.")] = None,
    out: Out = None,
    as_json: o.Json = False,
) -> None:
    """Is it the published number? A run against a published table, row by row, and what may explain a difference.

    [bold]libra-bench reproduce libra-v1 runs/findings/libra-v1.0-7b/FINGERPRINT[/bold]
    """
    from libra_bench.experiments.reproduce import reproduce as hold_against
    from libra_bench.experiments.reproduce_outcome import reproduce_outcome

    found = hold_against(
        target, run, model=row, on_metric=lambda way: output.message(f"trying {way}, to explain a difference")
    )
    show_outcome(reproduce_outcome(found), out, as_json=as_json)


class ArmDisplay(Display):
    """Shows the run of one arm: its name and a progress bar."""

    def planned(self, plan: Plan, answered: int) -> None:
        """Which arm, and how much of it is there already."""
        there = f", {answered} of them answered already" if answered else ""
        output.message(f"{plan.suite.name}: {studies(len(plan.order))}{there}")

    def prompted(self, prompt: RenderedPrompt | None, plan: Plan) -> None:
        """The prompts are in the arms' suite files."""

    def estimated(self, estimate: Estimate) -> None:
        """The progress bar says how long it takes."""

    def generated(self, cost: Cost) -> None:
        """Not of interest here."""


def show_outcome(outcome: Outcome, out: Path | None, *, as_json: bool) -> None:
    """Print an experiment's outcome, and write its files where a folder is given."""
    from reports.experiment import to_terminal, write_outcome

    if out is not None:
        for path in write_outcome(outcome, out):
            output.message(f"wrote {path}")
    output.result(dict(outcome.result), to_terminal(outcome), as_json=as_json)
