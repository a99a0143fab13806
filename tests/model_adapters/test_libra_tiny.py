from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest
from repository import ROOT
from safetensors import safe_open

DATA = ROOT / "model_adapters" / "data"
FOLDERS = ("libra-tiny", "libra-tiny-tower")


@pytest.mark.slow
def test_the_script_makes_a_model_of_the_shipped_shape(tmp_path: Path) -> None:
    # Weights may be trained further; layout, names, shapes, tokenizer and settings are those of the script.
    runpy.run_path(str(ROOT / "scripts" / "make_libra_tiny.py"))["make"](tmp_path, seed=0)
    for folder in FOLDERS:
        made = {path.name for path in (tmp_path / folder).iterdir()}
        assert made <= {path.name for path in (DATA / folder).iterdir()}
        with (
            safe_open(tmp_path / folder / "model.safetensors", "pt") as new,
            safe_open(DATA / folder / "model.safetensors", "pt") as shipped,
        ):
            assert set(new.keys()) == set(shipped.keys())
            for name in new.keys():  # noqa: SIM118  (not a dict)
                assert new.get_slice(name).get_shape() == shipped.get_slice(name).get_shape(), name
    for name in ("tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json"):
        assert (tmp_path / "libra-tiny" / name).read_bytes() == (DATA / "libra-tiny" / name).read_bytes(), name
    config = json.loads((tmp_path / "libra-tiny" / "config.json").read_text())
    shipped_config = json.loads((DATA / "libra-tiny" / "config.json").read_text())
    assert config.items() <= shipped_config.items()


def test_the_model_is_small() -> None:
    assert sum(path.stat().st_size for folder in FOLDERS for path in (DATA / folder).iterdir()) < 6_000_000
