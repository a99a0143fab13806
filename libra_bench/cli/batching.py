"""`libra-bench verify-batching`: does a batch change texts?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from libra_bench.cli import options as o
from libra_bench.cli import output
from libra_bench.cli.flags import run_options
from libra_bench.runs.options import DECODING, MODEL, SUITE, RunOptions

if TYPE_CHECKING:
    from benchmarks.records.run import BatchingCheck


@run_options(SUITE, MODEL, DECODING, "out")
def verify_batching(
    model: o.Model,
    options: RunOptions,
    n: Annotated[int, typer.Option("--n", min=1, help="Number of studies, taken evenly from the suite.")] = 64,
    suite: Annotated[str, typer.Option("--suite", help="A suite's name or a file.", rich_help_panel=SUITE)] = "demo",
    as_json: o.Json = False,
) -> None:
    """Answer studies one at a time and in batches, and count the texts that differ.

    In float32 they should only where the model scores two texts alike (a tie, said as such); any other difference is a
    fault: exit status 1. With the options of a run, the share is written to that run's run.json and in the leaderboard.

    [bold]libra-bench verify-batching --model libra-tiny --n 64 --dtype bfloat16[/bold]
    """
    from libra_bench.experiments.batching import TIE_NATS
    from libra_bench.experiments.batching import verify_batching as verify
    from libra_bench.runs.plan import plan_run

    plan = plan_run(suite, model, options)
    with output.ProgressBar("answering") as on_answer:
        found = verify(plan, n, on_answer)
    output.result({"run": str(plan.folder), **found.as_json()}, _in_words(found), as_json=as_json)
    if found.ties is not None and any(gap is not None and gap > TIE_NATS for gap in found.gaps):
        raise typer.Exit(1)


def _in_words(found: BatchingCheck) -> str:
    batch = f"batch size {found.batch_size}" if found.batch_size else "the model's own batch size"
    kind = f"{found.dtype}, " if found.dtype else ""
    words = f"{found.differing} of {found.n} texts ({found.share:.1%}) differ between batch size 1 and {batch}"
    gaps = found.gaps or (None,) * len(found.question_ids)
    ids = ", ".join(
        repr(key) + (f" ({gap:.2g} nats apart)" if gap is not None else "")
        for key, gap in zip(found.question_ids, gaps, strict=True)
    )
    words += f" ({kind}{found.device or 'no device'})" + (f": {ids}" if ids else "")
    if not found.ties:
        return words
    every = found.ties == found.differing
    return f"{words}; {'all' if every else found.ties} of them ties, which the model scores alike up to rounding"
