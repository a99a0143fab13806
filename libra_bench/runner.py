"""One run, from names to a finished run folder: plan -> generate -> score -> report."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.catalog import suite_names
from benchmarks.errors import GenerationError, ImageError, InputError, SuiteError
from benchmarks.files import sha256_json, write_json
from benchmarks.predictions import match_answers
from benchmarks.schema import Answer, Question, QuestionId
from benchmarks.suites import Suite, load_suite
from libra_bench import provenance
from libra_bench.answers import AnswerLog, locked, read_answer_lines
from libra_bench.generation import OnError, Stamp, Stopwatch, ask, count_kinds, generate, record_failures, throughput
from libra_bench.listener import Listener
from libra_bench.models import ORACLE, resolve_model
from libra_bench.processes import Processes, local_device, of_environment
from libra_bench.protocols import DEFAULT_PROTOCOL, decoding_with, protocol_named
from libra_bench.scoring import PUBLISHED_METRICS, ChosenMetrics, Scored, choose_metrics, score_answers, write_scored
from model_adapters.protocol import Adapter, Decoding, ModelSpec, RenderedPrompt
from model_adapters.registry import adapter_class
from model_adapters.replay import ReplayAdapter

RUNS_FOLDER = Path("runs")
SHARE_BATCHES = 4
"""How many batches a process takes at a time, where there are several processes."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a user may say about a run besides suite and model; the flags of `libra-bench run`."""

    data: Path | None = None
    image_root: Path | None = None
    adapter: str | None = None
    model_base: str | None = None
    conv_mode: str | None = None
    protocol: str | None = None
    num_beams: int | None = None
    length_penalty: float | None = None
    no_repeat_ngram_size: int | None = None
    num_return_sequences: int | None = None
    max_new_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    batch_size: int | None = None
    device: str | None = None
    dtype: str | None = None
    metrics: str | None = None
    dialect: str | None = None
    by: Sequence[str] = ()
    limit: int | None = None
    out: Path | None = None
    on_error: OnError = "stop"
    retry_failed: bool = False
    report: bool = True
    """Whether to write report.html."""
    follow_links: bool = False
    adapter_options: Mapping[str, Any] = field(default_factory=dict)
    """Options of the adapter itself."""

    def __post_init__(self) -> None:
        if self.on_error not in ("stop", "record"):
            raise InputError(f"takes stop or record, not {self.on_error!r}", where="--on-error")
        if self.limit is not None and self.limit < 1:
            raise InputError(f"must be at least 1, not {self.limit}", where="--limit")

    @property
    def decoding_overrides(self) -> dict[str, Any]:
        """The decoding flags, by their Decoding field."""
        return {item.name: getattr(self, item.name) for item in dataclasses.fields(Decoding)}


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything decided before the model is loaded."""

    suite: Suite
    spec: ModelSpec
    protocol: str
    decoding: Decoding
    overrides: Mapping[str, Any]
    chosen: ChosenMetrics
    facts: Mapping[str, Any]
    """What decides the answers."""
    fingerprint: str
    folder: Path
    options: RunOptions

    @property
    def order(self) -> list[QuestionId]:
        """The question ids in suite order."""
        return [sample.question_id for sample in self.suite.samples]


def plan_run(suite: str | Path, model: str, options: RunOptions) -> Plan:
    """Resolve names, settings and metrics; refuse what cannot work before anything slow begins.

    Raises:
        InputError: any of its kinds; one line says what and the mend.
    """
    loaded_suite = load_suite(suite, data=options.data, image_root=options.image_root, limit=options.limit)
    spec, protocol, decoding, overrides = _model_and_decoding(model, options)
    facts = provenance.deciding_facts(loaded_suite.samples, _identity(spec, loaded_suite), decoding)
    mark = provenance.fingerprint(facts)
    return Plan(
        suite=loaded_suite,
        spec=spec,
        protocol=protocol,
        decoding=decoding,
        overrides=overrides,
        chosen=choose_metrics(options.metrics, loaded_suite.card.metrics or PUBLISHED_METRICS, dialect=options.dialect),
        facts=facts,
        fingerprint=mark,
        folder=options.out or RUNS_FOLDER / loaded_suite.name / path_name(spec.name) / mark,
        options=options,
    )


def _identity(spec: ModelSpec, suite: Suite) -> dict[str, Any]:
    """What decides a model's answers, known before it is loaded."""
    name = {"adapter": spec.adapter, "name": path_name(spec.name)}
    if spec.name == ORACLE:
        return name | {"references_sha256": sha256_json([sample.references for sample in suite.samples])}
    identity = getattr(adapter_class(spec.adapter), "identity", None)
    return name | (dict(identity(spec)) if identity else {})


def _load(spec: ModelSpec, suite: Suite) -> Adapter:
    """The adapter, ready; `oracle` is a replay of the references."""
    if spec.name == ORACLE:
        answers = {s.question_id: Answer(s.question_id, "", s.references[0]) for s in suite.samples if s.references}
        return ReplayAdapter(answers, f"the references of {suite.name}")
    return adapter_class(spec.adapter).load(spec)


