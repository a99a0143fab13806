"""Telling phantoms from patients: by the subject's name in a suite, by the place of a shipped picture."""

from __future__ import annotations

from pathlib import Path

from benchmarks.catalog import DEMO
from benchmarks.schema import Sample

SUBJECT_PREFIX = "phantom-"
DOMAIN = "phantoms"
"""As a model card says it (`made_for`)."""


def is_phantom(sample: Sample) -> bool:
    """Whether a study of a suite is of a phantom."""
    return str(sample.fields.get("subject_id", "")).startswith(SUBJECT_PREFIX)


def is_shipped_picture(path: Path) -> bool:
    """Whether a picture is one of the phantoms that ship with the package."""
    return path.resolve().is_relative_to(DEMO.resolve())
