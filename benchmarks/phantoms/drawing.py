"""Draw a chest: a frontal view of lungs, heart, ribs and findings, as a picture of grey levels.

Legend: coordinates run from -1 to 1, x to the right of the picture, y down; u is x seen from the midline towards
the drawn side, so that both lungs share their formulas. The patient's right is on the left of the picture.
Grey: 0 is air, 1 is metal. All arrays are [n, n] for a picture of n x n pixels.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from benchmarks.phantoms.history import Finding, Patient, Visit
from benchmarks.phantoms.stream import Floats, Stream

GREY_LEVELS = 64
"""Fewer levels than 256 cannot be told apart by eye, and the files are half as large."""

TOWARDS = {"right": -1.0, "left": 1.0}
LUNG_CENTRE = (0.43, 0.15)
LUNG_RADII = (0.36, 0.95)
HEART_RADIUS = (0.31, 0.40, 0.49, 0.58)
FLUID_SURFACE = (9.0, 0.50, 0.29, -0.03)
COLLAPSE = (0.0, 0.17, 0.32, 0.50)
OPACITY_RADIUS = (0.0, 0.13, 0.20, 0.28)
"""The last four by size, 0 (absent) to 3: half the heart's width; the height of the fluid (9: below the picture); the
part of the chest that the lung has left to the air; half the width of the opacity."""

OPACITY_CENTRE = {"upper": (0.40, -0.36), "mid": (0.49, -0.04)}
CATHETER = ((1.0, -0.22), (0.86, -0.42), (0.62, -0.58), (0.38, -0.60), (0.17, -0.52))
CATHETER_TIP = ((-0.10, -0.34), (-0.12, -0.10), (-0.11, 0.08))
"""The last stretch runs in the superior vena cava, on the patient's right whatever arm it comes from."""


def draw_study(patient: Patient, visit: Visit, size: int) -> npt.NDArray[np.uint8]:
    """The picture of one visit, [size, size] of uint8; equal arguments give equal pixels."""
    body = Stream(patient.seed, patient.number, 1)
    shot = Stream(patient.seed, patient.number, 2, visit.number)
    x, y = positioned(size, shot)
    width = body.uniform(0.95, 1.05)
    x = x / width

    grey = _torso(x, y)
    for side in TOWARDS:
        grey = _draw_lung(grey, TOWARDS[side] * x, y, side, visit.levels, body)
    grey = _draw_middle(grey, x, y, visit.levels.get(Finding("cardiomegaly"), 0), body)
    for side in TOWARDS:
        grey = _draw_bones(grey, TOWARDS[side] * x, y, body.uniform(-0.02, 0.02))
        if visit.levels.get(Finding("PICC", side)):
            grey = grey + 0.45 * _along(CATHETER, CATHETER_TIP, TOWARDS[side], x, y, 0.011)

    return exposed(grey, shot)


