"""Validation on what the model really writes: texts are generated for a part of the validation data and scored."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from benchmarks.errors import InputError, UnknownNameError
from benchmarks.schema import Answer, Sample
from libra_bench.metrics.choice import ChosenMetrics, choose_metrics
from libra_bench.runs.protocols import protocol_named
from libra_bench.scores.scoring import score_answers
from libra_bench.training.data import ConversationData
from libra_bench.training.model import Parts
from libra_bench.training.recipe import Recipe
from model_adapters.adapter import Decoding
from model_adapters.generation.stopping import StopRule
from model_adapters.libra.decoding.decoder import Decoder
from model_adapters.libra.decoding.open_study import Prompt
from model_adapters.libra.inputs.tokenizer import IMAGE_TOKEN_INDEX
from model_adapters.templates import question, render, template

BATCH = 16
"""Studies decoded together."""
LOSS = "loss"


@dataclass(frozen=True, slots=True)
class Best:
    """What decides the best checkpoint."""

    key: str
    greater_is_better: bool


class Validation:
    """Generates texts for evenly spread validation samples and scores them.

    Raises:
        UnknownNameError, MetricUnavailableError: a metric that does not exist or cannot run here.
    """

    def __init__(self, recipe: Recipe, parts: Parts, data: ConversationData) -> None:
        self._recipe, self._parts, self._data = recipe, parts, data
        self._chosen = chosen_metrics(recipe)
        count = min(recipe.validation_samples, len(data))
        self.numbers = [place * len(data) // count for place in range(count)]
        self._form = template(recipe.version)
        protocol = protocol_named(recipe.validation_protocol)
        self._decoding: Decoding = dataclasses.replace(
            protocol.decoding, max_new_tokens=min(protocol.decoding.max_new_tokens, recipe.validation_max_new_tokens)
        )

    def answers(self, numbers: Sequence[int]) -> list[tuple[int, str]]:
        """(number, text) of these samples; the last reply of each is what is asked for."""
        model = self._parts.model
        training = model.training
        model.eval()
        try:
            with torch.no_grad():
                prompts = [self._prompt(number) for number in numbers]
            decoder = Decoder(model.decoder, self._decoding, self._stop_rule(), BATCH)
            return [(generated.key, self._text(generated.token_ids)) for generated in decoder.run(prompts)]
        finally:
            model.train(training)

    def scores(self, texts: Mapping[int, str]) -> dict[str, Any]:
        """Key of scores.json -> value; None where it is undefined."""
        samples = [Sample(number, (), "", references=(self._reply(number),)) for number in self.numbers]
        answers = [Answer(number, "", texts[number]) for number in self.numbers]
        scored = score_answers(samples, answers, self._chosen, suite="validation", model="training")
        return {score.key: score.value for score in scored.scores.scores}

    def _turns(self, number: int) -> Sequence[Mapping[str, str]]:
        turns: Sequence[Mapping[str, str]] = self._data.samples[number]["conversations"]
        return turns

    def _reply(self, number: int) -> str:
        return self._turns(number)[-1]["value"]

    def _prompt(self, number: int) -> Prompt:
        model = self._parts.model
        sample = self._data.samples[number]
        paths = self._data.pictures.paths(sample)
        words = [turn["value"] for turn in sample["conversations"][:-1]]
        words = words[sample["conversations"][0]["from"] == "gpt" :]
        first = question(words[0], with_image=paths is not None, image_tags=self._recipe.mm_use_im_start_end)
        ids = self._parts.tokenizer.encode_prompt(render(self._form, [first, *words[1:], None]))
        features = None
        if paths is not None:
            current, prior = (self._data.pictures.read(path)[None].to(model.device) for path in paths)
            if current.dim() == 4 and current.shape[1] == 3:
                features = model.encode_images(torch.stack([current, prior]).to(model.dtype))[0]
            else:
                features = model.connect(current, prior)[0]
        seen = tuple(model.vocabulary_size if index == IMAGE_TOKEN_INDEX else index for index in ids)
        return Prompt(number, seen, model.embed_prompt(ids, features).to(model.dtype))

    def _stop_rule(self) -> StopRule:
        tokenizer, stop = self._parts.tokenizer, self._form.stop
        ends = self._parts.config.get("eos_token_id")
        ids = tuple(ends) if isinstance(ends, list) else () if ends is None else (int(ends),)
        return StopRule(ids, tokenizer.stop_ids(stop), stop, tokenizer.decode)

    def _text(self, token_ids: Sequence[int]) -> str:
        return self._parts.tokenizer.decode(token_ids).strip().removesuffix(self._form.stop).strip()


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
