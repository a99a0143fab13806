"""From the text of a report to its statements."""

from __future__ import annotations

from functools import lru_cache

from libra_bench.metrics.statements.statement import Category, Change, Presence, Severity, Side, Statement
from libra_bench.metrics.statements.v1.lexicon import SEVERITY
from libra_bench.metrics.statements.v1.phrases import Phrases
from libra_bench.metrics.statements.v1.sentence import Antecedent, Sentence
from libra_bench.metrics.statements.v1.tokens import sentences

_CATEGORY: dict[str, Category] = {
    "pleural effusion": "Pleural Effusion",
    "pneumothorax": "Pneumothorax",
    "atelectasis": "Atelectasis",
    "consolidation": "Consolidation",
    "opacity": "Lung Opacity",
    "edema": "Edema",
    "congestion": "Edema",
    "pneumonia": "Pneumonia",
    "nodule": "Lung Lesion",
    "mass": "Lung Lesion",
    "heart": "Cardiomegaly",
    "mediastinum": "Enlarged Cardiomediastinum",
    "fracture": "Fracture",
    "pleural thickening": "Pleural Other",
    "endotracheal tube": "Support Devices",
    "tracheostomy": "Support Devices",
    "enteric tube": "Support Devices",
    "picc": "Support Devices",
    "central line": "Support Devices",
    "chest tube": "Support Devices",
    "pacemaker": "Support Devices",
    "pulmonary artery catheter": "Support Devices",
    "balloon pump": "Support Devices",
    "sternotomy wires": "Support Devices",
    "drain": "Support Devices",
    "support devices": "Support Devices",
}
_NORMAL = frozenset({"normal", "unremarkable", "clear", "intact", "limits"})
_DEGREES: dict[int, Severity] = {3: "moderate", 4: "severe", 5: "severe"}


@lru_cache(maxsize=4096)
def report_statements(text: str) -> tuple[Statement, ...]:
    """What a report says, in the order of its words: one Statement per finding and side."""
    found = []
    antecedent = Antecedent([])
    for start, words in sentences(text):
        sentence = Sentence(words, start, antecedent)
        changes: dict[tuple[int, Side | None], Change] = {}
        for said in sentence.statements():
            changes.setdefault((said.spans[0][0], said.side), said.direction)  # type: ignore[arg-type]
        found.extend(_read(sentence, changes))
    return tuple(found)


def _read(sentence: Sentence, changes: dict[tuple[int, Side | None], Change]) -> list[Statement]:
    words = {token.value for token in sentence.tokens if token.kind in {"word", "adverb"}}
    found = []
    phrases = Phrases(sentence.tokens)
    for index in sorted(phrases.findings):
        token = sentence.tokens[index]
        start, end = sentence.start + token.start, sentence.start + token.end
        presence: Presence = "absent" if words & _NORMAL or phrases.negated(index) else "present"
        degree = SEVERITY.get(sentence.tokens[index - 1].value) if index else None
        severity = None if degree is None else _DEGREES.get(degree, "mild")
        for side in phrases.sides(index) or (None,):
            change = changes.get((start, side))  # type: ignore[arg-type]
            found.append(
                Statement(token.value, _CATEGORY.get(token.value), presence, side, severity, change, start, end)  # type: ignore[arg-type]
            )
    return found
