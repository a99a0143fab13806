"""Several suites and models in one go: every combination is a run of its own, and one that fails stops no other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import InputError, LibraBenchError, StoppedError
from benchmarks.schema import QuestionId
from benchmarks.suites import Suite, load_suite
from libra_bench.runs.answers import answer_files, read_answer_lines
from libra_bench.runs.drawers import Drawers
from libra_bench.runs.loading import KeptModel
from libra_bench.runs.options import RunOptions
from libra_bench.runs.plan import Plan, plan_suite
from libra_bench.runs.processes import Processes
from libra_bench.runs.progress import ProgressCallback
from libra_bench.runs.runner import finish_run, release_others

WHOLE_PREFIXES = ("replay:", "openai:", "module:")
"""What follows these may hold commas."""


@dataclass(frozen=True, slots=True)
class Combination:
    """A suite, a model and everything else that was said about their run."""

    suite: str
    model: str
    options: RunOptions

    @property
    def label(self) -> str:
        """For people: "libra-tiny on demo"."""
        parts = [self.options.protocol or "", "" if self.options.seed is None else f"seed {self.options.seed}"]
        said = ", ".join(filter(None, parts))
        return f"{self.options.model_name or self.model} on {self.suite}" + (f" ({said})" if said else "")


@dataclass(frozen=True, slots=True)
class Planned:
    """What will happen to a combination."""

    combination: Combination
    plan: Plan | None
    problem: str = ""
    """Why it cannot run, or the combination that is the same run."""
    failed: bool = False

    @property
    def answered(self) -> int:
        """Studies that are answered already."""
        if self.plan is None:
            return 0
        asked = set(self.plan.order)
        found: set[QuestionId] = set()
        for path in answer_files(self.plan.folder):
            with suppress(InputError):  # the last line of a killed run, which the next one removes
                for answer in read_answer_lines(path):
                    found.add(answer.question_id)
        return len(asked & found)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has become of a combination."""

    combination: Combination
    folder: Path | None
    problem: str = ""
    """Why it failed; "" where it is done."""


def split_values(texts: Iterable[str]) -> list[str]:
    """The suites or models of an option that may be repeated and hold several, separated by commas.

    A text is one value where all of it is an existing path (also after `ADAPTER:`) or begins with `WHOLE_PREFIXES`.

    >>> split_values(["demo,mine.jsonl", "openai:a,b"])
    ['demo', 'mine.jsonl', 'openai:a,b']
    """
    found: list[str] = []
    for text in texts:
        found += [text] if is_whole(text) else [part.strip() for part in text.split(",") if part.strip()]
    return list(dict.fromkeys(found))


def is_whole(text: str) -> bool:
    """Whether a text is one value, whatever commas it has."""
    whole = text.startswith(WHOLE_PREFIXES) or _exists(text) or _exists(text.partition(":")[2])
    return whole or "," not in text


def _exists(text: str) -> bool:
    try:
        return bool(text) and Path(text).expanduser().exists()
    except OSError:  # too long for a path
        return False


def all_combinations(suites: Sequence[str], models: Sequence[str], options: RunOptions) -> list[Combination]:
    """Every suite with every model; one model's runs follow each other, so that it is loaded once.

    Raises:
        InputError: none of either, or an option that can only be meant for one of several.
    """
    for name, values in (("--suite", suites), ("--model", models)):
        if not values:
            raise InputError("names nothing", where=name, hint="give a name or a path")
    if len(suites) * len(models) > 1:
        refuse_options_of_one(options, len(suites), len(models))
    return [Combination(suite, model, options) for model in models for suite in suites]


def refuse_options_of_one(options: RunOptions, n_suites: int, n_models: int) -> None:
    """Make sure that no option that is meant for one run is given for several.

    Raises:
        InputError: names it.
    """
    if options.out is not None:
        raise InputError(
            f"is one folder, but there are {n_suites * n_models} runs",
            where="--out",
            hint="leave it out: each run gets a folder of its own in runs/",
        )
    if options.data is not None and n_suites > 1:
        raise InputError(
            f"is one file, but there are {n_suites} suites", where="--data", hint="give each suite by its file"
        )
    for flag, value in (("--model-name", options.model_name), ("--weights", options.weights)):
        if value is not None and n_models > 1:
            raise InputError(
                f"is for one model, but there are {n_models}", where=flag, hint="use --config, which has it per model"
            )


def plan_all(combinations: Sequence[Combination]) -> list[Planned]:
    """Plan every combination; one that cannot run says why, and one that is the same run as another is named once."""
    found: list[Planned] = []
    first: dict[Path, Combination] = {}
    suites: dict[tuple[object, ...], Suite] = {}
    for one in combinations:
        try:
            plan = plan_suite(_loaded(one, suites), one.model, one.options)
        except LibraBenchError as error:
            found.append(Planned(one, None, str(error), failed=True))
            continue
        other = first.setdefault(plan.folder, one)
        if other is one:
            found.append(Planned(one, plan))
        else:
            found.append(Planned(one, None, f"the same run as {other.label}"))
    return found


def _loaded(one: Combination, suites: dict[tuple[object, ...], Suite]) -> Suite:
    """The suite of a combination, read once for all of its models."""
    options = one.options
    asked = (one.suite, options.data, options.image_root, options.limit)
    if asked not in suites:
        suites[asked] = load_suite(one.suite, data=options.data, image_root=options.image_root, limit=options.limit)
    return suites[asked]


def run_all(
    planned: Sequence[Planned],
    progress: ProgressCallback,
    processes: Processes,
    *,
    on_start: Callable[[int, Planned], None],
    on_crash: Callable[[Exception], str],
) -> Iterator[Outcome]:
    """Carry the plans out one after the other, and yield what becomes of each.

    Args:
        planned: from `plan_all`.
        progress: is told of each run.
        processes: that share the work.
        on_start: gets the number of a run (from 0) before it starts.
        on_crash: an unexpected error in one sentence.
    """
    load = KeptModel()
    with Drawers() as drawers:
        for number, one in enumerate(planned):
            if one.plan is None:
                if one.failed:
                    yield Outcome(one.combination, None, one.problem)
                continue
            on_start(number, one)
            problem, its = "", processes.for_run(f"run {number}")
            try:
                finish_run(one.plan, progress, its, load, drawers)
            except StoppedError:
                raise
            except LibraBenchError as error:
                problem = str(error)
            except Exception as error:  # noqa: BLE001 - whatever it is, the other runs are no worse for it
                problem = on_crash(error)
            if problem:
                release_others(its, problem)
            yield Outcome(one.combination, None if problem else one.plan.folder, problem)
    processes.for_run("end").gather("done", True)  # the first process holds what the others talk through
