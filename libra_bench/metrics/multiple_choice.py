"""Accuracy on multiple-choice questions: the letter or the text of an option, read from the answer.

A multiple-choice question has a sample with `options` (a list of texts, A first). An answer is read as a letter at
its beginning ("B", "(b)", "B. Edema", "The answer is: B"), else as the text of an option, else as the only option that
it contains, else as a capital letter at its end ("It is B."). What is none of these is wrong, and counted.
`exact_match` is stricter: it takes nothing but the letter, the option, or both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from libra_bench.metrics.metric import (
    Floats,
    Key,
    MetricResult,
    Missing,
    References,
    Sees,
    Statistics,
    corpus_values,
    ratio,
    signature_of,
)
from libra_bench.metrics.vqa_answers import (
    constant_answer_scores,
    mean_by_type,
    normalize_answer,
    not_applicable,
    question_types,
    without_preamble,
)

_LETTER = re.compile(r"\W*(?:(?:option|choice)\s+)?\(?([A-Za-z])\)?(?:[.):,;]|\s*$|\s*\n)", re.IGNORECASE)

_LAST = re.compile(r"\b([A-Z])\b\W*$")


@dataclass(frozen=True, slots=True)
class MultipleChoice:
    """Accuracy, and the share of answers that name no option."""

    id: ClassVar[str] = "multiple_choice"
    summary: ClassVar[str] = "VQA: accuracy on multiple-choice questions, by letter or text of the option"
    sees: ClassVar[Sees] = "words"
    needs: ClassVar[str] = "options"

    @property
    def keys(self) -> Sequence[Key]:
        """Accuracy, share of answers that cannot be read."""
        return (Key("Multiple-choice-accuracy"), Key("Multiple-choice-unparsable", higher_is_better=False))

    @property
    def signature(self) -> str:
        """How unparsable answers count."""
        return signature_of(self, impl="libra-bench", unparsable="wrong")

    def missing(self) -> Missing | None:
        """Runs everywhere."""
        return None

    def reduce(self, sums_R3: Floats, n_R: Floats) -> Floats:
        """(questions, right, unparsable) -> shares."""
        return 100.0 * ratio(sums_R3[:, 1:], sums_R3[:, :1])

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """Score N predictions; only those of samples with `options` count."""
        options = [item.get("options") or [] for item in fields or []]
        true = {i: read_choice(references[i][0], listed) for i, listed in enumerate(options) if listed}
        asked = [i for i, answer in true.items() if answer is not None]
        if not asked:
            return MetricResult({}, details=not_applicable("no sample has options, one of which is the reference"))
        said = {i: read_choice(predictions[i], options[i]) for i in asked}
        rows_N3 = np.zeros((len(predictions), 3))
        for i in asked:
            rows_N3[i] = 1.0, said[i] == true[i], said[i] is None
        statistics = Statistics(rows_N3, self.reduce)
        kinds = question_types(fields, len(predictions))
        types = [kinds[i] for i in asked]
        return MetricResult(
            values=corpus_values(self.keys, statistics),
            statistics=statistics,
            details={
                "n": len(asked),
                "chance": 100.0 * sum(1 / len(options[i]) for i in asked) / len(asked),
                "by_question_type": mean_by_type([float(said[i] == true[i]) for i in asked], types),
                "constant_answer": constant_answer_scores(
                    [[str(true[i])] for i in asked], types, lambda answer, texts: float(answer in texts)
                ),
            },
        )


def read_choice(text: str, options: Sequence[str]) -> str | None:
    """The letter of the option that an answer names, or None where it names none or several."""
    letters = [chr(ord("A") + number) for number in range(len(options))]
    answer = without_preamble(text)
    match = _LETTER.match(answer)
    if match and match[1].upper() in letters:
        return match[1].upper()
    named = {letter: normalize_answer(str(option)) for letter, option in zip(letters, options, strict=True)}
    words = normalize_answer(answer)
    for letter, option in named.items():
        if words == option:
            return letter
    contained = {letter: option for letter, option in named.items() if option and f" {option} " in f" {words} "}
    longest = [
        letter
        for letter, option in contained.items()
        if not any(option in other and option != other for other in contained.values())
    ]
    last = _LAST.search(answer)
    if not longest and last and last[1] in letters:
        return last[1]
    return longest[0] if len(longest) == 1 else None
