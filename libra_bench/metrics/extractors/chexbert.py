"""CheXbert labels and embeddings of reports: our own inference of the published checkpoint.

The model is BERT with 14 linear heads on the last hidden state of [CLS]: 13 of 4 classes, "No Finding" of 2. The
checkpoint holds `model_state_dict` with `module.bert.*` and `module.linear_heads.{0..13}.*`; configuration and
tokenizer are those of bert-base-uncased. Source: Smit et al. 2020 (arXiv 2004.09167); f1chexbert 0.0.2 gives the
same labels (tests/golden/metrics/chexbert.json), but does not run with current dependencies.
"""

from __future__ import annotations

import functools
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import platformdirs

from benchmarks.errors import MetricUnavailableError
from benchmarks.hub import cached_file, fetch_file
from libra_bench.metrics.extractors.batches import Batch, read_in_batches
from libra_bench.metrics.extractors.cache import ExtractionCache, extract
from libra_bench.metrics.extractors.first_states import first_states
from libra_bench.metrics.extractors.pretrained import Precision, in_identity, placed
from libra_bench.metrics.extractors.weights import (
    HINT,
    digest,
    encoder_missing,
    fetch_encoder,
    hub_missing,
    is_path,
    tokenizer_digest,
)
from libra_bench.metrics.metric import Missing
from libra_bench.metrics.observation_f1 import OBSERVATIONS

REPOSITORY = "StanfordAIMI/RRG_scorers"
FILENAME = "chexbert.pth"
PUBLISHED = "chexbert"
"""The name of the published checkpoint."""

BLANK, POSITIVE, NEGATIVE, UNCERTAIN = range(4)
MAX_TOKENS = 512
VERSION = 1
"""Part of what identifies a cached label: raise it when inference changes."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What CheXbert makes of a report."""

    labels: tuple[int, ...]
    """BLANK, POSITIVE, NEGATIVE or UNCERTAIN for each of OBSERVATIONS; the last is BLANK or POSITIVE."""
    embedding: npt.NDArray[np.float32]
    """The last hidden state of [CLS]."""


def chexbert_missing(model: str, backbone: str) -> Missing | None:
    """Why CheXbert cannot run here with this checkpoint, or None; loads nothing."""
    if _checkpoint(model) is None:
        if is_path(model):
            return Missing(f"{model} is not a file", "pass model=FILE.pth", "model=FILE.pth")
        absent = hub_missing(_repository(model), FILENAME, "model=FILE.pth", f"the published {FILENAME}")
        if absent:
            return absent
    return encoder_missing(backbone, parameter="backbone", weights=False)


def chexbert_digest(model: str) -> str:
    """The hash of the checkpoint, for the signature; "unknown" where it is not on this machine."""
    return digest(_checkpoint(model))


@dataclass(frozen=True, slots=True)
class CheXbertExtractor:
    """The CheXbert of a given checkpoint. Create it with `of`."""

    checkpoint: Path
    backbone: Path
    """The folder of BERT's configuration and tokenizer."""
    precision: Precision = "float32"

    @classmethod
    def of(cls, model: str, backbone: str, precision: Precision = "float32") -> CheXbertExtractor:
        """Find (or fetch) a checkpoint.

        Args:
            model: a .pth file, "chexbert" (the published one), or a hub id.
            backbone: a folder or hub id; no weights are needed there.
            precision: of the model's numbers.

        Raises:
            MetricUnavailableError: it is not here and cannot be fetched.
        """
        if is_path(model) and not _checkpoint(model):
            raise MetricUnavailableError(f"{model} is not a file", hint="see docs/weights.md")
        checkpoint = _checkpoint(model) or fetch_file(_repository(model), FILENAME, hint=HINT)
        return cls(checkpoint, fetch_encoder(backbone, weights=False), precision)

    def read(self, texts: Sequence[str]) -> dict[str, Reading]:
        """Labels and embedding of each distinct text, as it is; an empty one is read, too (as [CLS] [SEP])."""
        weights, tokenizer = digest(self.checkpoint), tokenizer_digest(self.backbone)
        cache = ExtractionCache("chexbert", f"{weights}|{tokenizer}|v{VERSION}{in_identity(self.precision)}")
        found = extract(texts, self._compute, cache=cache, title="CheXbert")
        return {
            text: Reading(
                tuple(value[: len(OBSERVATIONS)]), np.frombuffer(value[len(OBSERVATIONS) :], dtype=np.float32)
            )
            for text, value in found.items()
        }

    def _compute(self, texts: Sequence[str]) -> list[bytes]:
        import torch

        tokenizer, bert, heads = _load(self.checkpoint, self.backbone, self.precision)
        ids = tokenizer(list(texts), truncation=True, max_length=MAX_TOKENS)["input_ids"]

        def read(batch: Batch) -> list[bytes]:
            cls_BC = first_states(bert, *batch)
            labels_BK = torch.stack([head(cls_BC).argmax(dim=1) for head in heads], dim=1).tolist()
            embeddings_BC = cls_BC.float().cpu().numpy()
            return [bytes(labels) + row.tobytes() for labels, row in zip(labels_BK, embeddings_BC, strict=True)]

        return read_in_batches(ids, tokenizer.pad_token_id, bert.device, read, packed=True)


@functools.lru_cache(maxsize=1)
def _load(checkpoint: Path, backbone: Path, precision: Precision) -> tuple[Any, Any, Any]:
    """(tokenizer, BERT, heads) in evaluation mode; on the first GPU if there is one.

    Raises:
        MetricUnavailableError: the file is not a CheXbert checkpoint, or does not fit the backbone.
    """
    import torch
    from transformers import AutoConfig, AutoTokenizer, BertModel

    try:
        content = torch.load(checkpoint, map_location="cpu", weights_only=True)
        state = {name.removeprefix("module."): value for name, value in content["model_state_dict"].items()}
    except (RuntimeError, pickle.UnpicklingError, EOFError, KeyError, TypeError, AttributeError) as error:
        raise MetricUnavailableError(
            f"{checkpoint} is not a CheXbert checkpoint ({type(error).__name__})", hint="see docs/weights.md"
        ) from error
    bert = BertModel(AutoConfig.from_pretrained(backbone))
    heads = torch.nn.ModuleList(
        torch.nn.Linear(bert.config.hidden_size, 2 if name == "No Finding" else 4) for name in OBSERVATIONS
    )
    try:
        for module, prefix in ((bert, "bert."), (heads, "linear_heads.")):
            part = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
            part.pop("embeddings.position_ids", None)  # a constant that old checkpoints hold
            module.load_state_dict(part)
    except RuntimeError as error:
        raise MetricUnavailableError(
            f"{checkpoint} does not fit the configuration in {backbone}", hint="pass the backbone it was trained from"
        ) from error
    return AutoTokenizer.from_pretrained(backbone), placed(bert, precision), placed(heads, precision)


def _checkpoint(model: str) -> Path | None:
    """The checkpoint's file on this machine."""
    if is_path(model):
        file = Path(model).expanduser()
        return file.absolute() if file.is_file() else None
    own = platformdirs.user_cache_path("chexbert") / FILENAME  # where f1chexbert puts it
    if model == PUBLISHED and own.is_file():
        return own
    return cached_file(_repository(model), FILENAME)


def _repository(model: str) -> str:
    return REPOSITORY if model == PUBLISHED else model
