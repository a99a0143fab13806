from __future__ import annotations

import json
import pickle

import pytest
import torch
from oracles import MODELS
from safetensors.torch import save_file

from benchmarks.errors import ModelError
from model_adapters.checkpoints.files import weight_files
from model_adapters.checkpoints.weights import materialize, raise_for_keys, read_weights

WEIGHTS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(0.5)}


def same(stored: dict, expected: dict = WEIGHTS) -> bool:
    return stored.keys() == expected.keys() and all(
        torch.equal(materialize(stored[key]), expected[key]) for key in expected
    )


class Evil:
    def __reduce__(self):
        return (print, ("this ran",))


def test_every_form_on_disk_reads_the_same(tmp_path):
    save_file(WEIGHTS, tmp_path / "model.safetensors")
    torch.save(WEIGHTS, tmp_path / "pytorch_model.bin")
    torch.save(WEIGHTS, tmp_path / "old.bin", _use_new_zipfile_serialization=False)
    for name in ("model.safetensors", "pytorch_model.bin", "old.bin"):
        assert same(read_weights([tmp_path / name]))


def test_safetensors_win_over_pickles_and_shards_over_single_files(tmp_path):
    torch.save(WEIGHTS, tmp_path / "pytorch_model.bin")
    assert weight_files(tmp_path) == [tmp_path / "pytorch_model.bin"]
    save_file(WEIGHTS, tmp_path / "model.safetensors")
    assert weight_files(tmp_path) == [tmp_path / "model.safetensors"]
    for number, key in enumerate(WEIGHTS):
        save_file({key: WEIGHTS[key]}, tmp_path / f"part{number}.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": "part0.safetensors", "b": "part1.safetensors"}}))
    assert same(read_weights(weight_files(tmp_path)))
    (tmp_path / "part1.safetensors").unlink()
    with pytest.raises(ModelError, match=r"shards are missing: part1\.safetensors"):
        weight_files(tmp_path)


@pytest.mark.parametrize("name", ["../outside.safetensors", "/etc/hostname"])
def test_a_shard_outside_the_folder_is_refused(tmp_path, name):
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(ModelError, match="outside its own folder"):
        weight_files(tmp_path)


def test_a_pickle_that_would_run_code_does_not(tmp_path, capsys):
    torch.save({"a": Evil()}, tmp_path / "new.bin")
    (tmp_path / "old.bin").write_bytes(pickle.dumps({"a": Evil()}))
    for name in ("new.bin", "old.bin"):
        with pytest.raises(ModelError, match="can run code") as caught:
            read_weights([tmp_path / name])
        assert "\n" not in str(caught.value)
        assert str(tmp_path / name) in str(caught.value)
    assert "this ran" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["x.safetensors", "x.bin"])
@pytest.mark.parametrize("kept", [0, 0.5, 0.9])
def test_files_that_are_not_whole(tmp_path, name, kept):
    whole = tmp_path / "whole"
    save_file(WEIGHTS, whole) if name.endswith("s") else torch.save(WEIGHTS, whole)
    data = whole.read_bytes()
    (tmp_path / name).write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ModelError) as caught:
        read_weights([tmp_path / name])
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_a_file_of_something_else(tmp_path):
    torch.save([torch.zeros(1)], tmp_path / "list.bin")
    with pytest.raises(ModelError, match="no dictionary of tensors"):
        read_weights([tmp_path / "list.bin"])
    with pytest.raises(ModelError, match="no weights in this folder"):
        weight_files(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(ModelError, match="no weight_map"):
        weight_files(tmp_path)


def test_reading_is_lazy():
    stored = read_weights(weight_files(MODELS / "tiny-libra-tac"))
    assert not any(isinstance(weight, torch.Tensor) for weight in stored.values())


def test_many_keys_are_counted():
    with pytest.raises(ModelError, match=r"20 missing keys: k00, k01.* and 15 more; 1 unexpected key: x") as caught:
        raise_for_keys("here", missing=[f"k{number:02}" for number in range(20)], unexpected=["x"])
    assert str(caught.value).startswith("here: ")
    raise_for_keys("here")
