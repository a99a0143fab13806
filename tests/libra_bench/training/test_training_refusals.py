"""What cannot be trained is refused before anything is trained: what, where, the hint."""

from __future__ import annotations

import itertools
import re
from importlib.metadata import requires
from statistics import median

import pytest
import torch
from oracles import GOLDEN

from benchmarks.errors import InputError, RunConflictError, StorageError, TrainingError, UnknownNameError
from libra_bench.training import artefacts, preparation
from libra_bench.training.log import read_log
from libra_bench.training.preparation import prepare
from libra_bench.training.recipe_file import load_recipe
from libra_bench.training.train import train
from libra_bench.training.trainer import checkpoints

DATA = GOLDEN / "train" / "train.json"
VALID = GOLDEN / "train" / "valid.json"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"data_path": "nowhere.json"}, "no such file"),
        ({"model_name_or_path": "nowhere"}, "no such folder"),
        ({"vision_tower": "nowhere"}, "vision tower 'nowhere' is not here"),
        ({"pretrain_mm_mlp_adapter": "nowhere.bin"}, "no such file"),
        ({"version": "libra_v9"}, "unknown conversation mode"),
        ({"metric_for_best_model": "ROUGE-L"}, "needs validation_data_path"),
        ({"validation_metrics": "rogue"}, "unknown metric"),
        ({"mm_vision_select_layer": "-1"}, "reads 12 tower layers"),
        ({"image_folder": "."}, "sample 0: .*no such image"),
        ({"metric_for_best_model": "RadGraph-partial", "validation_data_path": VALID}, "unknown metric_for_best_model"),
    ],
)
def test_what_cannot_be_trained(run, flags, message):
    with pytest.raises(InputError, match=message):
        run(prepare_only=True, **flags)


def test_a_global_batch_that_does_not_divide(run):
    with pytest.raises(InputError, match="global_batch_size 3"):
        run(global_batch_size=3)


def three_images(samples):
    samples[3]["image"] = ["cur0.png", "cur1.png", "cur2.png"]


def two_marks(samples):
    samples[3]["conversations"][2]["value"] = "<image> again"


def no_mark(samples):
    samples[3]["conversations"][0]["value"] = "no mark"


def no_reply(samples):
    samples[3]["conversations"] = [samples[3]["conversations"][0], {"from": "gpt", "value": ""}]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (three_images, "sample 3: .*one or two names"),
        (two_marks, "sample 3: 2 image marks"),
        (no_mark, "sample 3: 0 image marks"),
        (no_reply, "sample 3: no token is learned"),
    ],
)
def test_a_sample_that_cannot_be_used(run, edited, change, message):
    with pytest.raises(InputError, match=message):
        run(data_path=edited(change), num_train_epochs=1)


def test_a_reading_process_says_it_in_one_line(run, edited):
    with pytest.raises(InputError, match=r"edited.json: sample 3: no token is learned") as caught:
        run(data_path=edited(no_reply), num_train_epochs=1, dataloader_num_workers=1)
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("change", [three_images, two_marks, no_reply])
def test_or_is_skipped_and_counted(run, edited, change):
    result = run(data_path=edited(change), num_train_epochs=1, on_error="skip")
    assert result is not None
    assert result["skipped"] == 1
    assert result["steps"] == 4


def test_masked_labels(run, edited):
    def empty(samples):
        for sample in samples:
            sample["conversations"] = [sample["conversations"][0], {"from": "gpt", "value": ""}]

    with pytest.raises(InputError, match="the labels are all masked"):
        run(prepare_only=True, data_path=edited(empty))


def test_a_loss_that_is_not_a_number(run, edited, tmp_path):
    # The original masks an empty reply whole: alone in a batch its loss is 0 / 0.
    flags = {"masking": "original", "per_device_train_batch_size": 1, "global_batch_size": 1, "num_train_epochs": 1}
    with pytest.raises(TrainingError, match=r"the loss is nan at step \d+, batch 3") as caught:
        run(data_path=edited(no_reply), save_steps=1, **flags)
    step = int(re.findall(r"at step (\d+)", str(caught.value))[0])
    last = [path.name for path in checkpoints(tmp_path / "out")][-1:]
    assert last == ([f"checkpoint-{step - 1}"] if step > 1 else [])
    kept = f"the last good checkpoint is {tmp_path / 'out' / last[0]}" if last else "no checkpoint was written yet"
    assert kept in str(caught.value)
    assert caught.value.exit_status == 1