def _model_and_decoding(model: str, options: RunOptions) -> tuple[ModelSpec, str, Decoding, dict[str, Any]]:
    """The model, the name of the protocol, the decoding, and what the user's flags changed in it."""
    spec = resolve_model(
        model,
        adapter=options.adapter,
        options=options.adapter_options,
        model_base=options.model_base,
        conv_mode=options.conv_mode,
        device=options.device or local_device(),
        dtype=options.dtype,
        batch_size=options.batch_size,
    )
    protocol = protocol_named(options.protocol or spec.card.get("protocol") or DEFAULT_PROTOCOL)
    decoding, overrides = decoding_with(protocol, options.decoding_overrides)
    return spec, protocol.name, decoding, overrides


def path_name(name: str) -> str:
    """A model's name as the name of one folder."""
    return Path(name.rstrip("/")).name.replace(":", "-") if "/" in name else name.replace(":", "-")


def generate_run(plan: Plan, listener: Listener, processes: Processes) -> list[Answer]:
    """Fill a run folder with answers: those that are missing are generated, the others kept.

    Returns:
        All answers in suite order; nothing in a process that isn't the first.

    Raises:
        RunConflictError: the folder belongs to another run, or is in use.
        GenerationError: a study failed and `--on-error` is stop.
        StorageError: the disk is full.
    """
    watch = Stopwatch()
    processes.agree("fingerprint", plan.fingerprint)
    log = AnswerLog(plan.folder, processes.rank)
    if processes.rank > 0:
        open_ids = set(processes.share("open questions"))
        if open_ids:
            _generate_share(plan, open_ids, log, listener, processes)
            processes.wait_for_all()
        return []
    provenance.refuse_other_run(plan.folder, plan.facts)
    with locked(plan.folder):
        answered = log.read()
        if plan.options.retry_failed:
            log.forget(key for key, answer in answered.items() if answer.failed)
            answered = log.read()
        listener.planned(plan, len(answered))
        open_ids = {key for key in plan.order if key not in answered}
        processes.share("open questions", list(open_ids))
        if not open_ids:
            return log.finish(plan.order)
        record = _record_start(plan, processes.world_size)
        report = _generate_share(plan, open_ids, log, listener, processes)
        processes.wait_for_all()
        answers = log.finish(plan.order)
        record |= {
            "ended": provenance.now(),
            "n": len(answers),
            "n_resumed": len(answered),
            **throughput(len(open_ids), watch.seconds),
            **count_kinds(answers),
            "device": report.pop("device", None),
            "dtype": report.pop("dtype", None),
            "adapter_report": report,
        }
        write_json(plan.folder / "run.json", record)
    return answers


def _generate_share(
    plan: Plan, open_ids: set[QuestionId], log: AnswerLog, listener: Listener, processes: Processes
) -> dict[str, Any]:
    """Load the model and answer this process's share of the open questions; returns the adapter's own report."""
    options = plan.options
    samples = [sample for sample in plan.suite.samples if sample.question_id in open_ids]
    asked = ask(plan.suite, samples, on_error=options.on_error, follow_links=options.follow_links)
    adapter = _load(plan.spec, plan.suite)
    if processes.rank == 0:
        listener.prompted(_first_prompt(adapter, asked.questions), plan)
    stamp = Stamp(plan.fingerprint, path_name(plan.spec.name))
    size = SHARE_BATCHES * (plan.spec.batch_size or 1)
    done = len(plan.order) - len(open_ids)
    with log, listener.generating(len(plan.order), done) as on_answer:
        if processes.rank == 0:
            record_failures(asked.failures, log, stamp, on_answer=on_answer)
        for part in processes.slices(len(asked.questions), size):
            questions = asked.questions[part]
            generate(adapter, questions, plan.decoding, log, stamp, on_error=options.on_error, on_answer=on_answer)
    describe_adapter = getattr(adapter, "describe", None)
    return dict(describe_adapter()) if describe_adapter else {}


def _record_start(plan: Plan, world_size: int) -> dict[str, Any]:
    """Write run.json as it stands before generation, so that a crashed run can be told from another."""
    spec = plan.spec
    record: dict[str, Any] = {
        "schema_version": provenance.SCHEMA_VERSION,
        "fingerprint": plan.fingerprint,
        "deciding": plan.facts,
        "suite": {
            "name": plan.suite.name,
            "file": str(plan.suite.path.resolve()),
            "sha256": plan.suite.sha256,
            "image_root": str(plan.suite.image_root.resolve()),
            "n": len(plan.suite.samples),
            "limit": plan.options.limit,
        },
        "model": {
            "id": path_name(spec.name),
            "name": spec.name,
            "adapter": spec.adapter,
            "path": spec.path,
            "model_base": spec.model_base,
            "card": dict(spec.card),
            "options": dict(spec.options),
        },
        "protocol": {"name": plan.protocol, "overrides": dict(plan.overrides)},
        "decoding": dataclasses.asdict(plan.decoding),
        "on_error": plan.options.on_error,
        "world_size": world_size,
        "started": provenance.now(),
        "ended": None,
        **provenance.environment(),
    }
    write_json(plan.folder / "run.json", record)
    return record


