"""Runs in the side environment: loads an official package once, then times it on the texts it is sent.

One JSON request per line on stdin, one JSON reply per line on stdout. Imports nothing of libra-bench.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
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


def main() -> None:
    """The first request says which package to load, with what; each further one holds pairs of texts."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a package prints must not mix with the replies
    request = json.loads(sys.stdin.readline())
    import torch

    torch.set_num_threads(request["threads"])
    run = {"radgraph": radgraph, "chexbert": chexbert, "bertscore": bertscore}[request["package"]](request)
    print(json.dumps({}), file=replies, flush=True)
    for line in sys.stdin:
        pairs = json.loads(line)["pairs"]
        start = time.perf_counter()
        result = run(pairs)
        print(json.dumps({"seconds": time.perf_counter() - start, "result": result}), file=replies, flush=True)


if __name__ == "__main__":
    main()
