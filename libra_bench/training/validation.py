"""Validation on what the model really writes: texts are generated for a part of the validation data and scored.

The adapter's own generator asks the model that is trained, so a text here is the text that a run gives with the same
weights: the same prompts, pixels, end tokens and decoding.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.errors import InputError, LibraBenchError, UnknownNameError
from benchmarks.files import write_jsonl
from benchmarks.schema import Answer, Question, QuestionId, Sample
from libra_bench.metrics.choice import ChosenMetrics, choose_metrics
from libra_bench.runs.protocols import protocol_named
from libra_bench.scores.scoring import score_answers
from libra_bench.training.data import ConversationData
from libra_bench.training.model import Parts
from libra_bench.training.recipe import Recipe
from libra_bench.training.samples import in_turn
from model_adapters.adapter import Decoding, ModelSpec, failed_answer
from model_adapters.libra.assembly import assemble_prompts
from model_adapters.libra.generator import TextGenerator
from model_adapters.libra.network.attention import decoding as decoding_mode

BATCH = 16
"""Studies decoded together."""
LOSS = "loss"
FOLDER = "validation"
"""Holds the texts of each validation, `step-N.jsonl`."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Best:
    """What decides the best checkpoint."""

    key: str
    greater_is_better: bool


class Validation:
    """Generates texts for evenly spread validation samples and scores them; the last reply of each is asked for.

    Args:
        recipe: how many samples, which decoding, which metrics.
        parts: the model that is trained.
        data: the validation data.

    Raises:
        UnknownNameError, MetricUnavailableError: a metric that does not exist or cannot run here.
    """

    def __init__(self, recipe: Recipe, parts: Parts, data: ConversationData) -> None:
        self._parts, self._data = parts, data
        self._chosen = chosen_metrics(recipe)
        count = min(recipe.validation_samples, len(data))
        numbers = [place * len(data) // count for place in range(count)]
        self._numbers: dict[QuestionId, int] = dict(zip(_ids(data, numbers), numbers, strict=True))
        protocol = protocol_named(recipe.validation_protocol)
        self._decoding: Decoding = dataclasses.replace(
            protocol.decoding, max_new_tokens=min(protocol.decoding.max_new_tokens, recipe.validation_max_new_tokens)
        )
        options = {"feature_cache_mb": 0.0, "feature_cache_dir": recipe.cache_features}
        spec = ModelSpec("training", "libra", conv_mode=recipe.version, options=options)
        prompts = assemble_prompts(parts.loaded, parts.tokenizer, spec, turns=self._turns)
        self._generator = TextGenerator(parts.loaded, prompts, BATCH)

    @property
    def question_ids(self) -> list[QuestionId]:
        """The samples' ids where each has one of its own, else their places in the file."""
        return list(self._numbers)

    def answers(self, question_ids: Sequence[QuestionId]) -> list[Answer]:
        """The model's answers to these samples; one that cannot be answered says why."""
        model, asked, answers = self._parts.model, list[Question](), list[Answer]()
        for question_id in question_ids:
            try:
                asked.append(self._question(question_id))
            except LibraBenchError as error:
                answers.append(failed_answer(Question(question_id, "", ()), error))
        was_training = model.training
        model.eval()
        try:
            with decoding_mode(model.decoder):
                return answers + list(self._generator.generate(asked, self._decoding))
        finally:
            model.train(was_training)

    def scores(self, answers: Sequence[Answer]) -> dict[str, Any]:
        """Key of scores.json -> value (None where it is undefined); a sample without a text counts as an empty one."""
        of = {answer.question_id: answer for answer in answers}
        ordered = [of[question_id] for question_id in self._numbers]
        samples = [Sample(name, (), "", references=(self._reply(name),)) for name in self._numbers]
        if failed := [answer for answer in ordered if answer.failed]:
            logger.warning(
                "validation: %d of %d samples have no text, such as %r (%s)",
                len(failed), len(ordered), failed[0].question_id, failed[0].metadata["error"],
            )  # fmt: skip
        scored = score_answers(samples, ordered, self._chosen, suite="validation", model="training")
        return {score.key: score.value for score in scored.scores.scores}

    def write(self, answers: Sequence[Answer], out: Path, step: int) -> None:
        """Write the texts down, in the order of the samples."""
        order = {question_id: place for place, question_id in enumerate(self._numbers)}
        lines = [asdict(answer) for answer in sorted(answers, key=lambda answer: order[answer.question_id])]
        write_jsonl(out / FOLDER / f"step-{step}.jsonl", lines)

    def _sample(self, question_id: QuestionId) -> dict[str, Any]:
        return self._data.samples[self._numbers[question_id]]

    def _reply(self, question_id: QuestionId) -> str:
        return str(self._sample(question_id)["conversations"][-1]["value"])

    def _question(self, question_id: QuestionId) -> Question:
        sample = self._sample(question_id)
        words, paths = in_turn(sample["conversations"]), self._data.images.paths(sample)
        if len(words) % 2:
            raise InputError("the last turn is a question: there is no reply to compare with", hint="add the reply")
        return Question(question_id, words[-2], tuple(dict.fromkeys(paths or ())))

    def _turns(self, question: Question) -> Sequence[str]:
        """The conversation up to the question."""
        return in_turn(self._sample(question.question_id)["conversations"])[:-1]


def _ids(data: ConversationData, numbers: Sequence[int]) -> Sequence[QuestionId]:
    """The samples' own ids, if each has one that no other has; else their places in the file."""
    ids = [found for number in numbers if isinstance(found := data.samples[number].get("id"), int | str)]
    return ids if len(set(ids)) == len(numbers) else numbers


def chosen_metrics(recipe: Recipe) -> ChosenMetrics:
    """The metrics of the generated texts."""
    return choose_metrics(recipe.validation_metrics)


def best_of(recipe: Recipe) -> Best:
    """What decides the best checkpoint, and whether more is better.

    Raises:
        UnknownNameError: no chosen metric has this key.
        InputError: it is a metric, but there is nothing to generate for.
    """
    wanted = recipe.metric_for_best_model
    if wanted == LOSS:
        return Best(LOSS, greater_is_better=False)
    if not recipe.validation_data_path:
        raise InputError(f"metric_for_best_model {wanted} needs validation_data_path", where="recipe")
    known = {
        key.name: key.higher_is_better for metric in chosen_metrics(recipe).metrics.values() for key in metric.keys
    }
    if wanted not in known:
        raise UnknownNameError(
            "metric_for_best_model", wanted, [LOSS, *known], hint="or add its metric to validation_metrics"
        )
    return Best(wanted, known[wanted])
