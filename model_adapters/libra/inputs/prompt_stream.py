"""From questions to what a language model reads: embeddings, with the image features in their place.

Whoever runs the language model (our decoder, or another engine) takes its prompts from here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from benchmarks.errors import GenerationError, LibraBenchError
from benchmarks.schema import Answer, Question
from model_adapters.adapter import failed_answer
from model_adapters.cards import ImagePolicy
from model_adapters.cards.image_policy import shown_images
from model_adapters.generation.memory import is_out_of_memory
from model_adapters.libra.inputs.image_features import ImageFeatures
from model_adapters.libra.inputs.prompts import LibraPrompts
from model_adapters.libra.network.marks import IMAGE_TOKEN
from model_adapters.libra.network.model import LibraModel

GROUP = 8
"""Studies whose images are encoded together."""
WINDOW_BATCHES = 8
"""Over how many batches the studies are sorted by the length of their prompt."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A study that is ready to be prefilled."""

    key: Hashable
    """Names the study; decides its random numbers when sampling."""
    token_ids: tuple[int, ...]
    """As the n-gram filter sees them: the image is one id that is never produced."""
    embeddings_SH: Tensor
    """What the language model reads: text embeddings and image features."""
    opening: int = 0
    """So many of its first positions are words that all prompts of the template begin with."""


@dataclass(frozen=True, slots=True)
class _Request:
    """A question that can be asked."""

    question: Question
    token_ids: list[int]
    images: tuple[Path, Path] | None
    """Current and prior image; the current one twice where no prior is shown."""


class PromptStream:
    """Makes the prompts of one model, a few at a time.

    Args:
        prompts: words and token ids.
        model: gives the embeddings.
        images: gives the image features.
        policy: which of a study's images the model sees.
    """

    def __init__(self, prompts: LibraPrompts, model: LibraModel, images: ImageFeatures, policy: ImagePolicy) -> None:
        self.prompts = prompts
        self._model, self._images, self._policy = model, images, policy

    def report(self) -> dict[str, Any]:
        """For run.json: the template, and where the time of the images went."""
        images = self._images.timings
        return {
            "conv_mode": self.prompts.mode,
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

    def stream(
        self,
        questions: Sequence[Question],
        batch: int,
        failures: deque[Answer],
        make_room: Callable[[], bool] = lambda: False,
    ) -> Iterator[Prompt]:
        """Prompts ready to be prefilled, images encoded group by group.

        Args:
            questions: what is asked.
            batch: studies that will be decoded together; prompts of like length are put near each other.
            failures: gets the answer of each question that cannot be asked; the others continue.
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
        ids, images = self.prompts.token_ids(asked), [*shown_images(asked, self._policy).values()]
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
        image = self.prompts.vocabulary  # an id that is never produced
        prompts: list[Prompt | Exception] = []
        for request in group:
            features_NH = None if request.images is None else next(features)
            if isinstance(features_NH, Exception):
                prompts.append(features_NH)
                continue
            ids = tuple(image if index == IMAGE_TOKEN else index for index in request.token_ids)
            embeddings_SH = self._model.embed_prompt(request.token_ids, features_NH)
            opening = self.prompts.opening(request.token_ids)
            prompts.append(Prompt(request.question.question_id, ids, embeddings_SH, opening))
        return prompts
