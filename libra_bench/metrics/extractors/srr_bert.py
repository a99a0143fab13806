"""SRR-BERT's labels of reports: our own inference of a published checkpoint, sentence by sentence.

The model is a BERT classifier with several labels per sentence (sigmoid above 0.5); a report has every label that one
of its sentences has. Before sentences are split, the numbers of a list's items are taken out and a final full stop is
added, as RadEval does. Source: Delbrouck et al. 2025 (Automated Structured Radiology Report Generation, ACL); RadEval
2.2.1 gives the same labels (tests/golden/metrics/srr_bert.json).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from libra_bench.metrics.extractors.batches import Batch, read_in_batches
from libra_bench.metrics.extractors.cache import ExtractionCache, extract
from libra_bench.metrics.extractors.first_states import first_states
from libra_bench.metrics.extractors.pretrained import Precision, in_identity, load_pretrained
from libra_bench.metrics.extractors.sentences import Splitter, split_sentences, splitter_name
from libra_bench.metrics.extractors.weights import (
    digest,
    encoder_folder,
    encoder_missing,
    fetch_encoder,
    tokenizer_digest,
)
from libra_bench.metrics.metric import Missing

TOKENIZER = "microsoft/BiomedVLP-CXR-BERT-general"
"""Whose tokenizer the published checkpoints were trained with."""
MAX_TOKENS = 512
VERSION = 1
"""Part of what identifies a cached label: raise it when inference changes."""

_NUMBER = r"\d+\.(?!\d)\s*"
_NUMBER_FIRST = re.compile(rf"^\s*{_NUMBER}")
_NUMBER_AFTER_STOP = re.compile(rf"(\w)\.{_NUMBER}")
_NUMBER_AFTER_WORD = re.compile(rf"(\w)\s*{_NUMBER}")
_NUMBER_AFTER_SENTENCE = re.compile(rf"([.!?])\s*{_NUMBER}")
_NO_SPACE = re.compile(r"\.(?=[A-Z])")


def srr_bert_missing(model: str, tokenizer: str | None) -> Missing | None:
    """Why SRR-BERT cannot run here with this checkpoint, or None; loads nothing."""
    return encoder_missing(model, parameter="model", tokenizer=False) or encoder_missing(
        tokenizer_of(model, tokenizer), parameter="tokenizer", weights=False
    )


def tokenizer_of(model: str, tokenizer: str | None) -> str:
    """The tokenizer's folder or hub id: the given one, that of the model's folder, else the published one."""
    return tokenizer or (model if Path(model).expanduser().is_dir() and encoder_folder(model) else TOKENIZER)


@dataclass(frozen=True, slots=True)
class SrrBertExtractor:
    """The SRR-BERT of a given checkpoint. Create it with `of`."""

    model: Path
    tokenizer: Path
    splitter: Splitter
    precision: Precision = "float32"

    @classmethod
    def of(
        cls, model: str, tokenizer: str | None, splitter: Splitter, precision: Precision = "float32"
    ) -> SrrBertExtractor:
        """Find (or fetch) a checkpoint and its tokenizer: folders or hub ids.

        Raises:
            MetricUnavailableError: one is not here and cannot be fetched.
        """
        folder = fetch_encoder(model, tokenizer=False)
        return cls(folder, fetch_encoder(tokenizer_of(model, tokenizer), weights=False), splitter, precision)

    def read(self, texts: Sequence[str]) -> dict[str, npt.NDArray[np.bool_]]:
        """Which labels [K] each distinct text has."""
        weights, tokenizer = digest(self.model), tokenizer_digest(self.tokenizer)
        identity = f"{weights}|{tokenizer}|{splitter_name(self.splitter)}|v{VERSION}{in_identity(self.precision)}"
        sentences: dict[str, npt.NDArray[np.bool_]] = {}
        compute = functools.partial(self._compute, read=sentences)
        found = extract(texts, compute, cache=ExtractionCache("srr-bert", identity), title="SRR-BERT")
        return {text: np.frombuffer(value, dtype=np.bool_) for text, value in found.items()}

    def names(self) -> list[str]:
        """What the checkpoint's configuration calls its labels, in order."""
        from transformers import AutoConfig

        return [str(name) for _, name in sorted(AutoConfig.from_pretrained(self.model).id2label.items())]

    def _compute(self, texts: Sequence[str], read: dict[str, npt.NDArray[np.bool_]]) -> list[bytes]:
        """The labels of each text; sentences that are not in `read` yet are read, once."""
        prepared = [prepare(text) for text in texts]
        spans = split_sentences(prepared, self.splitter)
        said = {text: [text[start:end] for start, end in spans[text]] for text in prepared}
        sentences = dict.fromkeys(sentence for of_text in said.values() for sentence in of_text)
        self._read_sentences([sentence for sentence in sentences if sentence not in read], read)
        none_K = np.zeros(_model(self.model, self.precision).config.num_labels, dtype=np.bool_)
        return [np.any([none_K, *(read[sentence] for sentence in said[text])], axis=0).tobytes() for text in prepared]

    def _read_sentences(self, sentences: Sequence[str], read: dict[str, npt.NDArray[np.bool_]]) -> None:
        import torch

        tokenizer, model = _tokenizer(self.tokenizer), _model(self.model, self.precision)
        ids = tokenizer(list(sentences), truncation=True, max_length=MAX_TOKENS)["input_ids"] if sentences else []

        def labels_of(batch: Batch) -> list[npt.NDArray[np.bool_]]:
            cls_BC = first_states(model.bert, *batch)
            logits_BK = model.classifier(model.bert.pooler(cls_BC[:, None])).float().cpu()
            return list((torch.sigmoid(logits_BK) > 0.5).numpy())

        found = read_in_batches(ids, tokenizer.pad_token_id, model.device, labels_of, packed=True)
        read.update(zip(sentences, found, strict=True))


def prepare(text: str) -> str:
    """The text without the numbers of a list's items, with a space after every full stop and a mark at its end.

    A number at the end of a sentence goes, too ("in 2010." becomes "in."), as in RadEval.
    """
    text = _NUMBER_FIRST.sub("", text)
    text = _NUMBER_AFTER_WORD.sub(r"\1. ", _NUMBER_AFTER_STOP.sub(r"\1. ", text))
    text = _NO_SPACE.sub(". ", _NUMBER_AFTER_SENTENCE.sub(r"\1 ", text))
    return text if text.strip().endswith((".", "!", "?")) else f"{text.strip()}."


@functools.lru_cache(maxsize=1)
def _tokenizer(folder: Path) -> Any:
    from transformers import BertTokenizer

    return BertTokenizer.from_pretrained(folder)


@functools.lru_cache(maxsize=1)
def _model(folder: Path, precision: Precision) -> Any:
    return load_pretrained("BertForSequenceClassification", folder, precision)
