"""How much each finding weighs when a report gets it wrong: the table behind `report_errors`.

The classes and their weights are CRIMSON's (urgent 1, actionable but not urgent 0.5, not actionable 0.25); ReXVal and
GREEN draw the line between "clinically significant" and "insignificant" below the third. CRIMSON's fourth class,
benign and expected, weighs 0.05 here and not 0: a reference of benign findings alone must still be told from a
normal one. A severe finding weighs double, at most 1, and a mild one half: a class up or down, since a large effusion
is acted on today and a trace of it is followed. What the table doesn't name is not actionable, as in CRIMSON.

Why a finding is where it is: *urgent* if it can kill within hours and is treated on sight (air where none may be, a
tube in the wrong place); *actionable* if it changes treatment, or asks for another examination (fluid, infection,
what may be a tumour, a fracture); *not actionable* if it is followed or goes with another finding (atelectasis, an
enlarged heart, congestion, emphysema); *benign* if it is old, degenerative, the trace of an operation, or known at
the bedside (tubes, lines). No weight was fitted to judgements of radiologists.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import InputError
from benchmarks.files import sha256_json
from benchmarks.files.json_text import parse_json
from libra_bench.metrics.finding_relations import names
from libra_bench.metrics.statements.statement import Severity

WEIGHTS = {"urgent": 1.0, "actionable": 0.5, "not actionable": 0.25, "benign": 0.05}
"""Class -> weight of a finding that is missed, or wrongly reported."""
DEGREES = {"mild": 0.5, "moderate": 1.0, "severe": 2.0}
"""What a finding's weight is multiplied by: one class up or down."""
UNNAMED = WEIGHTS["not actionable"]

_CLASSES = {
    "urgent": """
        pneumothorax, deep sulcus sign, mediastinal shift, pneumomediastinum, pneumoperitoneum, pulmonary embolism
        tube malposition
    """,
    "actionable": """
        pleural effusion, opacity, consolidation, pneumonia, tuberculosis, edema, nodule, mass, cavity, hilar mass
        mediastinum, mediastinal mass, lymphadenopathy, pericardial effusion, subcutaneous emphysema
        fracture, vertebral compression, dislocation, bone lesion, air-fluid level, bowel dilatation, foreign body
    """,
    "not actionable": """
        atelectasis, volume loss, lungs, interstitial markings, bronchitis, bronchiectasis, fibrosis, lucency
        emphysema, cystic fibrosis, hyperinflation, diaphragm flattening, diaphragm, bronchovascular crowding
        heart, congestion, pulmonary vascularity, pulmonary hypertension, pulmonary arteries, hilum, aortic ectasia
        pleura, pleural thickening, costophrenic angle, trachea, goiter, vertebral deformity
    """,
    "benign": """
        scarring, granuloma, calcification, cardiac calcification, lymph node calcification, chronic changes
        aorta, aortic calcification, aortic tortuosity, atherosclerosis, hernia, diaphragm eventration
        bones, spine, degenerative changes, osteophytes, osteopenia, sclerosis, scoliosis, kyphosis
        rib deformity, rib irregularity, pectus deformity, joint effusion
        soft tissues, lymph nodes, upper abdomen, gallstones, postsurgical changes, sternotomy, sternotomy wires
        surgical clips, valve prosthesis, stent, orthopedic hardware, breast implant
        endotracheal tube, tracheostomy, enteric tube, picc, central line, chest tube, drain, pacemaker
        pulmonary artery catheter, balloon pump, support devices
    """,
}
SIGNIFICANCE = {name: kind for kind, text in _CLASSES.items() for name in names(text)}
"""Finding -> its class."""

NOT_COUNTED = frozenset({
    "lung volumes", "aeration", "contrast", "artifact", "nipple shadow", "obesity", "fat pad", "azygos fissure",
    "cervical rib",
})  # fmt: skip
"""How the picture was taken, and variants of normal: no finding, whether it is told or not (CRIMSON's weight 0)."""


@dataclass(frozen=True, slots=True)
class Significance:
    """The weight of a finding."""

    of_finding: Mapping[str, float]
    """Finding -> weight."""
    unnamed: float
    by_degree: bool = True
    serious: float = WEIGHTS["actionable"]
    """Errors of this weight double what errors cost: a report with several serious errors is no use to its reader,
    whatever else it gets right, and a long report has no more right to them than a short one."""

    def weight(self, finding: str, degree: Severity | None = None) -> float:
        """What missing, or wrongly reporting, this finding costs: 0.025 to 1."""
        weight = self.of_finding.get(finding, self.unnamed)
        return min(1.0, weight * DEGREES[degree]) if degree and self.by_degree else weight


CLINICAL = Significance({name: WEIGHTS[kind] for name, kind in SIGNIFICANCE.items()}, UNNAMED)
EQUAL = Significance({}, 1.0, by_degree=False, serious=math.inf)


def read_significance(weights: str) -> Significance:
    """The weights of this name: "clinical", "equal", or a JSON file {finding: class or number} that changes some.

    Raises:
        InputError: neither a name nor a file, or the file holds something else; names the finding.
    """
    if weights in {"clinical", "equal"}:
        return CLINICAL if weights == "clinical" else EQUAL
    where = f"report_errors[weights={weights}]"
    hint = 'use clinical, equal, or a JSON file such as {"hernia": "actionable", "granuloma": 0.1}'
    try:
        table = parse_json(Path(weights).expanduser().read_bytes())
    except OSError as error:
        raise InputError("neither clinical nor equal nor a file that can be read", where=where, hint=hint) from error
    except ValueError as error:
        raise InputError(f"not valid JSON ({error})", where=where, hint=hint) from error
    if not isinstance(table, dict):
        raise InputError("not a JSON object", where=where, hint=hint)
    changed = {name: _weight(name, value, where) for name, value in table.items()}
    return Significance({**CLINICAL.of_finding, **changed}, UNNAMED)


def name_of_weights(weights: str) -> str:
    """What a signature calls the weights: their name, or a hash of what the file says."""
    named = weights in {"clinical", "equal"}
    return weights if named else sha256_json(dict(read_significance(weights).of_finding))[:12]


def _weight(finding: str, value: object, where: str) -> float:
    if isinstance(value, str) and value in WEIGHTS:
        return WEIGHTS[value]
    if isinstance(value, int | float) and not isinstance(value, bool) and WEIGHTS["benign"] <= value <= 1:
        return float(value)
    raise InputError(
        f"{finding!r} weighs {value!r}",
        where=where,
        hint=f"give it one of {', '.join(WEIGHTS)}, or a number from {WEIGHTS['benign']} to 1",
    )
