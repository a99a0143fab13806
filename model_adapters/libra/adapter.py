"""The Libra family behind the adapter protocol: questions in, answers out as their studies are finished."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import torch

from benchmarks.errors import GenerationError, InputError, LibraBenchError, ModelError
from benchmarks.files import sha256_json
from benchmarks.images import MAX_IMAGES
from benchmarks.schema import Answer, Question
from model_adapters.libra.attention import share_key_heads
from model_adapters.libra.checkpoint import LoadedLibra, load_checkpoint
from model_adapters.libra.decoding import Decoder, Generated, Prompt, Timings, check_decoding
from model_adapters.libra.feature_store import FeatureStore, features_identity
from model_adapters.libra.identity import checkpoint_identity
from model_adapters.libra.image_features import ImageFeatures
from model_adapters.libra.locate import find_checkpoint
from model_adapters.libra.memory import fitting_batch, is_out_of_memory, peak_memory_bytes
from model_adapters.libra.search import StopRule
from model_adapters.libra.tokenizer import IMAGE_TOKEN_INDEX, LibraTokenizer
from model_adapters.libra.weights import read_json
from model_adapters.precision import DTYPES, checked_device_map, device_name, dtype_name, quantization_bits
from model_adapters.prompt_hooks import hooked_prompt
from model_adapters.protocol import Decoding, ModelSpec, RenderedPrompt, failed_answer
from model_adapters.templates import DEFAULT_MODE, question, render, template

GROUP = 8
"""Studies whose images are encoded together."""
WINDOW_BATCHES = 8
"""Over how many batches the studies are sorted by the length of their prompt."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Request:
    """A question that can be asked."""

    question: Question
    token_ids: list[int]
    images: tuple[Path, Path] | None
    """Current and prior image; the current one twice where there is no prior."""