def exposed(grey: Floats, shot: Stream) -> npt.NDArray[np.uint8]:
    """The picture of a chest as a detector has it: exposure and grain differ a little from shot to shot."""
    size = len(grey)
    grain = smooth_noise(shot, size, size // 3)
    grey = shot.uniform(0.94, 1.04) * grey + shot.uniform(-0.015, 0.015) + 0.03 * (grain - 0.5)
    levels = np.rint(np.clip(grey, 0.0, 1.0) * (GREY_LEVELS - 1))
    return np.rint(levels * (255 / (GREY_LEVELS - 1))).astype(np.uint8)


def positioned(size: int, shot: Stream) -> tuple[Floats, Floats]:
    """Pixel coordinates x, y; every shot is turned, shifted and scaled a little."""
    line = (np.arange(size, dtype=np.float64) + 0.5) * (2.0 / size) - 1.0
    x, y = np.meshgrid(line, line)
    turn, zoom = shot.uniform(-0.025, 0.025), shot.uniform(0.97, 1.03)
    x, y = (x + turn * y) * zoom, (y - turn * x) * zoom
    return x + shot.uniform(-0.025, 0.025), y + shot.uniform(-0.025, 0.025)


def inside(distance: Floats, softness: float = 0.015) -> Floats:
    """1 where the signed distance is positive, 0 where it is negative, soft between."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(distance / softness, -40.0, 40.0))))


def ellipse(x: Floats, y: Floats, centre: tuple[float, float], radii: tuple[float, float]) -> Floats:
    """Signed distance from an ellipse's edge, roughly; positive inside."""
    reach = np.sqrt(((x - centre[0]) / radii[0]) ** 2 + ((y - centre[1]) / radii[1]) ** 2)
    return np.asarray((1.0 - reach) * min(radii))


def blend(grey: Floats, new: Floats | float, mask: Floats) -> Floats:
    """The new grey where the mask is 1."""
    return np.asarray(grey + (new - grey) * mask)


def smooth_noise(stream: Stream, size: int, cells: int) -> Floats:
    """Noise in [0, 1) that varies over `cells` cells along each side."""
    coarse = stream.grid(cells + 1, cells + 1)
    place = np.arange(size) * (cells / size)
    low = place.astype(int)
    part = place - low
    rows = coarse[low] * (1 - part[:, None]) + coarse[low + 1] * part[:, None]
    return np.asarray(rows[:, low] * (1 - part) + rows[:, low + 1] * part)


def _torso(x: Floats, y: Floats) -> Floats:
    """Neck, shoulders, trunk: soft tissue before a black background."""
    shoulders = 0.24 + 0.80 * inside(y + 0.76 - 0.22 * np.abs(x), 0.05)
    return np.asarray(0.02 + 0.50 * inside(shoulders - np.abs(x), 0.03))


def _draw_lung(grey: Floats, u: Floats, y: Floats, side: str, levels: dict[Finding, int], body: Stream) -> Floats:
    """One lung with its vessels, and the air, fluid or opacity in its half of the chest."""
    dome = 0.50 if side == "right" else 0.55
    diaphragm = dome + 1.3 * np.maximum(u - 0.40, 0.0) ** 2 + 0.35 * np.maximum(0.40 - u, 0.0) ** 2
    cavity = np.minimum(ellipse(u, y, LUNG_CENTRE, LUNG_RADII), diaphragm - y)
    chest = inside(cavity)
    lung = 0.17 + 0.06 * (y + 0.8) + _vessels(u, y, body)

    collapse = COLLAPSE[levels.get(Finding("pneumothorax", side), 0)]
    if collapse:
        centre = (LUNG_CENTRE[0] - 0.45 * collapse, LUNG_CENTRE[1] + 0.75 * collapse)
        shrunken = ellipse(u, y, centre, (LUNG_RADII[0] * (1 - 0.8 * collapse), LUNG_RADII[1] * (1 - 0.8 * collapse)))
        lung = blend(np.full_like(lung, 0.01), lung + 0.10 * collapse, inside(shrunken, 0.008))
        lung = lung + 0.42 * np.exp(-((shrunken / 0.012) ** 2))

    for zone, (centre_u, centre_y) in OPACITY_CENTRE.items():
        radius = OPACITY_RADIUS[levels.get(Finding("lung opacity", side, zone), 0)]
        if radius:
            cloud = ellipse(u, y, (centre_u, centre_y), (radius, radius * 1.15))
            ragged = 0.035 * np.sin(17 * u + 9 * y) + 0.035 * np.sin(15 * y - 11 * u + 2)
            lung = blend(lung, 0.60, 0.92 * inside(cloud + ragged, 0.04))

    surface = FLUID_SURFACE[levels.get(Finding("pleural effusion", side), 0)]
    meniscus = surface - 0.34 * (np.maximum(u - 0.15, 0.0) / 0.6) ** 3
    lung = blend(lung, 0.66, inside(y - meniscus, 0.02))

    below = inside(y - diaphragm) * inside(ellipse(u, y, LUNG_CENTRE, (0.45, 1.2)))
    return blend(blend(grey, 0.62, below), lung, chest)


def _vessels(u: Floats, y: Floats, body: Stream) -> Floats:
    """Branches that run from the hilum outwards and fade."""
    from_hilum_u, from_hilum_y = u - 0.16, y - 0.02
    reach = np.sqrt(from_hilum_u**2 + from_hilum_y**2) + 1e-6
    angle = np.arctan2(from_hilum_y, from_hilum_u)
    total = np.zeros_like(u)
    for branch in range(9):
        bend = body.uniform(-0.25, 0.25) * np.sin(body.uniform(4, 9) * reach)
        at = -1.45 + branch * 0.34 + body.uniform(-0.1, 0.1)
        total = total + np.exp(-(((angle - at - bend) * reach / 0.016) ** 2))
    return np.asarray(0.17 * np.minimum(total, 1.1) * np.exp(-reach / 0.38) + 0.14 * np.exp(-((reach / 0.13) ** 2)))


def _draw_middle(grey: Floats, x: Floats, y: Floats, enlarged: int, body: Stream) -> Floats:
    """Spine, mediastinum, windpipe, aortic knob and heart."""
    band = 0.11 + 0.05 * inside(y + 0.45, 0.1)
    grey = blend(grey, 0.60, inside(band - np.abs(x), 0.015) * inside(y + 0.95, 0.03))
    grey = grey + 0.05 * inside(0.085 - np.abs(x), 0.01) * (0.5 + 0.5 * np.sin(34 * y))
    grey = grey - 0.16 * inside(0.04 - np.abs(x + 0.01), 0.008) * inside(-0.18 - y, 0.04)
    grey = blend(grey, 0.62, inside(ellipse(x, y, (0.13, -0.22), (0.12, 0.11))))
    radius = HEART_RADIUS[enlarged] + body.uniform(-0.012, 0.012)
    turned_x, turned_y = x + 0.25 * (y - 0.3), y - 0.10 * x
    heart = ellipse(turned_x, turned_y, (0.10 + 0.35 * (radius - 0.31), 0.31), (radius, 0.29 + 0.25 * (radius - 0.31)))
    return blend(grey, 0.70, inside(heart, 0.02))


def _draw_bones(grey: Floats, u: Floats, y: Floats, shift: float) -> Floats:
    """Ribs from the spine down and outwards, and a clavicle."""
    cage = inside(ellipse(u, y, (0.40, 0.15), (0.43, 1.03)), 0.02) * inside(u - 0.10, 0.02)
    height = y - shift - 0.10 * np.sin(2.6 * (u - 0.12)) - 0.16 * np.maximum(u - 0.45, 0.0)
    phase = (height + 0.86) / 0.165
    off = (phase - np.rint(phase)) * 0.165
    ribs = np.exp(-((off / 0.026) ** 4)) * inside(0.62 - y, 0.05)
    clavicle = (
        inside(0.026 - np.abs(y + 0.62 + 0.24 * (u - 0.1)), 0.008) * inside(u - 0.09, 0.01) * inside(0.82 - u, 0.02)
    )
    over_lung = 1.0 - 0.8 * np.clip((grey - 0.25) / 0.25, 0.0, 1.0)
    return np.asarray(grey + 0.095 * ribs * cage * over_lung + 0.12 * clavicle)


def _along(
    arm: tuple[tuple[float, float], ...],
    tip: tuple[tuple[float, float], ...],
    towards: float,
    x: Floats,
    y: Floats,
    width: float,
) -> Floats:
    """1 on a line through the points (the arm's mirrored to its side), 0 away from it."""
    points = _rounded([(towards * point_x, point_y) for point_x, point_y in arm] + list(tip))
    nearest = np.full_like(x, 9.0)
    for (x0, y0), (x1, y1) in pairwise(points):
        run_x, run_y = x1 - x0, y1 - y0
        part = np.clip(((x - x0) * run_x + (y - y0) * run_y) / (run_x**2 + run_y**2), 0.0, 1.0)
        nearest = np.minimum(nearest, (x - x0 - part * run_x) ** 2 + (y - y0 - part * run_y) ** 2)
    return inside(width - np.sqrt(nearest), 0.004)


def _rounded(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points with every corner cut off (Chaikin's way)."""
    cut = [
        (x0 + part * (x1 - x0), y0 + part * (y1 - y0))
        for (x0, y0), (x1, y1) in pairwise(points)
        for part in (0.25, 0.75)
    ]
    return [points[0], *cut[1:-1], points[-1]]