def test_a_gradient_that_is_not_a_number_stops_at_its_step(golden_flags, tmp_path):
    flags = {**golden_flags, "save_steps": 2, "logging_steps": 100, "num_train_epochs": 2}
    origins = load_recipe("phantom-align", "align", {name: str(value) for name, value in flags.items()})
    ready = prepare(origins, "align")
    backwards = itertools.count()  # two batches a step: the fourth step's first
    next(ready.parts.model.connector.parameters()).register_hook(
        lambda gradient: gradient * (torch.nan if next(backwards) == 6 else 1)
    )
    with pytest.raises(
        TrainingError, match=r"the gradient's norm is nan at step 4, batch \d+, \d+, \d+, \d+"
    ) as caught:
        train(ready, origins, [], lambda text: None)
    assert str(tmp_path / "out" / "checkpoint-2") in str(caught.value.hint)
    assert all(weight.isfinite().all() for weight in ready.parts.model.parameters())


FAST = {"num_train_epochs": 1, "save_steps": 1, "logging_steps": 1, "global_batch_size": 1}
FAST |= {"per_device_train_batch_size": 1, "mm_projector_dropout": 0}


def test_a_loss_that_jumps(run, tmp_path):
    run(output_dir=tmp_path / "whole", **FAST)
    losses = [line["loss"] for line in read_log(tmp_path / "whole" / "log.jsonl") if "loss" in line]
    ratios = [loss / median(losses[max(0, step - 20) : step]) for step, loss in enumerate(losses) if step >= 5]
    times = max(ratios) * 0.999
    assert times > 1
    taken = 5 + next(place for place, ratio in enumerate(ratios) if ratio > times)
    with pytest.raises(TrainingError, match=rf"the loss jumped to .* at step {taken + 1}, batch \d+;"):
        run(max_loss_spike=times, **FAST)
    assert [path.name for path in checkpoints(tmp_path / "out")] == [f"checkpoint-{taken}"]


def test_one_process_is_not_several(run):
    with pytest.raises(InputError, match="fsdp shares the weights among several processes"):
        run(fsdp="fsdp")


def test_the_output_folder_of_another_recipe(run):
    run(max_steps=1)
    with pytest.raises(RunConflictError, match=r"belongs to another recipe .*learning_rate: 0.002 -> 0.0005"):
        run(max_steps=1, learning_rate=5e-4)


def test_a_full_disk_leaves_the_checkpoint_before_whole(run, monkeypatch, tmp_path):
    whole = {path: path.read_bytes() for path in _files(run, tmp_path, max_steps=2, save_steps=1)}
    assert whole
    out = tmp_path / "full"
    written = []

    def no_space(*arguments: object, **options: object) -> None:
        if len(written) == 1:
            raise OSError(28, "No space left on device")
        written.append(1)
        write(*arguments, **options)

    write = artefacts.write_weights
    monkeypatch.setattr("libra_bench.training.trainer.write_weights", no_space)
    with pytest.raises(StorageError, match=r"cannot save .*checkpoint before"):
        run(max_steps=2, save_steps=1, output_dir=out)
    assert [path.name for path in checkpoints(out)] == ["checkpoint-1"]
    assert not (out / ".saving").exists()
    monkeypatch.undo()
    run(max_steps=2, save_steps=1, output_dir=out)  # continues from it
    name = "mm_projector.safetensors"
    assert (out / name).read_bytes() == whole[tmp_path / "out" / name]


def _files(run, tmp_path, **flags):
    run(**flags)
    return [path for path in (tmp_path / "out").iterdir() if path.is_file()]


def test_an_unknown_protocol(run):
    with pytest.raises(UnknownNameError, match="did you mean 'greedy'"):
        run(prepare_only=True, validation_protocol="gredy")


def test_a_transformers_that_is_too_old(run, monkeypatch):
    stated = [text for text in requires("libra-bench") if text.startswith("transformers") and "'train'" in text]
    assert [text.split(";")[0] for text in stated] == [f"transformers>={preparation.TRANSFORMERS}"]
    monkeypatch.setattr(preparation, "version", lambda package: "5.19.0")
    with pytest.raises(InputError, match=r"training needs transformers 5.23, here is 5.19.0; pip install"):
        run(prepare_only=True)