class LibraAdapter:
    """Answers questions with a Libra checkpoint.

    Options (`ModelSpec.options`): `workers`, threads that read images (default 2); `feature_cache_mb`, memory for the
    tower features of images that occur again (default 1024); `feature_cache_dir`, keeps them on disk, too;
    `attn_implementation` (sdpa or eager); `bits` (4 or 8); `device_map` (auto: the language model spread over all
    devices); `vision_tower`, the tower's folder.
    """

    OPTIONS: ClassVar[Mapping[str, type]] = {
        "workers": int,
        "feature_cache_mb": float,
        "feature_cache_dir": str,
        "attn_implementation": str,
        "bits": int,
        "device_map": str,
        "vision_tower": str,
    }

    def __init__(self, loaded: LoadedLibra, tokenizer: LibraTokenizer, conv_mode: str, spec: ModelSpec) -> None:
        self._loaded, self._tokenizer, self._spec = loaded, tokenizer, spec
        self._conv_mode, self._template = conv_mode, template(conv_mode)
        self._batch_size = spec.batch_size
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
        self._timings = Timings()

    @classmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Load checkpoint, tower and tokenizer.

        Raises:
            ModelError: something is missing or does not fit.
            UnknownNameError: an unknown conversation mode.
        """
        path, options, bits = _path(spec), spec.options, quantization_bits(spec)
        mode = conversation_mode(spec, read_json(find_checkpoint(path) / "config.json"))
        template(mode)  # refuse an unknown one before anything slow
        attention = options.get("attn_implementation", "sdpa")
        if attention not in ("sdpa", "eager"):
            raise ModelError(
                f"attention {attention!r} cannot decode beams that share a prompt",
                mend="use sdpa (the default) or eager",
            )
        device_map = checked_device_map(spec)
        device = torch.device(device_name(spec))
        loaded = load_checkpoint(
            path,
            model_base=spec.model_base,
            device=device,
            dtype=DTYPES[dtype_name(spec)],
            vision_tower=options.get("vision_tower"),
            attn_implementation=attention,
            bits=bits,
            device_map=device_map,
        )
        tokenizer = LibraTokenizer.load(loaded.tokenizer_folder, loaded.config)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # rows of added tokens that the checkpoint has no weights for
            loaded.model.resize_vocabulary(len(tokenizer))
        language_model = loaded.model.language_model
        if getattr(language_model.config, "attn_logit_softcapping", None):
            language_model.set_attn_implementation("eager")  # SDPA has no soft capping
        share_key_heads(language_model)
        return cls(loaded, tokenizer, mode, spec)

    @classmethod
    def identity(cls, spec: ModelSpec) -> Mapping[str, Any]:
        """Hashes of every file of the model, the template's words, the dtype."""
        path, bits, dtype = _path(spec), quantization_bits(spec), dtype_name(spec)
        mode = conversation_mode(spec, read_json(find_checkpoint(path) / "config.json"))
        form = template(mode)
        return {
            **checkpoint_identity(path, spec.model_base, vision_tower=spec.options.get("vision_tower")),
            "conv_mode": mode,
            "template_sha256": sha256_json([render(form, ["question", None]), form.stop]),
            "dtype": dtype,
            "bits": bits,
            "image_policy": spec.card.get("image_policy") or "dummy-prior",
            **({"prompt_hook": hook} if (hook := spec.card.get("prompt_hook")) else {}),
        }

    def render(self, question: Question) -> RenderedPrompt:
        """The prompt after the template, and how many positions it takes with the image features."""
        text = self._prompt(question)
        ids = self._tokenizer.encode_prompt(text)
        return RenderedPrompt(text, self._positions(ids))

    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield answers as studies are finished; a study that cannot be answered says so and harms no other.

        Raises:
            InputError: decoding settings that contradict each other.
        """
        yield from self._generate(questions, decoding)

    def stream(self, question: Question, decoding: Decoding, on_text: Callable[[str], None]) -> Answer:
        """Answer one question, telling the leading text after each token."""
        (answer,) = self._generate([question], decoding, lambda _, token_ids: on_text(self._text(token_ids)))
        return answer

    def _generate(
        self,
        questions: Sequence[Question],
        decoding: Decoding,
        on_tokens: Callable[[Hashable, list[int]], None] | None = None,
    ) -> Iterator[Answer]:
        check_decoding(decoding)
        if decoding.num_beams > 1 and decoding.temperature > 0:
            logger.warning("temperature and top_p have no effect with num_beams > 1 (beam search does not sample)")
        if self._batch_size is None:
            self._batch_size = fitting_batch(self._loaded.model.language_model, self._longest_prompt(), decoding)
        size = min(self._batch_size, max(1, len(questions)))
        decoder = Decoder(
            self._loaded.model.language_model, decoding, self._stop_rule(), size, self._timings, on_tokens
        )
        by_id = {question.question_id: question for question in questions}
        failures: deque[Answer] = deque()
        for generated in decoder.run(self._prompts(questions, size, failures)):
            while failures:
                yield failures.popleft()
            yield self._answer(by_id[generated.key], generated, decoding)
            if self._timings.batch_size != size:  # memory ran out: the next questions begin with what fits
                self._batch_size = size = self._timings.batch_size or 1
        yield from failures

    def describe(self) -> Mapping[str, Any]:
        """Device, dtype, batch size, where the time went, peak memory."""
        device = self._loaded.model.device
        images, text = self._images.timings, self._timings
        return {
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
            "dtype": str(self._loaded.model.dtype).removeprefix("torch."),
            "conv_mode": self._conv_mode,
            "batch_size": text.batch_size,
            "attention": self._loaded.model.language_model.config._attn_implementation,
            "seconds": {
                "image_loading": images.loading_seconds,
                "image_waiting": images.waiting_seconds,
                "encoder": images.encoder_seconds,
                "connector": images.connector_seconds,
                "prefill": text.prefill_seconds,
                "decode": text.decode_seconds,
            },
            "images": {
                "loaded": images.images_loaded,
                "encoded": images.images_encoded,
                "reused": images.images_reused,
                "from_disk": images.images_stored,
            },
            "prefill_tokens": text.prefill_tokens,
            "decode_tokens": text.decode_tokens,
            "prefill_tokens_per_second": _rate(text.prefill_tokens, text.prefill_seconds),
            "decode_tokens_per_second": _rate(text.decode_tokens, text.decode_seconds),
            "peak_memory_mb": round(peak_memory_bytes(self._loaded.model) / 2**20, 1),
        }

    def _prompts(self, questions: Sequence[Question], batch: int, failures: deque[Answer]) -> Iterator[Prompt]:
        """Prompts ready to be prefilled, images encoded a group at a time; what fails goes to `failures`."""
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
            for request, features in zip(group, self._features(group), strict=True):
                if isinstance(features, Exception):
                    failures.append(failed_answer(request.question, features))
                    continue
                vocabulary = self._loaded.model.vocabulary_size
                ids = tuple(vocabulary if index == IMAGE_TOKEN_INDEX else index for index in request.token_ids)
                embeddings_SH = self._loaded.model.embed_prompt(request.token_ids, features)
                yield Prompt(request.question.question_id, ids, embeddings_SH)

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
            raise InputError("the prompt is empty", mend="give the question some words")
        if len(asked.images) > MAX_IMAGES:
            raise InputError(
                f"{len(asked.images)} images in one study",
                mend="give the current image, or the current and the prior one",
            )
        ids = self._tokenizer.encode_prompt(self._prompt(asked))
        marks = ids.count(IMAGE_TOKEN_INDEX)
        if marks != bool(asked.images):
            raise InputError(
                f"{marks} image marks in the prompt of a study with {len(asked.images)} images",
                mend="write <image> at most once, and only where there is an image: it stands for both",
            )
        length, limit = self._positions(ids), self._longest_prompt()
        if length > limit:
            raise InputError(
                f"the prompt takes {length:,} positions, image included; the model has {limit:,}",
                mend="shorten the prompt",
            )
        if not asked.images:
            return _Request(asked, ids, None)
        reads_prior = self._loaded.model.connector.uses_prior and self._spec.card.get("image_policy") != "one"
        return _Request(asked, ids, (asked.images[0], asked.images[-1 if reads_prior else 0]))

    def _features(self, group: Sequence[_Request]) -> list[Any]:
        """Image features of each study, None where it has no image, or the error."""
        pairs = [request.images for request in group if request.images is not None]
        found: list[Any] | None = None
        try:
            found = self._images.features(pairs)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
        if found is None and len(pairs) > 1:  # one at a time
            return [features for request in group for features in self._features([request])]
        if found is None:
            found = [
                GenerationError(
                    "the images of a single study do not fit into memory",
                    mend="use a smaller type (--dtype bfloat16), or a smaller --batch-size to leave them room",
                )
            ]
        following = iter(found)
        return [next(following) if request.images is not None else None for request in group]

    def _answer(self, asked: Question, generated: Generated, decoding: Decoding) -> Answer:
        if generated.error is not None:
            return failed_answer(asked, generated.error)
        texts = [self._text(hypothesis.token_ids) for hypothesis in generated.hypotheses]
        metadata: dict[str, Any] = {
            "finish": generated.finish,
            "new_tokens": len(generated.token_ids),
            "seconds": round(generated.seconds, 4),
            "score": _finite(generated.score),
        }
        if decoding.num_return_sequences > 1:
            metadata["alternatives"] = [
                {"text": text, "score": _finite(hypothesis.score)}
                for text, hypothesis in zip(texts, generated.hypotheses, strict=True)
            ]
        return Answer(asked.question_id, asked.prompt, texts[0], metadata=metadata)

    def _text(self, token_ids: Sequence[int]) -> str:
        """The words of an answer: special tokens left out, a stop string at the end cut off."""
        return self._tokenizer.decode(token_ids).strip().removesuffix(self._template.stop).strip()

    def _prompt(self, asked: Question) -> str:
        tags = self._loaded.use_im_start_end
        words = hooked_prompt(asked, self._spec.card, len(asked.images))
        return render(self._template, [question(words, with_image=bool(asked.images), image_tags=tags), None])

    def _positions(self, token_ids: Sequence[int]) -> int:
        return len(token_ids) + token_ids.count(IMAGE_TOKEN_INDEX) * (self._loaded.model.num_patches - 1)

    def _longest_prompt(self) -> int:
        """Positions a prompt may take: the original cuts it there, which takes the question away; we refuse it."""
        config = self._loaded.config
        stated = [config.get("tokenizer_model_max_length") or self._loaded.context_length]
        stated += [config.get(name) for name in ("max_position_embeddings", "sliding_window")]
        return min(int(limit) for limit in stated if limit)

    def _stop_rule(self) -> StopRule:
        stop = self._template.stop
        return StopRule(self._loaded.eos_token_ids, self._tokenizer.stop_ids(stop), stop, self._tokenizer.decode)


def conversation_mode(spec: ModelSpec, config: Mapping[str, Any]) -> str:
    """The template's name: as asked for, else the card's, else the checkpoint's; never guessed from a path."""
    return str(spec.conv_mode or spec.card.get("conv_mode") or config.get("conv_mode") or DEFAULT_MODE)


def _path(spec: ModelSpec) -> str:
    if spec.path is None:
        raise ModelError("no checkpoint given", where=spec.name, mend="give a folder or a hub id")
    return spec.path


def _finite(score: float) -> float | None:
    """A score as JSON can hold it: None where the n-gram filter left no token that could come next."""
    return score if math.isfinite(score) else None


def _rate(tokens: int, seconds: float) -> float | None:
    return round(tokens / seconds, 1) if seconds else None
