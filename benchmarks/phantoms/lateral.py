"""Draw the lateral view of a chest: the same findings, seen from the patient's left side.

Legend: as in `drawing`; x runs from the sternum (left of the picture) to the spine. Both lungs lie over each other, so
a finding of either side is at the same place. A pneumothorax and a PICC cannot be seen here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmarks.phantoms.drawing import blend, ellipse, exposed, inside, positioned
from benchmarks.phantoms.history import SIDES, Finding, Patient, Visit
from benchmarks.phantoms.stream import Floats, Stream

HEART_DEPTH = (0.24, 0.30, 0.36, 0.42)
FLUID_HEIGHT = (9.0, 0.46, 0.28, 0.02)
OPACITY_SIZE = (0.0, 0.10, 0.15, 0.21)
OPACITY_HEIGHT = {"upper": -0.36, "mid": -0.04}
"""The first three by size, 0 (absent) to 3, as in `drawing`."""


def draw_lateral(patient: Patient, visit: Visit, size: int) -> npt.NDArray[np.uint8]:
    """The lateral picture of one visit, [size, size] of uint8; equal arguments give equal pixels."""
    body = Stream(patient.seed, patient.number, 4)
    shot = Stream(patient.seed, patient.number, 4, visit.number)
    x, y = positioned(size, shot)
    x = x / body.uniform(0.95, 1.05)
    grey = 0.02 + 0.50 * inside(ellipse(x, y, (0.0, 0.1), (0.80, 1.25)), 0.03)
    lungs = 0.20 + 0.06 * y
    for side in SIDES:
        lungs = _draw_findings(lungs, x, y, side, visit.levels)
    radius = HEART_DEPTH[visit.levels.get(Finding("cardiomegaly"), 0)]
    lungs = blend(lungs, 0.66, inside(ellipse(x, y, (-0.34, 0.30), (radius, 0.30)), 0.02))
    diaphragm = 0.58 + 0.5 * (x - 0.1) ** 2
    cavity = np.minimum(ellipse(x, y, (0.0, 0.10), (0.62, 0.98)), diaphragm - y)
    grey = blend(grey, lungs, inside(cavity))
    return exposed(_draw_bones(grey, x, y), shot)


def _draw_findings(lungs: Floats, x: Floats, y: Floats, side: str, levels: dict[Finding, int]) -> Floats:
    for zone, height in OPACITY_HEIGHT.items():
        radius = OPACITY_SIZE[levels.get(Finding("lung opacity", side, zone), 0)]
        if radius:
            lungs = blend(lungs, 0.58, 0.9 * inside(ellipse(x, y, (0.12, height), (radius, radius * 1.1)), 0.04))
    surface = FLUID_HEIGHT[levels.get(Finding("pleural effusion", side), 0)]
    return blend(lungs, 0.66, inside(y - surface + 0.25 * np.maximum(x - 0.2, 0.0), 0.02))


def _draw_bones(grey: Floats, x: Floats, y: Floats) -> Floats:
    """The spine with its discs, and the sternum."""
    spine = inside(0.10 - np.abs(x - 0.56 - 0.06 * np.cos(1.6 * y)), 0.02)
    grey = grey + spine * (0.16 + 0.05 * np.sin(30 * y))
    return np.asarray(grey + 0.14 * inside(0.03 - np.abs(x + 0.60 - 0.05 * y), 0.01) * inside(0.45 - y, 0.03))