def _first_prompt(adapter: Adapter, questions: Sequence[Question]) -> RenderedPrompt | None:
    render = getattr(adapter, "render", None)
    return render(questions[0]) if render and questions else None


def score_run(
    folder: Path, chosen: ChosenMetrics, suite: Suite, answers: Sequence[Answer], by: Sequence[str] = ()
) -> Scored:
    """Score a run folder's answers and write scores.json and its companions into it."""
    from reports import leaderboard

    record = provenance.read_record(folder)
    scored = score_answers(
        suite.samples,
        match_answers(answers, suite.samples, where=folder / "answers.jsonl"),
        chosen,
        suite=suite.name,
        model=record["model"]["id"],
        by=by,
    )
    write_scored(folder, scored)
    leaderboard.write_row(folder / "scores.csv", leaderboard.row_of(scored.scores, record))
    return scored


def rescore(
    folder: Path, metrics: str | None, *, dialect: str | None = None, by: Sequence[str] = ()
) -> tuple[Scored, dict[str, Any]]:
    """Score a finished run again, with other metrics or after an update; returns also its run.json.

    Raises:
        InputError: not a run folder, or its suite is no longer there. SuiteError: the suite's file has changed.
    """
    record = provenance.read_record(folder)
    suite = suite_of(record, folder)
    chosen = choose_metrics(metrics, suite.card.metrics or PUBLISHED_METRICS, dialect=dialect)
    answers_file = folder / "answers.jsonl"
    if not answers_file.exists():
        raise InputError("holds no answers.jsonl", where=folder, mend="run or generate first")
    scored = score_run(folder, chosen, suite, list(read_answer_lines(answers_file)), by)
    return scored, record


def suite_of(record: Mapping[str, Any], folder: Path) -> Suite:
    """The suite of a stored run.

    Raises:
        SuiteError: it is gone, or asks other questions now.
    """
    stored = record["suite"]
    named = stored["name"] in suite_names()
    suite = load_suite(
        stored["name"] if named else stored["file"],
        data=stored["file"] if named else None,
        image_root=stored["image_root"],
        limit=stored["limit"],
    )
    if provenance.questions_sha256(suite.samples) != record["deciding"]["suite"]["questions_sha256"]:
        raise SuiteError("asks other questions than when this run was made", where=stored["file"], mend=f"see {folder}")
    return suite


def run(suite: str | Path, model: str, **options: Any) -> Path:
    """Generate, score and draw; the same call continues a run that was interrupted.

    Args:
        suite: a suite's name or file.
        model: a model's name, path or hub id.
        **options: the fields of `RunOptions`, that is the flags of `libra-bench run`.

    Returns:
        The run folder.

    Raises:
        LibraBenchError: any of its kinds.
    """
    return finish_run(plan_run(suite, model, RunOptions(**options)), Listener(), of_environment())


def finish_run(plan: Plan, listener: Listener, processes: Processes) -> Path:
    """Carry a plan out: generate, then (in the first process) score, draw, and keep the leaderboard."""
    from reports import leaderboard, page, plots

    answers = generate_run(plan, listener, processes)
    if processes.rank > 0:
        return plan.folder
    listener.scoring(list(plan.chosen.metrics))
    scored = score_run(plan.folder, plan.chosen, plan.suite, answers, plan.options.by)
    if plan.options.out is None:
        row = leaderboard.row_of(scored.scores, provenance.read_record(plan.folder))
        leaderboard.update(RUNS_FOLDER / "leaderboard.csv", row)
    plots.write_plots(plan.folder)
    if plan.options.report:
        page.write_report([plan.folder], follow_links=plan.options.follow_links, on_images=listener.drawing)
    return plan.folder


def describe(images: str | Path | Sequence[str | Path], prompt: str, model: str, **options: Any) -> str:
    """One study's text.

    Args:
        images: the current image, or [current, prior].
        prompt: what to ask.
        model: a model's name, path or hub id.
        **options: the model and decoding fields of `RunOptions`.

    Raises:
        GenerationError: the study could not be generated; says why.
    """
    return describe_study(images, prompt, model, RunOptions(**options)).text


def describe_study(images: str | Path | Sequence[str | Path], prompt: str, model: str, options: RunOptions) -> Answer:
    """One study's answer, with its metadata; see `describe`."""
    paths = [images] if isinstance(images, str | Path) else list(images)
    if len(paths) > 2:
        raise ImageError(f"{len(paths)} images, at most two are possible", mend="give the current and the prior image")
    for path in paths:
        if not Path(path).is_file():
            raise ImageError("no such image", where=path, mend="check the path")
    if not prompt.strip():
        raise InputError("the prompt is empty", where="--prompt")
    spec, _, decoding, _ = _model_and_decoding(model, options)
    adapter = adapter_class(spec.adapter).load(spec)
    question = Question("describe", prompt, tuple(Path(path) for path in paths))
    (answer,) = adapter.generate([question], decoding)
    if answer.failed:
        raise GenerationError(str(answer.metadata.get("error")))
    return answer
