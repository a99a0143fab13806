"""Runs in the side environment: loads an official package once, then times it on the texts it is sent.

One JSON request per line on stdin, one JSON reply per line on stdout. Imports nothing of libra-bench.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Pairs = tuple[Sequence[str], Sequence[str]]


def radgraph(request: dict[str, Any]) -> Callable[[Pairs], Any]:
    """Entities and relations of each text, as F1RadGraph asks for them."""
    from radgraph import RadGraph

    model = RadGraph(model_type=request["model_type"], model_cache_dir=request["cache"], cuda=-1)

    def annotate(pairs: Pairs) -> list[Any]:
        texts = [*pairs[0], *pairs[1]]
        found = model(texts)
        return [
            [[e["start_ix"], e["end_ix"], e["label"], e["relations"]] for e in found[str(i)]["entities"].values()]
            for i in range(len(texts))
        ]

    return annotate


def chexbert(request: dict[str, Any]) -> Callable[[Pairs], Any]:
    """The 14 labels of each text, as F1CheXbert asks for them."""
    os.chdir(request["folder"])
    os.environ["XDG_CACHE_HOME"] = request["folder"]
    from f1chexbert import F1CheXbert

    scorer = F1CheXbert(device="cpu")
    return lambda pairs: [scorer.get_label(text, mode="classification") for text in (*pairs[0], *pairs[1])]


def bertscore(request: dict[str, Any]) -> Callable[[Pairs], Any]:
    """F1 of each pair."""
    from bert_score import BERTScorer

    scorer = BERTScorer(model_type=request["model"], num_layers=request["num_layers"], device="cpu")
    return lambda pairs: scorer.score(list(pairs[0]), list(pairs[1]))[2].tolist()


def ratescore(request: dict[str, Any]) -> Callable[[Pairs], Any]:
    """RaTEScore of each pair."""
    from loguru import logger

    logger.remove()
    from RaTEScore import RaTEScore

    scorer = RaTEScore(bert_model=request["ner"], eval_model=request["embedding"], use_gpu=False)
    return lambda pairs: [float(score) for score in scorer.compute_score(list(pairs[0]), list(pairs[1]))]


def srr_bert(request: dict[str, Any]) -> Callable[[Pairs], Any]:
    """RadEval's value of each pair; its class alone, since the package's own __init__ imports what is not needed."""
    package = Path(importlib.util.find_spec("radeval").origin).parent  # type: ignore[union-attr,arg-type]
    sys.modules["radeval"] = types.ModuleType("radeval")
    sys.modules["radeval"].__path__ = [str(package)]
    from radeval.metrics.SRRBert.srr_bert import SRRBert
    from transformers import BertTokenizer

    original, folder = BertTokenizer.from_pretrained, request["model"]
    BertTokenizer.from_pretrained = lambda _name: original(folder)  # type: ignore[method-assign]
    SRRBert.MODEL_CONFIGS["random"] = {"model_path": folder, "mapping_file": "leaves_with_statuses_mapping.json"}
    scorer = SRRBert("random")
    return lambda pairs: [float(value) for value in scorer.evaluate(list(pairs[1]), list(pairs[0]))[3]]


PACKAGES = {load.__name__: load for load in (radgraph, chexbert, bertscore, ratescore, srr_bert)}


def main() -> None:
    """The first request says which package to load, with what; each further one holds pairs of texts."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a package prints must not mix with the replies
    request = json.loads(sys.stdin.readline())
    import torch

    torch.set_num_threads(request["threads"])
    run = PACKAGES[request["package"]](request)
    print(json.dumps({}), file=replies, flush=True)
    for line in sys.stdin:
        pairs = json.loads(line)["pairs"]
        start = time.perf_counter()
        result = run(pairs)
        print(json.dumps({"seconds": time.perf_counter() - start, "result": result}), file=replies, flush=True)


if __name__ == "__main__":
    main()
