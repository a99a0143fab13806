"""A Libra checkpoint's language model as a folder of its own, for engines that read plain language models.

Tower, connector and word embeddings stay with us; the engine gets finished prompt embeddings.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from benchmarks.errors import StorageError
from benchmarks.files import sha256_json, user_cache

logger = logging.getLogger(__name__)


class WordEmbeddings(nn.Module):
    """What is left of a language model that runs elsewhere: its embedding table."""

    def __init__(self, embeddings: nn.Module) -> None:
        super().__init__()
        self.embeddings = embeddings

    def get_input_embeddings(self) -> nn.Module:
        """The table, by transformers' name for it."""
        return self.embeddings


def language_model_folder(language_model: Any, identity: Mapping[str, Any]) -> Path:
    """The folder of a language model; written the first time, as large as the model.

    Args:
        language_model: of transformers, LoRA merged.
        identity: what decides its weights, hashes and type.

    Raises:
        StorageError: it cannot be written.
    """
    folder = user_cache() / "language-models" / sha256_json(identity)[:16]
    if folder.is_dir():
        return folder
    size = sum(weight.nbytes for weight in language_model.state_dict().values())
    logger.warning("writing the language model for vLLM, once: %s (%.1f GB)", folder, size / 2**30)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
        try:
            language_model.save_pretrained(beside)
            os.rename(beside, folder)
        except OSError:
            shutil.rmtree(beside, ignore_errors=True)
            if not folder.is_dir():  # else another process was faster
                raise
    except OSError as error:
        raise StorageError(
            f"the language model for vLLM cannot be written ({error.strerror or error})",
            where=folder,
            hint="free some space, or name another cache folder: LIBRA_BENCH_CACHE",
        ) from error
    return folder
