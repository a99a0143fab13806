"""From the tokens that were generated for a study to its answer."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any

from benchmarks.schema import Answer, Question
from model_adapters.adapter import Decoding, failed_answer
from model_adapters.generation.generated import Generated


def answers_of(
    questions: Sequence[Question],
    texts: Iterable[Generated],
    failures: deque[Answer],
    decoding: Decoding,
    text: Callable[[Sequence[int]], str],
) -> Iterator[Answer]:
    """The answers as their texts come, and between them those of questions that could not be asked.

    Args:
        questions: what was asked.
        texts: what became of it, in any order.
        failures: grows while `texts` is read.
        decoding: says how many beams are kept.
        text: token ids -> words.
    """
    by_id: dict[Hashable, Question] = {question.question_id: question for question in questions}
    for generated in texts:
        while failures:
            yield failures.popleft()
        yield answer_of(by_id[generated.key], generated, decoding, text)
    yield from failures


def answer_of(
    asked: Question, generated: Generated, decoding: Decoding, text: Callable[[Sequence[int]], str]
) -> Answer:
    """The answer, with how it ended, its score and the other beams that were asked for.

    Args:
        asked: the question.
        generated: what became of it.
        decoding: says how many beams are kept.
        text: token ids -> words.
    """
    if generated.error is not None:
        return failed_answer(asked, generated.error)
    texts = [text(hypothesis.token_ids) for hypothesis in generated.hypotheses]
    metadata: dict[str, Any] = {
        "finish": generated.finish,
        "new_tokens": len(generated.token_ids),
        "seconds": round(generated.seconds, 4),
        "score": _finite(generated.score),
    }
    if decoding.num_return_sequences > 1:
        metadata["alternatives"] = [
            {"text": words, "score": _finite(hypothesis.score)}
            for words, hypothesis in zip(texts, generated.hypotheses, strict=True)
        ]
    return Answer(asked.question_id, asked.prompt, texts[0], metadata=metadata)


def _finite(score: float) -> float | None:
    """A score as JSON can hold it: None where the n-gram filter left no token that could come next."""
    return score if math.isfinite(score) else None
