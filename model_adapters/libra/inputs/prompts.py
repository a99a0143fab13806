"""From questions to what a language model reads: tokens, and embeddings with the image features in their place.

Whoever runs the language model (our decoder, or another engine) takes its prompts from here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.errors import GenerationError, InputError, LibraBenchError
from benchmarks.schema import Answer, Question
from model_adapters.adapter import ModelSpec, RenderedPrompt, failed_answer
from model_adapters.cards import ImagePolicy
from model_adapters.cards.image_policy import chosen_images, image_policy
from model_adapters.cards.prompt_hooks import hooked_prompt
from model_adapters.generation.memory import is_out_of_memory
from model_adapters.generation.stopping import StopRule
from model_adapters.libra.checkpoint.identity import conversation_mode
from model_adapters.libra.checkpoint.loading import LoadedLibra
from model_adapters.libra.decoding.open_study import Prompt
from model_adapters.libra.inputs.feature_store import FeatureStore, features_identity
from model_adapters.libra.inputs.image_features import ImageFeatures
from model_adapters.libra.inputs.tokenizer import IMAGE_TOKEN_INDEX, LibraTokenizer
from model_adapters.templates import question, render, template

GROUP = 8
"""Studies whose images are encoded together."""
WINDOW_BATCHES = 8
"""Over how many batches the studies are sorted by the length of their prompt."""


@dataclass(frozen=True, slots=True)
class _Request:
    """A question that can be asked."""

    question: Question
    token_ids: list[int]
    images: tuple[Path, Path] | None
    """Current and prior image; the current one twice where no prior is shown."""


class LibraPrompts:
    """Makes the prompts of one checkpoint.

    Args:
        loaded: the checkpoint.
        tokenizer: see `load_tokenizer`.
        spec: image policy, the card's prompt hook, and the adapter's `PROMPT_OPTIONS`.

    Raises:
        UnknownNameError: an unknown conversation mode or image policy.
        InputError: a prior image is asked for, and the model cannot read one.
    """

    def __init__(self, loaded: LoadedLibra, tokenizer: LibraTokenizer, spec: ModelSpec) -> None:
        self._loaded, self._tokenizer, self._spec = loaded, tokenizer, spec
        self.conv_mode = conversation_mode(spec, loaded.config)
        self._template = template(self.conv_mode)
        self._policy = _policy(spec, reads_prior=loaded.model.connector.uses_prior)
        kept = spec.options.get("feature_cache_dir")
        identity = (loaded.model.tower, loaded.image_processor, loaded.image_aspect_ratio)
        self._images = ImageFeatures(
            loaded.model,
            loaded.image_processor,
            loaded.image_aspect_ratio,
            workers=spec.options.get("workers", 2),
            memory_mb=spec.options.get("feature_cache_mb", 1024.0),
            store=FeatureStore(Path(kept), features_identity(*identity)) if kept else None,
        )

    def report(self) -> dict[str, Any]:
        """For run.json: the template, and where the time of the images went."""
        images = self._images.timings
        return {
            "conv_mode": self.conv_mode,
            "seconds": {
                "image_loading": images.loading_seconds,
                "image_waiting": images.waiting_seconds,
                "encoder": images.encoder_seconds,
                "connector": images.connector_seconds,
            },
            "images": {
                "loaded": images.images_loaded,
                "encoded": images.images_encoded,
                "reused": images.images_reused,
                "from_disk": images.images_stored,
            },
        }

    @property
    def longest(self) -> int:
        """Positions a prompt may take: the original cuts it there, which takes the question away; we refuse it."""
        config = self._loaded.config
        stated = [config.get("tokenizer_model_max_length") or self._loaded.context_length]
        stated += [config.get(name) for name in ("max_position_embeddings", "sliding_window")]
        return min(int(limit) for limit in stated if limit)

    def stop_rule(self) -> StopRule:
        """When a text ends."""
        stop = self._template.stop
        return StopRule(self._loaded.eos_token_ids, self._tokenizer.stop_ids(stop), stop, self._tokenizer.decode)

    def text(self, token_ids: Sequence[int]) -> str:
        """The words of an answer: special tokens left out, a stop string at the end cut off."""
        return self._tokenizer.decode(token_ids).strip().removesuffix(self._template.stop).strip()

    def render(self, asked: Question) -> RenderedPrompt:
        """The prompt after the template, and how many positions it takes with the image features."""
        text = self._words(asked)
        return RenderedPrompt(text, self._positions(self._tokenizer.encode_prompt(text)))

    def stream(
        self,
        questions: Sequence[Question],
        batch: int,
        failures: deque[Answer],
        make_room: Callable[[], bool] = lambda: False,
    ) -> Iterator[Prompt]:
        """Prompts ready to be prefilled, images encoded a group at a time.

        Args:
            questions: what is asked.
            batch: studies that will be decoded together; prompts of like length are put near each other.
            failures: what cannot be asked is put here, and harms no other.
            make_room: gives memory back where not even one study's images fit; False where there is none to give.
        """
        requests = self._requests(questions, batch * WINDOW_BATCHES, failures)
        upcoming: deque[_Request] = deque()
        exhausted = False
        while upcoming or not exhausted:
            while not exhausted and len(upcoming) < 3 * GROUP:
                following = next(requests, None)
                exhausted = following is None
                if following is not None:
                    upcoming.append(following)
                    self._images.read_ahead(following.images or ())
            group = [upcoming.popleft() for _ in range(min(GROUP, len(upcoming)))]
            for request, prompt in zip(group, self._fitting(group, make_room), strict=True):
                if isinstance(prompt, Exception):
                    failures.append(failed_answer(request.question, prompt))
                else:
                    yield prompt

    def _requests(self, questions: Sequence[Question], window: int, failures: deque[Answer]) -> Iterator[_Request]:
        """Questions that can be asked, those with prompts of like length near each other."""
        for start in range(0, len(questions), window):
            requests = []
            for asked in questions[start : start + window]:
                try:
                    requests.append(self._request(asked))
                except LibraBenchError as error:
                    failures.append(failed_answer(asked, error))
            yield from sorted(requests, key=lambda request: -len(request.token_ids))

    def _request(self, asked: Question) -> _Request:
        if not asked.prompt.strip():
            raise InputError("the prompt is empty", hint="give the question some words")
        images = chosen_images(asked.images, self._policy)
        ids = self._tokenizer.encode_prompt(self._words(asked))
        marks = ids.count(IMAGE_TOKEN_INDEX)
        if marks != bool(asked.images):
            raise InputError(
                f"{marks} image marks in the prompt of a study with {len(asked.images)} images",
                hint="write <image> at most once, and only where there is an image: it stands for both",
            )
        length, limit = self._positions(ids), self.longest
        if length > limit:
            raise InputError(
                f"the prompt takes {length:,} positions, image included; the model has {limit:,}",
                hint="shorten the prompt",
            )
        return _Request(asked, ids, (images[0], images[-1]) if images else None)

    def _fitting(self, group: Sequence[_Request], make_room: Callable[[], bool]) -> list[Prompt | Exception]:
        """The prompts of a group; where memory runs out one at a time, and then with the room that can be made."""
        try:
            return self._embedded(group)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        if len(group) > 1:
            return [prompt for request in group for prompt in self._fitting([request], make_room)]
        if make_room():
            return self._fitting(group, make_room)
        return [
            GenerationError(
                "the images of a single study do not fit into memory",
                hint="use a smaller type (--dtype bfloat16), a smaller --batch-size, or a device with more memory",
            )
        ]

    def _embedded(self, group: Sequence[_Request]) -> list[Prompt | Exception]:
        """The prompts of a group, or why a study's images cannot be read."""
        features = iter(self._images.features([request.images for request in group if request.images is not None]))
        prompts: list[Prompt | Exception] = []
        for request in group:
            features_NH = None if request.images is None else next(features)
            if isinstance(features_NH, Exception):
                prompts.append(features_NH)
                continue
            image = self._loaded.model.vocabulary_size  # an id that is never produced
            ids = tuple(image if index == IMAGE_TOKEN_INDEX else index for index in request.token_ids)
            embeddings_SH = self._loaded.model.embed_prompt(request.token_ids, features_NH)
            prompts.append(Prompt(request.question.question_id, ids, embeddings_SH))
        return prompts

    def _words(self, asked: Question) -> str:
        tags = self._loaded.use_im_start_end
        words = hooked_prompt(asked, self._spec.card, len(chosen_images(asked.images, self._policy)))
        return render(self._template, [question(words, with_image=bool(asked.images), image_tags=tags), None])

    def _positions(self, token_ids: Sequence[int]) -> int:
        return len(token_ids) + token_ids.count(IMAGE_TOKEN_INDEX) * (self._loaded.model.num_patches - 1)


def _policy(spec: ModelSpec, *, reads_prior: bool) -> ImagePolicy:
    """Which images are shown; a model that always reads two gets the current one twice where there is one to show.

    Raises:
        InputError: the user asks for a prior image, and the connector reads one image alone.
    """
    policy = image_policy(spec, default="dummy-prior")
    if reads_prior:
        return policy
    if spec.options.get("image_policy") not in (None, "one"):
        raise InputError(
            f"{policy} cannot be: this model's connector reads the current image alone",
            where="option image_policy",
            hint="leave it out",
        )
    return "one"


def load_tokenizer(loaded: LoadedLibra) -> LibraTokenizer:
    """The checkpoint's tokenizer; the model is given as many rows as it has tokens, as the published loader does.

    Raises:
        ModelError: it cannot be loaded.
    """
    tokenizer = LibraTokenizer.load(loaded.tokenizer_folder, loaded.config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # rows of added tokens that the checkpoint has no weights for
        loaded.model.resize_vocabulary(len(tokenizer))
    return tokenizer
