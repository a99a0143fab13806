"""Token embeddings of texts and how well they match, by the `bert_score` package, which is used as it is.

What we do at its boundary (bert_score 0.3.13, transformers 5):
- a RoBERTa or GPT-2 tokenizer gets its leading space back: the package asks for it in each call
  (`add_prefix_space`), which transformers 5 ignores, so that the first word becomes another token;
- a tokenizer without `model_max_length`, or with one beyond the model's positions, gets the model's own limit;
- a folder whose path contains "t5" is given another name, since the package takes it for a T5 model;
- weights that do not belong to the architecture are refused instead of scored as random numbers;
- empty texts never reach it (it raises).
"""

from __future__ import annotations

import contextlib
import functools
import io
import math
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmarks.errors import MetricUnavailableError
from libra_bench.metrics.extractors.batches import Batch, batches, read_in_batches
from libra_bench.metrics.extractors.cache import ExtractionCache, extract
from libra_bench.metrics.extractors.packed_texts import (
    PADDED_POSITIONS,
    TYPES,
    pack_texts_for,
    packed_states,
    takes_packed_texts,
)
from libra_bench.metrics.extractors.pretrained import Precision, in_identity, load_pretrained, placed
from libra_bench.metrics.extractors.weights import digest, fetch_encoder, tokenizer_digest

if TYPE_CHECKING:
    import torch

PREFIX_SPACE = ("GPT2Tokenizer", "RobertaTokenizer")
"""Tokenizers that bert_score gives a text with a leading space."""
UNSTATED_POSITIONS = 512
MATCH_TOKENS = 16384
VERSION = 1
"""Part of what identifies a cached embedding: raise it when encoding changes."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """The embeddings of a text.

    Legend: T tokens, C channels.
    """

    ids_T: npt.NDArray[np.int32]
    states_TC: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BertEncoder:
    """The first layers of a transformers encoder. Create it with `of`."""

    folder: Path
    num_layers: int
    precision: Precision = "float32"

    @classmethod
    def of(cls, model: str, num_layers: int, precision: Precision = "float32") -> BertEncoder:
        """Find (or fetch) a model: a folder or a hub id.

        Raises:
            MetricUnavailableError: it is not here and cannot be fetched.
        """
        return cls(fetch_encoder(model), num_layers, precision)

    def match(
        self, predictions: Sequence[str], references: Sequence[str], *, idf: bool, documents: Sequence[str]
    ) -> npt.NDArray[np.float32]:
        """F1 of each pair of texts that are not empty, before rescaling.

        Args:
            predictions: N texts.
            references: N texts; their embeddings are cached on disk.
            idf: weigh tokens by their inverse document frequency in `documents`.
            documents: all references of the corpus.
        """
        cache = ExtractionCache("bertscore", self._identity)
        known = extract(references, self._compute, cache=cache, title="BERTScore, references")
        rest = [prediction for prediction in predictions if prediction not in known]
        known |= extract(rest, self._compute, cache=None, title="BERTScore, predictions")
        embedded = {text: _unpack(value) for text, value in known.items()}
        weights = self._idf(documents) if idf else self._no_idf()
        pairs = [(embedded[p], embedded[r]) for p, r in zip(predictions, references, strict=True)]
        scores = np.zeros(len(pairs), dtype=np.float32)
        for batch in batches([max(len(p.ids_T), len(r.ids_T)) for p, r in pairs], MATCH_TOKENS):
            scores[batch] = _greedy_f1([pairs[index] for index in batch], weights)
        return scores

    @property
    def _identity(self) -> str:
        weights, tokenizer = digest(self.folder), tokenizer_digest(self.folder)
        return f"{weights}|{tokenizer}|layers {self.num_layers}|v{VERSION}{in_identity(self.precision)}"

    def _compute(self, texts: Sequence[str]) -> list[bytes]:
        tokenizer, model = load_encoder(self.folder, self.num_layers, self.precision)
        ids = _token_ids(tokenizer, texts)

        def read(batch: Batch) -> Sequence[npt.NDArray[np.float32]]:
            if batch.lengths is None:
                states_BTC = model(batch.tokens_BT, attention_mask=batch.mask_BT)[0]
            else:
                states_BTC = packed_states(model, batch.tokens_BT, batch.lengths)
            return [states_TC.float().cpu().numpy() for states_TC in states_BTC]

        states = read_in_batches(ids, tokenizer.pad_token_id, model.device, read, packed=takes_packed_texts(model))
        return [_pack(row, states_TC[: len(row)]) for row, states_TC in zip(ids, states, strict=True)]

    def _no_idf(self) -> Mapping[int, float]:
        """Every token counts 1, the special ones at both ends 0."""
        tokenizer = load_tokenizer(self.folder)
        weights: defaultdict[int, float] = defaultdict(lambda: 1.0)
        weights |= {tokenizer.sep_token_id: 0.0, tokenizer.cls_token_id: 0.0}
        return weights

    def _idf(self, documents: Sequence[str]) -> Mapping[int, float]:
        """log((N + 1) / (n + 1)) of each token, as the package computes it, empty documents included."""
        tokenizer = load_tokenizer(self.folder)
        counts: Counter[int] = Counter()
        times = Counter(documents)
        for ids, count in zip(_token_ids(tokenizer, list(times)), times.values(), strict=True):
            counts.update(dict.fromkeys(ids, count))
        total = len(documents) + 1
        weights: defaultdict[int, float] = defaultdict(lambda: math.log(total))
        weights |= {token: math.log(total / (count + 1)) for token, count in counts.items()}
        return weights


@functools.lru_cache(maxsize=2)
def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a model folder, as bert_score needs it."""
    from transformers import AutoConfig, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    if type(tokenizer).__name__.removesuffix("Fast") in PREFIX_SPACE:
        tokenizer = AutoTokenizer.from_pretrained(folder, add_prefix_space=True)
    config = AutoConfig.from_pretrained(folder)
    offset = config.pad_token_id + 1 if config.model_type in PADDED_POSITIONS else 0
    positions = getattr(config, "max_position_embeddings", UNSTATED_POSITIONS) - offset
    tokenizer.model_max_length = min(tokenizer.model_max_length, positions)
    return tokenizer


