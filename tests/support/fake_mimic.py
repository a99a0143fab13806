"""The generator of MIMIC-shaped trees, as the tests use it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_PATH = Path(__file__).parents[2] / "scripts" / "make_fake_mimic.py"
_spec = importlib.util.spec_from_file_location("make_fake_mimic", _PATH)
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = _module  # dataclasses look their module up
_spec.loader.exec_module(_module)

write_fake_mimic = _module.write_fake_mimic
