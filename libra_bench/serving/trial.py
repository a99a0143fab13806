"""A model on trial: loaded when it is first asked, one question at a time, the text told while it is written."""

from __future__ import annotations

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
from libra_bench.runs.protocols import CARD_PROTOCOL, PROTOCOLS, decoding_with, protocol_named
from model_adapters.adapter import Adapter, Decoding, ModelSpec
from model_adapters.models import load_adapter
from model_adapters.registry import adapter_class

Message = Mapping[str, Any]
"""A line to the page: `state`, `text` (so far), `done` or `error`."""


class _Stopped(Exception):  # noqa: N818 - not an error: the reader has gone
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
            "protocols": {name: str(decoding) for name, decoding in self._decodings()},
            "command": self.arguments,
            "warnings": cautions(self.spec),
        }

    def _decodings(self) -> Iterator[tuple[str, Decoding]]:
        """The protocols that the model can follow, and the overrides do not contradict."""
        for name in (*PROTOCOLS, CARD_PROTOCOL):
            with suppress(LibraBenchError):
                yield name, self._decoding(name, {})

    def _decoding(self, protocol: str, overrides: Mapping[str, Any]) -> Decoding:
        """A protocol's decoding under the overrides.

        Raises:
            InputError: no such protocol, or settings that contradict each other or that the model does not have.
        """
        said = {name: value for name, value in overrides.items() if value is not None}
        decoding, _ = decoding_with(protocol_named(protocol, self.spec.card), self.overrides | said)
        adapter_class(self.spec.adapter).check_decoding(self.spec, decoding)
        return decoding

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
            decoding = self._decoding(protocol or self.protocol, overrides)
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
                    tell({"text": answer.text, "done": _facts(answer, decoding), "metadata": dict(answer.metadata)})
        except _Stopped:
            pass
        except LibraBenchError as error:
            messages.put({"error": str(error)})
        except Exception as error:  # noqa: BLE001 - an adapter may raise anything; the page must show it
            messages.put({"error": f"the model failed ({type(error).__name__}: {error})"})
        finally:
            messages.put(None)


def _facts(answer: Answer, decoding: Decoding) -> str:
    tokens, seconds = answer.metadata.get("new_tokens"), answer.metadata.get("seconds")
    idle = " and ".join(decoding.without_effect).replace("_", "-")
    facts = [
        "" if tokens is None else f"{tokens} tokens",
        "" if seconds is None else f"{seconds:.1f} s",
        "cut off at the token limit" if answer.finish == "length" else "",
        f"{idle} without effect, since nothing is sampled" if idle else "",
    ]
    return "done" + "".join(f", {fact}" for fact in facts if fact)
