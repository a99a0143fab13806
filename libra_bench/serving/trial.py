"""A model on trial: loaded when it is first asked, one question at a time, the text told while it is written."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from benchmarks.catalog import FINDINGS_PROMPT
from benchmarks.errors import LibraBenchError
from benchmarks.schema import Answer, Question
from libra_bench.runs.cautions import cautions
from libra_bench.runs.protocols import PROTOCOLS, decoding_with, protocol_named
from model_adapters.adapter import Adapter, Decoding, ModelSpec
from model_adapters.models import load_adapter
from model_adapters.registry import adapter_class

Message = Mapping[str, Any]
"""A line to the page: `state`, `text` (so far), `done` or `error`."""


class _Stopped(Exception):  # noqa: N818 - not an error: nobody listens any more
    pass


class Trial:
    """A model that a page can try.

    Args:
        spec: the model; loaded when it is first asked.
        protocol: the name of its default protocol.
        overrides: Decoding field -> value, over every protocol; what is asked overrides them in turn.
        arguments: the words of the `describe` command that choose this model.
    """

    def __init__(self, spec: ModelSpec, protocol: str, overrides: Mapping[str, Any], arguments: Sequence[str]) -> None:
        self.spec, self.protocol, self.overrides, self.arguments = spec, protocol, dict(overrides), list(arguments)
        self._adapter: Adapter | None = None
        self._turn = threading.Lock()

    def settings(self) -> dict[str, Any]:
        """What the page shows before anything is asked."""
        return {
            "model": self.spec.name,
            "prompt": FINDINGS_PROMPT,
            "protocol": self.protocol,
            "protocols": {name: _in_words(decoding) for name, decoding in self._decodings()},
            "command": self.arguments,
            "warnings": cautions(self.spec),
        }

    def _decodings(self) -> Iterator[tuple[str, Decoding]]:
        """The protocols that the overrides do not contradict."""
        for name, protocol in PROTOCOLS.items():
            with suppress(LibraBenchError):
                yield name, decoding_with(protocol, self.overrides)[0]

    def ask(
        self, images: Sequence[Path], prompt: str, protocol: str | None, overrides: Mapping[str, Any]
    ) -> Iterator[Message]:
        """Answer a question, message by message; closing the iterator stops the model at its next token.

        Args:
            images: the current image, or current and prior; may be gone once the iterator is closed or at its end.
            prompt: what to ask.
            protocol: a protocol's name; None: the model's.
            overrides: Decoding field -> value.
        """
        try:
            said = {name: value for name, value in overrides.items() if value is not None}
            decoding, _ = decoding_with(protocol_named(protocol or self.protocol), self.overrides | said)
            adapter_class(self.spec.adapter).check_decoding(self.spec, decoding)
        except LibraBenchError as error:
            yield {"error": str(error)}
            return
        messages: SimpleQueue[Message | None] = SimpleQueue()
        stopped = threading.Event()
        question = Question("describe", prompt, tuple(images))
        worker = threading.Thread(target=self._work, args=(question, decoding, messages, stopped), daemon=True)
        worker.start()
        try:
            while (message := messages.get()) is not None:
                yield message
        finally:
            stopped.set()
            worker.join()

    def _work(
        self, question: Question, decoding: Decoding, messages: SimpleQueue[Message | None], stopped: threading.Event
    ) -> None:
        def tell(message: Message) -> None:
            if stopped.is_set():
                raise _Stopped
            messages.put(message)

        try:
            if self._turn.locked():
                tell({"state": "waiting for another question to be answered"})
            with self._turn:
                if self._adapter is None:
                    tell({"state": f"loading {self.spec.name}"})
                    self._adapter = load_adapter(self.spec)
                tell({"state": "reading the images"})
                answer = self._adapter.stream(question, decoding, lambda text: tell({"text": text}))
                if answer.failed:
                    tell({"error": answer.metadata.get("error") or "it could not be answered"})
                else:
                    tell({"text": answer.text, "done": _facts(answer), "metadata": dict(answer.metadata)})
        except _Stopped:
            pass
        except LibraBenchError as error:
            messages.put({"error": str(error)})
        except Exception as error:  # noqa: BLE001 - an adapter may raise anything; the page must hear of it
            messages.put({"error": f"the model failed ({type(error).__name__}: {error})"})
        finally:
            messages.put(None)


def _facts(answer: Answer) -> str:
    facts = [
        f"{answer.metadata['new_tokens']} tokens" if "new_tokens" in answer.metadata else "",
        f"{answer.metadata['seconds']:.1f} s" if "seconds" in answer.metadata else "",
        "cut off at the token limit" if answer.finish == "length" else "",
    ]
    return "done" + "".join(f", {fact}" for fact in facts if fact)


def _in_words(decoding: Decoding) -> str:
    default = Decoding()
    changed = {item.name: getattr(decoding, item.name) for item in dataclasses.fields(Decoding)}
    names = {
        "num_beams": "{} beams",
        "length_penalty": "length penalty {}",
        "no_repeat_ngram_size": "no repeated {}-grams",
        "max_new_tokens": "{} tokens",
        "temperature": "temperature {}",
    }
    always = {"num_beams", "max_new_tokens"}
    return ", ".join(
        words.format(changed[name])
        for name, words in names.items()
        if name in always or changed[name] != getattr(default, name)
    )
