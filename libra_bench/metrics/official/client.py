"""Asks the official packages in the side environment."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.environments import Worker
from benchmarks.errors import LibraBenchError
from libra_bench.metrics.extractors.bert_encoder import path_without_t5
from libra_bench.metrics.extractors.radgraph import RadGraphExtractor, scratch_model

WORKER = Path(__file__).with_name("worker.py")


class OfficialPackages:
    """The official packages behind a pipe, one worker per question, so that their settings stay apart."""

    def __init__(self, python: Path) -> None:
        self.python = python

    def radgraph(
        self, extractor: RadGraphExtractor, *, predictions: Sequence[str], references: Sequence[str]
    ) -> dict[str, Any]:
        """F1RadGraph's `simple`, `partial`, `complete`: one value per pair, 0 to 1."""
        with scratch_model(extractor.folder, extractor.model_type, extractor.backbone) as cache:
            return self._ask(
                "radgraph",
                cache=str(cache),
                model_type=extractor.model_type,
                predictions=list(predictions),
                references=list(references),
            )

    def chexbert(
        self, checkpoint: Path, backbone: Path, *, predictions: Sequence[str], references: Sequence[str]
    ) -> dict[str, Any]:
        """F1CheXbert's `f1` and `f1_5` by class and average, `accuracy`, `labels` of the predictions."""
        with chexbert_folder(checkpoint, backbone) as folder:
            return self._ask("chexbert", folder=str(folder), predictions=list(predictions), references=list(references))

    def bertscore(
        self,
        model: Path,
        *,
        predictions: Sequence[str],
        references: Sequence[Sequence[str]],
        num_layers: int,
        idf: bool = False,
        rescale: bool = False,
        baseline_path: Path | None = None,
        lang: str = "en",
    ) -> list[float]:
        """bert_score's F1 of each pair, 0 to 1; the best of several references."""
        with path_without_t5(model) as place:
            reply = self._ask(
                "bertscore",
                model=str(place),
                predictions=list(predictions),
                references=[list(group) for group in references],
                num_layers=num_layers,
                idf=idf,
                rescale=rescale,
                baseline_path=str(baseline_path) if baseline_path else None,
                lang=lang,
            )
        f1: list[float] = reply["f1"]
        return f1

    def _ask(self, task: str, **request: Any) -> dict[str, Any]:
        """One request, one reply.

        Raises:
            LibraBenchError: the package failed; its last words are in the message.
        """
        with Worker(self.python, WORKER, HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false") as worker:
            try:
                return worker.ask(task=task, **request)
            except LibraBenchError as error:
                raise LibraBenchError(f"the official {task} failed: {error}") from error


@contextlib.contextmanager
def chexbert_folder(checkpoint: Path, backbone: Path) -> Iterator[Path]:
    """A folder as f1chexbert wants it: `bert-base-uncased` to work beside, and a cache with `chexbert/chexbert.pth`."""
    with tempfile.TemporaryDirectory(prefix="chexbert-") as scratch:
        folder = Path(scratch)
        (folder / "bert-base-uncased").symlink_to(backbone.resolve())
        (folder / "chexbert").mkdir()
        (folder / "chexbert" / "chexbert.pth").symlink_to(checkpoint.resolve())
        yield folder
