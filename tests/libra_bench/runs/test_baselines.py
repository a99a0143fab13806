"""Baselines beside models: what an adapter's class says is in run.json, and decides whether a board ranks it."""

from __future__ import annotations

import json
import shutil
import sys
import types
from pathlib import Path

import pytest

import libra_bench
from benchmarks.records.run import read_run
from benchmarks.schema import Answer
from model_adapters.adapter import Adapter
from model_adapters.registry import ADAPTERS
from reports import find_runs
from reports.board import boards


class Model(Adapter):
    """A plug-in's model."""

    @classmethod
    def load(cls, spec):
        return cls()

    def generate(self, questions, decoding):
        for question in questions:
            yield Answer(question.question_id, question.prompt, "No pleural effusion.", metadata={"finish": "stop"})


class Yardstick(Model):
    """A plug-in's baseline."""

    is_baseline = True


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """Runs of both, of a baseline of ours and of the ceiling."""
    folder = tmp_path_factory.mktemp("scored")
    module = types.ModuleType("a_plug_in")
    vars(module).update(Model=Model, Yardstick=Yardstick)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "a_plug_in", module)
        patch.setitem(ADAPTERS, "their-model", "a_plug_in:Model")
        patch.setitem(ADAPTERS, "their-yardstick", "a_plug_in:Yardstick")
        patch.chdir(folder)
        for model in ("their-model", "their-yardstick", "constant", "oracle"):
            libra_bench.run("demo", model, metrics="temporal_f1", report=False, limit=4)
    return folder / "runs"


@pytest.fixture
def scored(runs, tmp_path) -> Path:
    """The same runs, for a test that changes them."""
    return Path(shutil.copytree(runs, tmp_path / "runs"))


def test_only_models_are_ranked(scored):
    (board,) = boards(find_runs([scored]))
    rows = {row.name: (row.kind, row.rank) for row in board.rows if row.run}
    assert rows == {
        "their-model": ("model", 1),
        "their-yardstick": ("baseline", None),
        "constant": ("baseline", None),
        "oracle": ("ceiling", None),
    }


@pytest.mark.parametrize(
    ("name", "adapter", "kind"),
    [("constant", "constant", "baseline"), ("oracle", "replay", "ceiling"), ("mine", "replay", "model")],
)
def test_runs_from_before_the_field_are_known_by_their_names(scored, name, adapter, kind):
    (file,) = scored.glob("demo/constant/*/run.json")
    record = json.loads(file.read_text())
    del record["model"]["is_baseline"]
    record["model"] |= {"name": name, "adapter": adapter}
    file.write_text(json.dumps(record))
    assert read_run(file.parent).model.kind == kind
