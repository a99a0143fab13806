"""A few studies of a suite, asked before a long run: the prompt as sent, the texts, and what looks wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.predictions.cleaning import clean
from benchmarks.schema import Answer, Question, QuestionId
from benchmarks.suites import Suite
from libra_bench.runs.loading import load_model, report_of
from libra_bench.runs.plan import Plan
from libra_bench.runs.suspicious_texts import suspicions

SAME_TEXT = "the same text for every study"


@dataclass(frozen=True, slots=True)
class PreviewedStudy:
    """One study's answer."""

    question_id: QuestionId
    images: tuple[str, ...]
    """The roles of the study's images."""
    text: str
    """As the model wrote it."""
    scored_as: str
    """Cleaned."""
    finish: str | None
    error: str | None
    looks_wrong: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """What a model makes of a few studies."""

    model: str
    suite: str
    protocol: str | None
    decoding: str
    cleaning: str
    prompt: str
    """The first study's, as sent."""
    prompt_tokens: int | None
    left_out: Mapping[str, int]
    studies: tuple[PreviewedStudy, ...]
    looks_wrong: Mapping[str, int]
    """What looks wrong -> in how many texts."""
    device: str | None


def spread(suite: Suite, n: int) -> list[int]:
    """The places of n studies of a suite, evenly spread from the first to the last."""
    total = len(suite.samples)
    n = min(n, total)
    return sorted({round(place * (total - 1) / max(1, n - 1)) for place in range(n)})


def preview(plan: Plan) -> Preview:
    """Ask the studies of a plan; nothing is written to disk.

    Raises:
        ModelError: the model cannot be loaded.
    """
    questions = [plan.suite.question(sample, follow_links=plan.options.follow_links) for sample in plan.suite.samples]
    adapter = load_model(plan.spec, plan.suite)
    rendered = adapter.render(questions[0])
    answers = {answer.question_id: answer for answer in adapter.generate(questions, plan.decoding)}
    studies = tuple(_study(plan, question, answers[question.question_id]) for question in questions)
    counts = Counter(name for study in studies for name in study.looks_wrong)
    if len(studies) > 1 and len({study.text for study in studies}) == 1 and studies[0].text:
        counts[SAME_TEXT] = len(studies)
    return Preview(
        model=plan.spec.name,
        suite=plan.suite.name,
        protocol=plan.protocol,
        decoding=str(plan.decoding),
        cleaning=plan.cleaning,
        prompt=rendered.text,
        prompt_tokens=rendered.num_tokens,
        left_out=plan.left_out,
        studies=studies,
        looks_wrong=dict(counts),
        device=report_of(adapter).get("device"),
    )


def _study(plan: Plan, question: Question, answer: Answer) -> PreviewedStudy:
    error = str(answer.metadata.get("error")) if answer.failed else None
    return PreviewedStudy(
        question_id=question.question_id,
        images=tuple(question.by_role),
        text=answer.text,
        scored_as=clean(answer.text, plan.cleaning),
        finish=answer.finish,
        error=error,
        looks_wrong=("failed",) if error else suspicions(answer.text, prompt=question.prompt, finish=answer.finish),
    )
