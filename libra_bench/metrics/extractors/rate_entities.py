"""RaTEScore's entities: what a token classifier names in each sentence of a report, and an embedding of each.

Entities are read off the labels as the package RaTEScore 0.6.0 does, its habits included: an entity that begins with
"I-" counts only after one that began with "B-"; the label of the closing [SEP] decides how the last entity ends; of
two entities that touch, the first one's last token is also an entity of its own. An entity's text is its tokens put
together again, its embedding the last hidden state of [CLS], cut at 30 tokens.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from libra_bench.metrics.extractors.batches import Batch, read_in_batches
from libra_bench.metrics.extractors.cache import ExtractionCache, extract
from libra_bench.metrics.extractors.pretrained import Precision, in_identity, load_pretrained
from libra_bench.metrics.extractors.sentences import Splitter, split_sentences, splitter_name
from libra_bench.metrics.extractors.weights import digest, fetch_encoder, tokenizer_digest

SENTENCE_TOKENS, ENTITY_TOKENS = 512, 30
ENTITY_BATCH = 4096
"""Padded tokens. Which of two entities with the same text is nearest hangs on the last bit of their embeddings, and
that on the size of the batch: with this one the recorded pairs are as the package has them."""
MIN_CHARACTERS = 3
"""Shorter sentences are not read."""
VERSION = 1
"""Part of what identifies a cached entity: raise it when reading changes."""


@dataclass(frozen=True, slots=True)
class RateEntity:
    """An entity of a report."""

    text: str
    kind: str
    """Its type, e.g. "NON-DISEASE"."""


@dataclass(frozen=True, slots=True)
class RateExtractor:
    """The entity reader and the encoder of given weights. Create it with `of`."""

    ner: Path
    encoder: Path
    splitter: Splitter
    precision: Precision = "float32"

    @classmethod
    def of(cls, ner: str, encoder: str, splitter: Splitter, precision: Precision = "float32") -> RateExtractor:
        """Find (or fetch) both models: folders or hub ids.

        Raises:
            MetricUnavailableError: one is not here and cannot be fetched.
        """
        return cls(fetch_encoder(ner), fetch_encoder(encoder), splitter, precision)

    @property
    def kinds(self) -> frozenset[str]:
        """The types of entities that the reader knows."""
        labels: dict[str, str] = json.loads((self.ner / "config.json").read_text(encoding="utf-8")).get("id2label", {})
        return frozenset(label[2:] for label in labels.values() if label != "O")

    def read(self, texts: Sequence[str]) -> dict[str, list[RateEntity]]:
        """The entities of each distinct text."""
        identity = f"{_identity(self.ner)}|{splitter_name(self.splitter)}|v{VERSION}{in_identity(self.precision)}"
        cache = ExtractionCache("ratescore-entities", identity)
        sentences: dict[str, list[tuple[int, int, str]]] = {}
        compute = functools.partial(self._compute, read=sentences)
        found = extract(texts, compute, cache=cache, title="RaTEScore, entities")
        return {text: self._entities(text, json.loads(value)) for text, value in found.items()}

    def embed(self, entities: Sequence[str]) -> dict[str, npt.NDArray[np.float32]]:
        """The embedding [C] of each distinct entity's text."""
        identity = f"{_identity(self.encoder)}|v{VERSION}{in_identity(self.precision)}"
        cache = ExtractionCache("ratescore-embeddings", identity)
        found = extract(entities, self._encode, cache=cache, title="RaTEScore, embeddings", chunk_size=512)
        return {text: np.frombuffer(value, dtype=np.float32) for text, value in found.items()}

    def _compute(self, texts: Sequence[str], read: dict[str, list[tuple[int, int, str]]]) -> list[bytes]:
        """What is stored of each text; sentences that are not in `read` yet are read, once."""
        spans = split_sentences(texts, self.splitter)
        long_enough = {text: [span for span in spans[text] if span[1] - span[0] >= MIN_CHARACTERS] for text in texts}
        said = dict.fromkeys(text[start:end] for text, places in long_enough.items() for start, end in places)
        self._read_sentences([sentence for sentence in said if sentence not in read], read)
        stored = [
            [(start, end, *entity) for start, end in long_enough[text] for entity in read[text[start:end]]]
            for text in texts
        ]
        return [json.dumps(entities).encode() for entities in stored]

    def _read_sentences(self, sentences: Sequence[str], read: dict[str, list[tuple[int, int, str]]]) -> None:
        tokenizer, model = _tokenizer(self.ner), _reader(self.ner, self.precision)
        special = {tokenizer.cls_token_id, tokenizer.sep_token_id}
        ids = [_ids(tokenizer, sentence, SENTENCE_TOKENS) for sentence in sentences]

        def labels_of(batch: Batch) -> list[list[int]]:
            logits_BTK = model(input_ids=batch.tokens_BT, attention_mask=batch.mask_BT).logits
            labels_BT: list[list[int]] = logits_BTK.argmax(2).tolist()
            return labels_BT

        found = read_in_batches(ids, tokenizer.pad_token_id, model.device, labels_of)
        for sentence, row, labels_T in zip(sentences, ids, found, strict=True):
            labels = [model.config.id2label[label] for label in labels_T[: len(row)]]
            read[sentence] = list(entity_spans(labels, [token in special for token in row]))

    def _entities(self, text: str, stored: Sequence[tuple[int, int, int, int, str]]) -> list[RateEntity]:
        """Entities from their places: what is stored holds no text."""
        tokenizer = _tokenizer(self.ner) if stored else None
        sentences = {(start, end) for start, end, *_ in stored}
        ids = {(start, end): _ids(tokenizer, text[start:end], SENTENCE_TOKENS) for start, end in sentences}
        return [
            RateEntity(_words(tokenizer, ids[start, end][first : last + 1]), kind)
            for start, end, first, last, kind in stored
        ]

    def _encode(self, entities: Sequence[str]) -> list[bytes]:
        tokenizer, model = _tokenizer(self.encoder), _encoder(self.encoder, self.precision)
        ids = [_ids(tokenizer, entity, ENTITY_TOKENS) for entity in entities]

        def embed(batch: Batch) -> list[bytes]:
            cls_BC = model(input_ids=batch.tokens_BT, attention_mask=batch.mask_BT).last_hidden_state[:, 0]
            return [embedding_C.tobytes() for embedding_C in cls_BC.float().cpu().numpy()]

        return read_in_batches(ids, tokenizer.pad_token_id, model.device, embed, cpu_tokens=ENTITY_BATCH)


