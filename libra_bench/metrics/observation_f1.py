"""F1 over CheXpert's 14 observations, from decisions per report: how the field averages it.

`micro14` pools the decisions of all observations, `macro14` is the mean of the F1 of each (0 for one that neither side
has, as in scikit-learn), `weighted14` that mean weighted by the number of references that have it (RadEval prints it);
`micro5`, `macro5` and `weighted5` are over `FIVE` alone.

Legend: N samples, R resamples, C observations.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from libra_bench.metrics.metric import Floats
from libra_bench.metrics.statements.statement import CATEGORIES

Decisions = npt.NDArray[np.bool_]

OBSERVATIONS = (*CATEGORIES, "No Finding")
FIVE = ("Cardiomegaly", "Edema", "Consolidation", "Atelectasis", "Pleural Effusion")
FIVE_INDEX = [OBSERVATIONS.index(name) for name in FIVE]
AVERAGES = ("micro14", "macro14", "micro5", "macro5")
WEIGHTED_AVERAGES = ("weighted14", "weighted5")


def outcomes(said_NC: Decisions, true_NC: Decisions) -> Floats:
    """True positives, false positives and false negatives of each observation: [N, 3C]."""
    return np.concatenate([said_NC & true_NC, said_NC & ~true_NC, ~said_NC & true_NC], axis=1).astype(float)


def averages(outcomes_R3C: Floats) -> Floats:
    """Summed `outcomes` -> F1 of each of `AVERAGES`, 0 to 1: [R, 4]."""
    tp_RC, fp_RC, fn_RC = np.split(outcomes_R3C, 3, axis=1)
    columns = []
    for index in (range(len(OBSERVATIONS)), FIVE_INDEX):
        tp, fp, fn = tp_RC[:, index], fp_RC[:, index], fn_RC[:, index]
        columns += [f1(tp.sum(1), fp.sum(1), fn.sum(1)), f1(tp, fp, fn).mean(axis=1)]
    return np.column_stack(columns)


def weighted_averages(outcomes_R3C: Floats) -> Floats:
    """Summed `outcomes` -> F1 of each of `WEIGHTED_AVERAGES`, 0 to 1; 0 where no reference has any: [R, 2]."""
    tp_RC, fp_RC, fn_RC = np.split(outcomes_R3C, 3, axis=1)
    f1_RC, support_RC = f1(tp_RC, fp_RC, fn_RC), tp_RC + fn_RC
    columns = [
        (f1_RC * support_RC)[:, index].sum(axis=1) / np.maximum(support_RC[:, index].sum(axis=1), 1.0)
        for index in (range(len(OBSERVATIONS)), FIVE_INDEX)
    ]
    return np.column_stack(columns)


def f1(tp: Floats, fp: Floats, fn: Floats) -> Floats:
    """F1 from counts, elementwise; 0 where there is nothing to find and nothing was said."""
    denominator = 2 * tp + fp + fn
    scores: Floats = np.divide(2 * tp, denominator, out=np.zeros_like(denominator, dtype=float), where=denominator > 0)
    return scores


def by_observation(
    said_NC: Decisions, true_NC: Decisions, names: Sequence[str] = OBSERVATIONS
) -> dict[str, dict[str, float]]:
    """`classes_of` of decisions per report."""
    return classes_of(outcomes(said_NC, true_NC).sum(axis=0), names)


def classes_of(outcomes_3C: Floats, names: Sequence[str] = OBSERVATIONS) -> dict[str, dict[str, float]]:
    """Per observation: F1 (x100), support (references that have it), predicted (predictions that have it)."""
    tp_C, fp_C, fn_C = np.split(outcomes_3C, 3)
    f1_C = 100 * f1(tp_C, fp_C, fn_C)
    return {
        name: {"f1": float(f1_C[c]), "support": int(tp_C[c] + fn_C[c]), "predicted": int(tp_C[c] + fp_C[c])}
        for c, name in enumerate(names)
    }