@functools.lru_cache(maxsize=2)
def load_encoder(folder: Path, num_layers: int, precision: Precision) -> tuple[Any, Any]:
    """(tokenizer, model cut to its first layers), on the first GPU if there is one.

    Raises:
        MetricUnavailableError: the folder's weights are not those of its architecture, or it has too few layers.
    """
    model = load_pretrained("AutoModel", folder, precision)
    if model.config.model_type in TYPES:
        owner = model.transformer if model.config.model_type == "distilbert" else model.encoder
        if not 0 <= num_layers <= len(owner.layer):
            raise MetricUnavailableError(
                f"{folder} has {len(owner.layer)} layers, not {num_layers}", hint="pass another num_layers"
            )
        owner.layer = owner.layer[:num_layers]
    else:
        model = placed(_cut_by_the_package(folder, num_layers), precision)
    pack_texts_for(model)
    return load_tokenizer(folder), model


def _cut_by_the_package(folder: Path, num_layers: int) -> Any:
    """The package knows where each architecture has its layers, and loads the model itself."""
    from bert_score.utils import get_model

    with path_without_t5(folder) as place, contextlib.redirect_stderr(io.StringIO()):
        try:
            return get_model(str(place), num_layers)
        except AssertionError as error:
            raise MetricUnavailableError(f"{folder}: {error}", hint="pass another num_layers") from error


@contextlib.contextmanager
def path_without_t5(folder: Path) -> Iterator[Path]:
    """A path to the folder that does not contain "t5"."""
    if "t5" not in str(folder):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="weights-") as scratch:
        link = Path(scratch) / "model"
        link.symlink_to(folder.absolute())
        yield link


def _token_ids(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    stripped = [text.strip() for text in texts]
    ids: list[list[int]] = tokenizer(stripped, truncation=True, max_length=tokenizer.model_max_length)["input_ids"]
    return ids


def _greedy_f1(pairs: Sequence[tuple[Embedded, Embedded]], weights: Mapping[int, float]) -> npt.NDArray[np.float32]:
    """F1 of (prediction, reference) pairs, by the package's matching."""
    import torch
    from bert_score.utils import greedy_cos_idf
    from torch.nn.utils.rnn import pad_sequence

    def padded(side: Sequence[Embedded]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        states_BTC = pad_sequence([torch.tensor(text.states_TC) for text in side], batch_first=True, padding_value=2.0)
        idf = [torch.tensor([weights[token] for token in text.ids_T.tolist()]) for text in side]
        mask = [torch.ones(len(text.ids_T), dtype=torch.bool) for text in side]
        return states_BTC, pad_sequence(mask, batch_first=True), pad_sequence(idf, batch_first=True)

    predictions, references = zip(*pairs, strict=True)
    with torch.no_grad():
        _, _, f1_B = greedy_cos_idf(*padded(references), *padded(predictions))
    scores: npt.NDArray[np.float32] = f1_B.numpy()
    return scores


def _pack(ids: Sequence[int], states_TC: npt.NDArray[np.float32]) -> bytes:
    return np.int32(len(ids)).tobytes() + np.array(ids, np.int32).tobytes() + states_TC.astype(np.float32).tobytes()


def _unpack(value: bytes) -> Embedded:
    length = int(np.frombuffer(value, np.int32, 1)[0])
    ids_T = np.frombuffer(value, np.int32, length, 4)
    return Embedded(ids_T, np.frombuffer(value, np.float32, offset=4 + 4 * length).reshape(length, -1))