def entity_spans(labels: Sequence[str], outside: Sequence[bool]) -> Iterator[tuple[int, int, str]]:
    """(first token, last token, type) of the entities in the IOB labels of a sentence.

    Args:
        labels: one for each token, special ones included.
        outside: whether a token is special.
    """
    start: int | None = None
    end: int | None = None
    kind = ""
    for place in range(len(labels) - 1):
        label, following = labels[place], labels[place + 1][:1]
        if outside[place] or label == "O" or following not in {"B", "I", "O"}:
            continue
        if label.startswith("B-"):
            start, kind = place, label[2:]
            if following != "I":
                yield place, place, kind
                start, end = (place, place) if following == "B" else (None, None)
        elif following != "I":
            if start is not None:
                yield start, place, kind
            start, end, kind = (place, place, label[2:]) if following == "B" else (None, None, kind)
    if start is not None and end is None:
        yield start, len(labels) - 2, kind


def _identity(folder: Path) -> str:
    return f"{digest(folder)}|{tokenizer_digest(folder)}"


def _ids(tokenizer: Any, text: str, tokens: int) -> list[int]:
    ids: list[int] = tokenizer(text, truncation=True, max_length=tokens)["input_ids"]
    return ids


def _words(tokenizer: Any, ids: Sequence[int]) -> str:
    return str(tokenizer.convert_tokens_to_string(tokenizer.convert_ids_to_tokens(list(ids))))


@functools.lru_cache(maxsize=4)
def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


@functools.lru_cache(maxsize=1)
def _reader(folder: Path, precision: Precision) -> Any:
    return load_pretrained("AutoModelForTokenClassification", folder, precision, to_the_last_bit=True)


@functools.lru_cache(maxsize=1)
def _encoder(folder: Path, precision: Precision) -> Any:
    return load_pretrained("AutoModel", folder, precision, to_the_last_bit=True)  # it decides between types of a text
