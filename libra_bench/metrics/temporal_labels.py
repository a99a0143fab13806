"""Does the text tell how each labelled finding progressed? Generated reports against labels of pairs of images.

A suite's `labels` are texts `finding: progression` (MS-CXR-T: improving, stable, worsening; CheXTemporal: new, worse,
stable, improved, resolved; `progression.py` reads them). What a report says of each labelled finding is read by rules
from its statements. References in words are not looked at.

Silence is counted apart: coverage is the share of labels of whose finding the text states a progression, and accuracy
and F1 are over those alone; `silence=wrong` counts a silent text as a wrong answer instead. Per finding, accuracy is
the mean over classes of the share that is right (macro accuracy, as MS-CXR-T reports it) and F1 the mean over classes
of F1 (scikit-learn's, over the classes that occur in the labels); the columns are the means over findings. A class or
a finding of which no text speaks is left out of these means; where no text speaks of anything, accuracy and F1 are 0.

Where no label of the suite is new or resolved (MS-CXR-T), "new" counts as worse and "resolved" as improved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from libra_bench.metrics.metric import (
    Floats,
    Key,
    MetricResult,
    Missing,
    References,
    Sees,
    Span,
    Statistics,
    corpus_values,
    ratio,
    signature_of,
)
from libra_bench.metrics.progression import (
    COARSE,
    PROGRESSIONS,
    Reading,
    TemporalLabel,
    stated_progression,
    temporal_label,
)
from libra_bench.metrics.statements.lexicon import LEXICON_VERSION
from libra_bench.metrics.statements.reader import report_statements
from libra_bench.metrics.vqa_answers import not_applicable

SAID = (*PROGRESSIONS, "mixed", "silent")
"""Columns of the confusion table; its rows are PROGRESSIONS."""
CELLS = len(PROGRESSIONS) * len(SAID)


@dataclass(frozen=True, slots=True)
class TemporalLabels:
    """Macro accuracy, macro F1 and coverage of the progression of labelled findings."""

    silence: Literal["apart", "wrong"] = "apart"
    """apart: accuracy and F1 are over the labels of which the text speaks; wrong: over all."""

    id: ClassVar[str] = "temporal_labels"
    summary: ClassVar[str] = "progression of each labelled finding (new, worse, stable, improved, resolved)"
    sees: ClassVar[Sees] = "change"
    needs: ClassVar[str] = "labels of progression"

    @property
    def keys(self) -> Sequence[Key]:
        """Macro accuracy, macro F1, coverage."""
        return (Key("Temporal-labels-accuracy"), Key("Temporal-labels-macro-f1"), Key("Temporal-labels-coverage"))

    @property
    def signature(self) -> str:
        """Reader and aggregation."""
        return signature_of(self, impl="libra-bench", agg="macro-classes-findings", lexicon=LEXICON_VERSION)

    def missing(self) -> Missing | None:
        """Runs everywhere."""
        return None

    def reduce(self, sums_RS: Floats, n_R: Floats) -> Floats:
        """Confusion tables of each finding, one after the other -> the three keys."""
        tables_RFTS = sums_RS.reshape(len(sums_RS), -1, len(PROGRESSIONS), len(SAID))
        accuracy_RF, f1_RF, counted_RF = _per_finding(tables_RFTS, self.silence == "apart")
        speaks_RF = counted_RF > 0
        findings_R = speaks_RF.sum(axis=1).astype(float)
        means = [
            np.nan_to_num(ratio(np.where(speaks_RF, values_RF, 0.0).sum(axis=1), findings_R))
            for values_RF in (accuracy_RF, f1_RF)
        ]
        labelled_R = tables_RFTS.sum(axis=(1, 2, 3))
        coverage_R = ratio(labelled_R - tables_RFTS[..., -1].sum(axis=(1, 2)), labelled_R)
        return 100.0 * np.stack([*means, coverage_R], axis=1)

    def score(
        self, predictions: Sequence[str], references: References, fields: Sequence[Mapping[str, Any]] | None = None
    ) -> MetricResult:
        """Score the N predictions of samples whose `labels` tell progressions; the others are left out, and counted."""
        labels, unread = _labels(fields or [])
        if not any(labels):
            return MetricResult({}, details=not_applicable("no sample has labels of progression (finding: worse)"))
        coarse = not any(label.progression in COARSE for of_sample in labels for label in of_sample)
        findings = sorted({label.finding for of_sample in labels for label in of_sample})
        rows_NS = np.zeros((len(predictions), len(findings) * CELLS))
        silences = {finding: Counter[str]() for finding in findings}
        for row_S, text, of_sample in zip(rows_NS, predictions, labels, strict=True):
            for label in of_sample:
                said = _read(text, label, coarse)
                if said not in SAID:
                    silences[label.finding][said] += 1
                row_S[_cell(findings.index(label.finding), label, said)] += 1
        statistics = Statistics(rows_NS, self.reduce)
        tables_FTS = rows_NS.sum(axis=0).reshape(len(findings), len(PROGRESSIONS), len(SAID))
        return MetricResult(
            values=corpus_values(self.keys, statistics),
            statistics=statistics,
            details={
                "n": sum(map(bool, labels)),
                "labels": int(tables_FTS.sum()),
                "without_labels": len(predictions) - sum(map(bool, labels)),
                "unread_labels": dict(unread.most_common()),
                "classes": [name for name in PROGRESSIONS if not (coarse and name in COARSE)],
                "findings": {
                    finding: self._details(table_TS) | {"silence": dict(silences[finding])}
                    for finding, table_TS in zip(findings, tables_FTS, strict=True)
                },
                "all_findings": self._details(tables_FTS.sum(axis=0)),
                "with_silence_wrong": _with_silence_wrong(rows_NS),
            },
            spans=list(_spans(predictions, labels, coarse)),
        )

    def _details(self, table_TS: Floats) -> dict[str, Any]:
        """The scores of one confusion table, expected progression -> stated progression -> how often."""
        accuracy, f1, counted = (
            float(values[0, 0]) for values in _per_finding(table_TS[None, None], self.silence == "apart")
        )
        total = table_TS.sum()
        return {
            "accuracy": 100.0 * accuracy if counted else None,
            "macro_f1": 100.0 * f1 if counted else None,
            "coverage": float(100.0 * (total - table_TS[:, -1].sum()) / total),
            "support": {name: int(row_S.sum()) for name, row_S in zip(PROGRESSIONS, table_TS, strict=True)},
            "confusion": {
                true: {said: int(cell) for said, cell in zip(SAID, row_S, strict=True)}
                for true, row_S in zip(PROGRESSIONS, table_TS, strict=True)
                if row_S.any()
            },
        }


def _labels(fields: Sequence[Mapping[str, Any]]) -> tuple[list[list[TemporalLabel]], Counter[str]]:
    """The labels of each sample, each finding and side once, and how often each text could not be read."""
    unread: Counter[str] = Counter()
    labels = []
    for item in fields:
        found = {}
        for text in item.get("labels") or ():
            label = temporal_label(text)
            if label is None:
                unread[text] += 1
            else:
                found[label.finding, label.side] = label
        labels.append(list(found.values()))
    return labels, unread


def _read(text: str, label: TemporalLabel, coarse: bool) -> Reading:
    said = stated_progression(text, label)
    return COARSE.get(said, said) if coarse else said


def _cell(finding: int, label: TemporalLabel, said: Reading) -> int:
    column = SAID.index(said) if said in SAID else len(SAID) - 1
    return finding * CELLS + PROGRESSIONS.index(label.progression) * len(SAID) + column


def _per_finding(tables_RFTS: Floats, silence_apart: bool) -> tuple[Floats, Floats, Floats]:
    """(macro accuracy, macro F1, labels counted) of each confusion table, [R, F] each."""
    counted_RFTS = tables_RFTS[..., :-1] if silence_apart else tables_RFTS
    true_RFT = counted_RFTS.sum(axis=-1)
    said_RFT = counted_RFTS[..., : len(PROGRESSIONS)].sum(axis=-2)
    right_RFT = np.diagonal(counted_RFTS, axis1=-2, axis2=-1)
    occurs_RFT = true_RFT > 0
    classes_RF = occurs_RFT.sum(axis=-1).astype(float)
    recall_RFT = np.where(occurs_RFT, ratio(right_RFT, true_RFT), 0.0)
    f1_RFT = np.where(occurs_RFT, ratio(2 * right_RFT, said_RFT + true_RFT), 0.0)
    accuracy_RF, f1_RF = (ratio(values.sum(axis=-1), classes_RF) for values in (recall_RFT, f1_RFT))
    return accuracy_RF, f1_RF, true_RFT.sum(axis=-1)


def _with_silence_wrong(rows_NS: Floats) -> dict[str, float]:
    metric = TemporalLabels(silence="wrong")
    accuracy, f1, _ = corpus_values(metric.keys, Statistics(rows_NS, metric.reduce)).values()
    return {"accuracy": accuracy, "macro_f1": f1}


def _spans(predictions: Sequence[str], labels: Sequence[Sequence[TemporalLabel]], coarse: bool) -> Iterable[Span]:
    """Where a labelled finding's progression is stated, and whether it is the true one."""
    for sample, (text, of_sample) in enumerate(zip(predictions, labels, strict=True)):
        for label in of_sample:
            said = _read(text, label, coarse)
            if said not in SAID:
                continue
            verdict = "right" if said == label.progression else f"label: {label.progression}"
            name = f"{label.side} {label.finding}" if label.side else label.finding
            for one in report_statements(text):
                if one.change and label.concerns(one):
                    yield Span(sample, "prediction", one.start, one.end, f"{name}: {said} ({verdict})")
