"""Runs inside the side environment "ratescore": one JSON request with texts per line in, their sentences out.

Imports nothing of libra-bench (it isn't installed there). Splits as the package RaTEScore does: medspacy's PyRuSH on
a blank English pipeline.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def pipeline() -> Any:
    """medspacy with its sentence splitter alone."""
    from loguru import logger

    logger.remove()  # PyRuSH logs every decision
    import medspacy

    return medspacy.load(medspacy_enable=["medspacy_pyrush"])


def main() -> None:
    """Answer until there are no more requests."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what packages print is no reply
    nlp: Any = None
    for line in sys.stdin:
        try:
            nlp = nlp or pipeline()
            texts = json.loads(line)["texts"]
            spans = [[[sentence.start_char, sentence.end_char] for sentence in nlp(text).sents] for text in texts]
            reply: dict[str, Any] = {"sentences": spans}
        except Exception as error:  # noqa: BLE001  # whatever it is, the asking side tells it
            reply = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
