"""Asks a model that runs in a side environment, one study at a time; a program that ends is started again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from benchmarks.environments import SideEnvironment, Worker
from benchmarks.errors import InputError, LibraBenchError, ModelError
from benchmarks.schema import Answer, Question
from model_adapters.adapter import Adapter, Decoding, ModelSpec, RenderedPrompt, failed_answer, study_seed
from model_adapters.cards import Card, ImagePolicy
from model_adapters.cards.image_policy import image_policy, parts_read, shown_images
from model_adapters.cards.prompt_hooks import IMAGE_MARK, prompt_identity, system_prompt, user_turn
from model_adapters.checkpoints.files import deciding_hashes
from model_adapters.checkpoints.locate import checkpoint_path, find_checkpoint
from model_adapters.side.environments import environment_of

WORKER = Path(__file__).parent / "worker.py"


class SideAdapter(Adapter):
    """Asks a model through `worker.py` in the side environment that its card names.

    Options: `trust_remote_code`, run code that comes with the checkpoint (default: never); `image_policy`; `system`, a
    system prompt.
    """

    summary = "a model in a side environment (`libra-bench models install NAME`)"
    needs_weights = True
    asks_for_card = True
    OPTIONS: ClassVar[Mapping[str, Any]] = {"trust_remote_code": bool, "image_policy": ImagePolicy, "system": str}

    def __init__(self, spec: ModelSpec, python: Path, folder: Path) -> None:
        self._spec, self._python, self._folder = spec, python, folder
        self._policy = image_policy(spec)
        self._worker: Worker | None = None
        self._report: dict[str, Any] = {}
        self._starts, self._seconds, self._new_tokens = 0, 0.0, 0

    @classmethod
    def load(cls, spec: ModelSpec) -> Self:
        """Start the program in the side environment and let it load the model.

        Raises:
            ModelError: the environment is not installed, or the program cannot load the model.
        """
        environment = _environment(spec)
        python = environment.python()
        if python is None:
            raise ModelError(
                f"its side environment ({', '.join(environment.pins())}) is not installed",
                where=f"model {spec.name}",
                hint=f"make it: libra-bench models install {spec.name}",
            )
        adapter = cls(spec, python, _checkpoint(spec))
        adapter._running()
        return adapter

    @classmethod
    def identity(cls, spec: ModelSpec) -> Mapping[str, Any]:
        """Hashes of every file of the checkpoint, the environment's packages, the card's words, dtype and images."""
        packages = dict(_environment(spec).packages)
        return {
            "checkpoint": deciding_hashes(_checkpoint(spec)),
            "environment": packages,
            "dtype": spec.dtype,
            "image_policy": image_policy(spec),
            **prompt_identity(spec),
            "system": system_prompt(spec),
        }

    @classmethod
    def reads(cls, spec: ModelSpec) -> frozenset[str]:
        """The images of its policy, and the prior report where its card's prompt has it."""
        return parts_read(spec)

    @classmethod
    def check_decoding(cls, spec: ModelSpec, decoding: Decoding) -> None:
        """One text per study.

        Raises:
            InputError: several are asked for.
        """
        if decoding.num_return_sequences > 1:
            raise InputError(
                f"a model in a side environment gives one text, not {decoding.num_return_sequences}",
                where="--num-return-sequences",
                hint="leave it out",
            )

    def render(self, question: Question) -> RenderedPrompt:
        """The prompt after the model's own template; image paths are in it as their marks."""
        request = self._request(question)
        reply = self._ask(do="render", **request)
        text = str(reply["text"])
        for path in request["images"]:
            text = text.replace(path, IMAGE_MARK)
        return RenderedPrompt(text, len(reply["ids"]))

    def generate(self, questions: Sequence[Question], decoding: Decoding) -> Iterator[Answer]:
        """Yield answers one by one; a study on which the program ends is asked again once, in a new one."""
        for question in questions:
            yield self._answer(question, decoding)

    def describe(self) -> Mapping[str, Any]:
        """Device, dtype and versions in the side environment, and where the time went."""
        return {
            **self._report,
            "batch_size": 1,
            "starts": self._starts,
            "seconds": {"generation": round(self._seconds, 3)},
            "decode_tokens": self._new_tokens,
        }

    def _answer(self, question: Question, decoding: Decoding) -> Answer:
        try:
            request = self._request(question)
        except LibraBenchError as error:
            return failed_answer(question, error)
        started = time.perf_counter()
        settings = {"decoding": _settings(decoding), "seed": study_seed(decoding.seed, question.question_id) % 2**32}
        try:
            reply = self._ask(do="answer", **request, **settings)
        except ModelError:
            raise
        except LibraBenchError as error:
            return failed_answer(question, LibraBenchError(f"the side environment failed: {error}"))
        seconds = time.perf_counter() - started
        self._seconds += seconds
        self._new_tokens += reply["new_tokens"]
        metadata = {"finish": reply["finish"], "new_tokens": reply["new_tokens"], "seconds": round(seconds, 4)}
        return Answer(question.question_id, question.prompt, str(reply["text"]), metadata=metadata)

    def _request(self, question: Question) -> dict[str, Any]:
        """What is asked: the system prompt, the words, the images in the order of their roles.

        Raises:
            InputError: the prompt is empty.
        """
        if not question.prompt.strip():
            raise InputError("the prompt is empty", hint="give the question some words")
        shown = shown_images(question, self._policy)
        text = user_turn(question, self._spec.card, shown).replace(IMAGE_MARK, "").strip()
        images = [str(path.absolute()) for path in shown.values()]
        return {"system": system_prompt(self._spec) or "", "text": text, "images": images}

    def _ask(self, **request: Any) -> dict[str, Any]:
        """Ask the program; one that ends over it is asked again once, in a new one.

        Raises:
            ModelError: it cannot load the model. LibraBenchError: it failed, or ended twice.
        """
        worker = self._running()
        try:
            return worker.ask(**request)
        except LibraBenchError:
            if worker.is_running:
                raise
        return self._running().ask(**request)

    def _running(self) -> Worker:
        """The program, with the model loaded.

        Raises:
            ModelError: it cannot load the model.
        """
        self._stop_if_ended()
        if self._worker is not None:
            return self._worker
        worker = Worker(self._python, WORKER, HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
        try:
            self._report = worker.ask(
                do="load",
                path=str(self._folder),
                trust_remote_code=bool(self._spec.options.get("trust_remote_code")),
                device=self._spec.device,
                dtype=self._spec.dtype,
            )
        except LibraBenchError as error:
            worker.close()
            raise ModelError(
                f"its side environment cannot load it ({error.what})",
                where=f"model {self._spec.name}",
                hint=f"a package that is missing there: libra-bench models install {self._spec.name} --with PACKAGE",
            ) from error
        self._worker, self._starts = worker, self._starts + 1
        return worker

    def _stop_if_ended(self) -> None:
        if self._worker is not None and not self._worker.is_running:
            self._worker.close()
            self._worker = None


def _environment(spec: ModelSpec) -> SideEnvironment:
    """The environment of the card.

    Raises:
        ModelError: there is no card.
    """
    if not spec.card:
        raise ModelError(
            "only a card says in which environment a model runs",
            where=f"--adapter side, model {spec.name}",
            hint="write a card with `environment:` (docs/models.md), or use the name of one",
        )
    return environment_of(Card(**spec.card))


def _checkpoint(spec: ModelSpec) -> Path:
    """The checkpoint, if it may be used.

    Raises:
        ModelError: there is none, or it brings code that the user has not allowed.
    """
    if spec.card.get("trust_remote_code") and not spec.options.get("trust_remote_code"):
        raise ModelError(
            "brings code of its own, which has not been run",
            where=f"model {spec.name}",
            hint="add --trust-remote-code if you have read it and trust it",
        )
    return find_checkpoint(checkpoint_path(spec))


def _settings(decoding: Decoding) -> dict[str, Any]:
    """What `generate` of transformers takes."""
    settings: dict[str, Any] = {
        "max_new_tokens": decoding.max_new_tokens,
        "num_beams": decoding.num_beams,
        "do_sample": decoding.is_sampling,
        "no_repeat_ngram_size": decoding.no_repeat_ngram_size,
    }
    if decoding.is_sampling:
        settings |= {"temperature": decoding.temperature, "top_p": decoding.top_p or 1.0}
    if decoding.num_beams > 1:
        settings["length_penalty"] = decoding.length_penalty
    return settings
