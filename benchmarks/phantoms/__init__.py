"""Synthetic chest phantoms: seeded patients with several visits, drawn and described; no patient's data is in them."""

from __future__ import annotations

from benchmarks.phantoms.writing import write_phantoms

__all__ = ["write_phantoms"]
