"""Answers that are sets of labels (MIMIC-Ext-MIMIC-CXR-VQA): exact-set accuracy, micro F1, macro F1.

A prediction is split at commas, semicolons, slashes with spaces, line ends and "and", but not inside a label of the
suite ("cardiac pacer and wires"); list marks and quotes are dropped, and each part is normalised (lower case, white
space, outer punctuation). "none", "nothing" and an empty text
are the empty set: an empty answer is then right where the true set is empty; the details say how often that is
(`empty_truth`). A part that is no label of the suite is a false positive. The true labels come from the suite's
`labels`; "no" is a label like any other.

Micro F1 sums over labels and samples; 100 if no text names any label. Macro F1 is the mean over the labels that occur
in the references (scikit-learn's `f1_score(average="macro", labels=those)`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
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
from libra_bench.metrics.vqa_answers import mean_by_type, not_applicable, question_types

_PARTS = re.compile(r"[,;\n|]|\s/\s|\band\b", re.IGNORECASE)
_EDGES = " \t.:!?*-•\"'[](){}`"
_NOTHING = frozenset({"", "none", "nothing", "n/a", "no findings", "no finding", "none of them", "empty"})


@dataclass(frozen=True, slots=True)
class LabelSet:
    """Exact-set accuracy, micro and macro F1 over label sets."""

    id: ClassVar[str] = "label_set"
    summary: ClassVar[str] = "VQA: answers that are sets of labels: exact-set accuracy, micro and macro F1"
    sees: ClassVar[Sees] = "labels"
    needs: ClassVar[str] = "labels"

    @property
    def keys(self) -> Sequence[Key]:
        """Exact-set accuracy, micro F1, macro F1."""
        return (Key("Label-set-accuracy"), Key("Label-micro-F1"), Key("Label-macro-F1"))

    @property
    def signature(self) -> str:
        """Parsing and aggregation."""
        return signature_of(
            self, impl="libra-bench", split="separators-outside-labels", version=2, macro="labels-of-references"
        )

    def missing(self) -> Missing | None:
        """Runs everywhere."""
        return None

    def reduce(self, sums_RS: Floats, n_R: Floats) -> Floats:
        """(labelled, exact, matched, said, true; then said and true and matched of each label) -> the three keys."""
        labelled_R, exact_R, matched_R, said_R, true_R = sums_RS[:, :5].T
        accuracy_R = ratio(exact_R, labelled_R)
        micro_R = np.where(said_R + true_R > 0, ratio(2 * matched_R, said_R + true_R), 1.0)
        said_RL, true_RL, matched_RL = np.split(sums_RS[:, 5:], 3, axis=1)
        occurs_RL = true_RL > 0
        f1_RL = np.where(occurs_RL, ratio(2 * matched_RL, said_RL + true_RL), 0.0)
        macro_R = ratio(f1_RL.sum(axis=1), occurs_RL.sum(axis=1).astype(float))
        return 100.0 * np.stack([accuracy_R, micro_R, macro_R], axis=1)

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """Score the predictions of samples with `labels`; the others are left out, and counted in the details."""
        known = [i for i, item in enumerate(fields or []) if item.get("labels") is not None]
        if not known or fields is None:
            return MetricResult({}, details=not_applicable("no sample has labels"))
        true = {i: frozenset(_normalize(str(label)) for label in fields[i]["labels"]) for i in known}
        labels = sorted(frozenset().union(*true.values()))
        said = {i: parse_labels(predictions[i], labels) for i in known}
        column = {label: k for k, label in enumerate(labels)}
        rows_NS = np.zeros((len(predictions), 5 + 3 * len(labels)))
        for i in known:
            matched = said[i] & true[i]
            rows_NS[i, :5] = 1, said[i] == true[i], len(matched), len(said[i]), len(true[i])
            for part, names in enumerate((said[i], true[i], matched)):
                for label in names & column.keys():
                    rows_NS[i, 5 + part * len(labels) + column[label]] = 1.0
        statistics = Statistics(rows_NS, self.reduce)
        types = question_types([fields[i] for i in known], len(known))
        unreadable = [i for i in known if said[i] and not said[i] & column.keys()]
        return MetricResult(
            values=corpus_values(self.keys, statistics) if labels else _without_macro(self.keys, rows_NS),
            statistics=statistics if labels else None,
            details={
                "n": len(known),
                "without_labels": len(predictions) - len(known),
                "empty_truth": sum(not names for names in true.values()),
                "unparsable_rate": 100.0 * len(unreadable) / len(known),
                "by_question_type": mean_by_type([float(said[i] == true[i]) for i in known], types),
                "constant_answer": _constant(true, known, types),
                "labels": {label: _label_scores(rows_NS, column[label], len(labels)) for label in labels},
            },
        )


def parse_labels(text: str, labels: Collection[str] = ()) -> frozenset[str]:
    """The set of labels that an answer names.

    Args:
        text: the answer.
        labels: normalised labels that are known; the longest run of parts that is one of them is not split.
    """
    cuts = [(0, 0), *(match.span() for match in _PARTS.finditer(text)), (len(text), len(text))]
    most = 1 + max((len(_PARTS.findall(label)) for label in labels), default=0)
    known, found, part = frozenset(labels), set(), 0
    while part < len(cuts) - 1:
        for last in range(min(part + most, len(cuts) - 1), part, -1):
            name = _normalize(text[cuts[part][1] : cuts[last][0]])
            if name in known or last == part + 1:
                found.add(name)
                part = last
                break
    return frozenset(found - (_NOTHING - known))


def _normalize(label: str) -> str:
    label = re.sub(r"^\s*\d+[.)]\s*", "", label)
    return " ".join(label.lower().strip(_EDGES).split())


def _without_macro(keys: Sequence[Key], rows_NS: Floats) -> dict[str, float]:
    """Every true set is empty: there is no label to average over."""
    labelled, exact, _, said, _ = rows_NS[:, :5].sum(axis=0)
    return {keys[0].name: float(100.0 * exact / labelled), keys[1].name: 100.0 if not said else 0.0}


def _label_scores(rows_NS: Floats, k: int, labels: int) -> dict[str, float | int]:
    said, true, matched = (rows_NS[:, 5 + part * labels + k].sum() for part in range(3))
    return {"f1": float(200.0 * matched / (said + true)), "support": int(true), "predicted": int(said)}


def _constant(
    true: Mapping[int, frozenset[str]], known: Sequence[int], types: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """By question type: the most frequent true set, and the exact-set accuracy of always giving it."""
    scores: dict[str, dict[str, Any]] = {}
    for kind in dict.fromkeys(types):
        sets = [true[i] for i, its in zip(known, types, strict=True) if its == kind]
        most = max(set(sets), key=lambda names: (sets.count(names), sorted(names)))
        scores[kind] = {"answer": sorted(most), "value": 100.0 * sets.count(most) / len(sets), "n": len(sets)}
    return scores
