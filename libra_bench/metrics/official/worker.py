"""Runs inside the side environment: reads one JSON request per line, writes one JSON reply per line.

Imports nothing of libra-bench (it isn't installed there), and uses the official packages as they are. What they print
goes to stderr.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any


def radgraph(request: dict[str, Any]) -> dict[str, Any]:
    """F1RadGraph, all three levels, one value per pair."""
    from radgraph import F1RadGraph

    scorer = F1RadGraph(reward_level="all", model_type=request["model_type"], model_cache_dir=request["cache"], cuda=-1)
    _, (simple, partial, complete), _, _ = scorer(hyps=request["predictions"], refs=request["references"])
    return {"simple": simple, "partial": partial, "complete": complete}


def chexbert(request: dict[str, Any]) -> dict[str, Any]:
    """F1CheXbert's two reports, its accuracies, and the labels it gave.

    The package looks for `bert-base-uncased` (a folder of that name in the working folder wins over the hub) and for
    `chexbert/chexbert.pth` in the platform's cache.
    """
    os.chdir(request["folder"])
    os.environ["XDG_CACHE_HOME"] = request["folder"]
    from f1chexbert import F1CheXbert

    scorer = F1CheXbert(device="cpu")
    accuracy, accuracy_per_pair, report, report_5 = scorer(hyps=request["predictions"], refs=request["references"])
    return {
        "accuracy": float(accuracy),
        "accuracy_per_pair": [float(value) for value in accuracy_per_pair],
        "f1": {name: row["f1-score"] for name, row in report.items()},
        "f1_5": {name: row["f1-score"] for name, row in report_5.items()},
        "support": {name: float(row["support"]) for name, row in report.items()},
        "labels": [scorer.get_label(text, mode="classification") for text in request["predictions"]],
    }


def bertscore(request: dict[str, Any]) -> dict[str, Any]:
    """bert_score.score, one F1 per pair."""
    from bert_score import score

    _, _, f1 = score(
        request["predictions"],
        request["references"],
        model_type=request["model"],
        num_layers=request["num_layers"],
        idf=request["idf"],
        rescale_with_baseline=request["rescale"],
        baseline_path=request["baseline_path"],
        lang=request["lang"],
        device="cpu",
        nthreads=0,
    )
    return {"f1": [float(value) for value in f1]}


TASKS = {task.__name__: task for task in (radgraph, chexbert, bertscore)}


def main() -> None:
    """Answer requests until stdin ends."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a package prints must not mix with the replies
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = TASKS[request["task"]](request)
        except Exception as error:  # noqa: BLE001  # whatever went wrong in a package is the reply
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
