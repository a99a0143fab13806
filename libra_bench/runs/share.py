"""One process's share of a run: load the model, answer studies until none is left, say what it took."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.errors import LibraBenchError
from benchmarks.schema import Question, QuestionId
from benchmarks.suites import Suite
from libra_bench.runs.answers import AnswerLog
from libra_bench.runs.cost import Estimate, Meter, of_earlier_run
from libra_bench.runs.generation import Stamp, ask, generate, record_failures
from libra_bench.runs.listener import Listener
from libra_bench.runs.plan import RUNS_FOLDER, Plan, path_name
from libra_bench.runs.processes import Processes
from model_adapters.adapter import Adapter, ModelSpec, RenderedPrompt
from model_adapters.baselines.replay import OracleAdapter
from model_adapters.models import load_adapter
from model_adapters.registry import adapter_class

PIECE_BATCHES = 4
"""How many batches a process takes at a time, where there are several processes and much is left."""
USUAL_BATCH = 16
"""Studies decoded together, where the adapter chooses: only for the size of those pieces."""


@dataclass(frozen=True, slots=True)
class Share:
    """What a process did."""

    planned: Estimate | None
    report: dict[str, Any]
    """rank, host, studies, loading_seconds, generating_seconds, adapter_report; JSON values."""


def generate_share(
    plan: Plan, open_ids: set[QuestionId], log: AnswerLog, listener: Listener, processes: Processes
) -> Share:
    """Load the model and answer this process's share of the open questions.

    Raises:
        GenerationError: a study failed and `--on-error` is stop.
        ImageError: a study's image is not there and `--on-error` is stop; before the model is loaded.
    """
    options = plan.options
    samples = [sample for sample in plan.suite.samples if sample.question_id in open_ids]
    asked = ask(plan.suite, samples, on_error=options.on_error, follow_links=options.follow_links)
    began = time.perf_counter()
    adapter = load_model(plan.spec, plan.suite)
    loaded = time.perf_counter()
    planned = None
    if processes.rank == 0:
        listener.prompted(_first_prompt(adapter, asked.questions), plan)
        name, described = path_name(plan.spec.name), dict(adapter.describe())
        planned = of_earlier_run(RUNS_FOLDER, name, plan.facts, described, processes.world_size, len(open_ids))
        if planned is not None:
            listener.estimated(planned)
    stamp = Stamp(plan.fingerprint, path_name(plan.spec.name))
    batch = plan.spec.batch_size or USUAL_BATCH
    before = len(plan.order) - len(open_ids)
    studies = 0

    def on_estimate(estimate: Estimate) -> None:
        nonlocal planned
        planned = estimate
        listener.estimated(estimate)

    meter = None
    if processes.rank == 0 and planned is None:
        meter = Meter(len(open_ids), adapter.describe, processes.world_size, on_estimate)
    with log, listener.generating(len(plan.order), before) as progress:

        def on_answer() -> None:
            nonlocal studies
            studies += 1
            answered = processes.count()
            if meter is not None:
                meter.answered(answered)
            progress(before + answered)

        if processes.rank == 0:
            record_failures(asked.failures, log, stamp, on_answer=on_answer)
        for part in processes.slices(len(asked.questions), largest=PIECE_BATCHES * batch, smallest=max(1, batch // 4)):
            questions = asked.questions[part]
            generate(adapter, questions, plan.decoding, log, stamp, on_error=options.on_error, on_answer=on_answer)
    report = {
        "rank": processes.rank,
        "host": platform.node(),
        "studies": studies,
        "loading_seconds": round(loaded - began, 3),
        "generating_seconds": round(time.perf_counter() - loaded, 3),
        "adapter_report": dict(adapter.describe()),
    }
    return Share(planned, report)


def load_model(spec: ModelSpec, suite: Suite) -> Adapter:
    """The adapter, ready; `oracle` is a replay of the references."""
    if issubclass(adapter_class(spec.adapter), OracleAdapter):
        return OracleAdapter.of(suite.samples, suite.name)
    return load_adapter(spec)


def _first_prompt(adapter: Adapter, questions: Sequence[Question]) -> RenderedPrompt | None:
    """None where there is no question, or one that cannot be asked: its answer will say why."""
    try:
        return adapter.render(questions[0]) if questions else None
    except LibraBenchError:
        return None
