"""The published code's own training runs: losses, rates, order, parameter groups, artefacts."""

from __future__ import annotations

import functools
import json
import math
from pathlib import Path

import pytest
import torch
from oracles import GOLDEN, MODELS, records, tensors

from libra_bench.training import plots
from libra_bench.training.artefacts import load_weights
from libra_bench.training.data import Collator, ConversationData, SampleImages
from libra_bench.training.log import read_log
from libra_bench.training.masking import Conversations
from libra_bench.training.model import build
from libra_bench.training.preparation import prepare
from libra_bench.training.recipe_file import fields, load_recipe
from libra_bench.training.samples import SampleFile
from libra_bench.training.train import train
from libra_bench.training.trainer import LibraTrainer
from model_adapters.checkpoints.weights import materialize, read_weights
from model_adapters.libra.checkpoint.loading import load_checkpoint
from model_adapters.libra.network.towers import load_tower

RUNS = records("train/training_runs.json")
NAMES = [name for name in RUNS if name != "lr_schedules"]
LEFT_OUT = ("output_dir", "validation_data_path", "report_to", "gradient_accumulation_steps")


def flags_of(name: str, out) -> dict:
    """The recorded run's arguments, as flags; dropout was off in all of them."""
    recorded = RUNS[name]["args"]
    flags = {field: value for field, value in recorded.items() if field in fields() and field not in LEFT_OUT}
    batch = recorded["per_device_train_batch_size"] * recorded["gradient_accumulation_steps"]
    return flags | {
        "output_dir": str(out),
        "report_to": "none",
        "global_batch_size": batch,
        "mm_projector_dropout": 0.0,
        "lora_dropout": 0.0,
        "masking": "original",
    }


@pytest.fixture
def golden(monkeypatch):
    """Recorded paths are relative to the folder of the oracles."""
    monkeypatch.chdir(GOLDEN)


def prepare_run(name: str, folder: Path):
    """A recorded run as it is before its first step."""
    stage = "align" if RUNS[name]["args"].get("tune_mm_mlp_adapter") else "finetune"
    (folder / "empty.yaml").write_text("{}")
    origins = load_recipe(str(folder / "empty.yaml"), stage, flags_of(name, folder / "out"))
    return prepare(origins, stage), origins


@pytest.fixture
def prepared(golden, tmp_path):
    return lambda name: prepare_run(name, tmp_path)


class Recorder:
    """Watches the trainer from inside, as the oracles were recorded."""

    def __init__(self, monkeypatch) -> None:
        self.losses, self.order, self.rates, self.groups = [], [], [], []
        step = LibraTrainer.training_step

        def watched(trainer, *arguments, **options):
            loss = step(trainer, *arguments, **options)
            self.losses.append(loss.item())
            self.order += trainer._ids
            self.rates.append([group["lr"] for group in trainer.optimizer.param_groups])
            names = {id(weight): name for name, weight in trainer.parts.model.named_trainable()}
            self.groups = [
                {"names": [names[id(weight)] for weight in group["params"]], "weight_decay": group["weight_decay"]}
                for group in trainer.optimizer.param_groups
            ]
            return loss

        monkeypatch.setattr(LibraTrainer, "training_step", watched)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A recorded run done again, once: its folder, its model, what it learns, what was seen from inside."""

    @functools.cache
    def run(name):
        folder = tmp_path_factory.mktemp("trained")
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(GOLDEN)
            patch.setattr(plots, "draw_training", lambda out: None)  # as long as the training
            seen = Recorder(patch)
            ready, origins = prepare_run(name, folder)
            learning = {name: list(weight.shape) for name, weight in ready.parts.model.named_trainable()}
            train(ready, origins, [], lambda text: None)
        return folder / "out", ready, learning, seen

    return run


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_run(golden, trained, name):
    recorded = RUNS[name]
    out, _, learning, seen = trained(name)
    assert learning == recorded["trainable"]
    assert seen.order == recorded["order"][: len(seen.order)]  # its loader fetched one batch more
    assert seen.losses == pytest.approx(recorded["micro_loss_returned"], abs=1e-5)
    rates = seen.rates[:: recorded["args"]["gradient_accumulation_steps"]]
    assert len(rates) == len(recorded["lr_used_in_step"])
    for found, expected in zip(rates, recorded["lr_used_in_step"], strict=True):
        assert found == pytest.approx(expected, abs=1e-12)
    assert [group["names"] for group in seen.groups] == [group["names"] for group in recorded["optimizer"]["groups"]]
    decay = [group["weight_decay"] for group in recorded["optimizer"]["groups"]]
    assert [group["weight_decay"] for group in seen.groups] == decay
    check_artefacts(out, recorded)


def check_artefacts(out, recorded):
    """Files, keys, shapes and config.json are the recorded ones."""
    own = {"README.md", "trainer_state.json", "training_args.bin"}
    assert set(recorded["files"]) - own <= {path.name for path in out.iterdir()}
    for name in ("mm_projector.bin", "non_lora_trainables.bin"):
        if name in recorded:
            stored = torch.load(out / name, weights_only=True)
            assert {key: [list(value.shape), str(value.dtype)] for key, value in stored.items()} == recorded[name]
    if "adapter_model" in recorded:
        stored = read_weights([out / "adapter_model.safetensors"])
        found = {key: list(materialize(value).shape) for key, value in stored.items()}
        assert found == {key: shape for key, (shape, _) in recorded["adapter_model"].items()}
        config = json.loads((out / "adapter_config.json").read_text())
        for field in ("r", "lora_alpha", "bias", "task_type", "peft_type", "base_model_name_or_path"):
            assert config[field] == recorded["adapter_config.json"][field], field
        assert set(config["target_modules"]) == set(recorded["adapter_config.json"]["target_modules"])
    if "final_param_norms" in recorded:
        stored = read_weights([out / "model.safetensors"])
        norms = {key: float(materialize(value).norm()) for key, value in stored.items()}
        expected = {key: norm for key, norm in recorded["final_param_norms"].items() if "vision_tower" not in key}
        assert norms == pytest.approx({key: expected[key] for key in norms}, rel=1e-4)
        assert not any("vision_tower" in key for key in norms)
    config = json.loads((out / "config.json").read_text())
    passing = {"_attn_implementation_autoset", "architectures", "transformers_version", "mm_vision_tower"}
    for field, value in recorded.get("output_config_json", {}).items():
        if field not in passing and field in config:
            assert config[field] == value, field


@pytest.mark.parametrize("name", ["stage1", "tiny-libra-lora", "stage2_full"])
def test_weights_come_back(golden, trained, name):
    out, ready, *_ = trained(name)
    trained_weights = dict(ready.parts.model.named_trainable())
    fresh = build(ready.recipe)
    assert any(not torch.equal(trained_weights[key], weight) for key, weight in fresh.model.named_trainable())
    load_weights(out, fresh, ready.recipe)
    assert all(torch.equal(trained_weights[key], weight) for key, weight in fresh.model.named_trainable())


def test_an_adapted_tower_stays_with_a_model_that_is_trained_whole(run, tmp_path):
    adapted = MODELS / "tiny-libra-clip-adapted"
    run(
        stage="finetune",
        model_name_or_path=adapted,
        vision_tower=MODELS / "tiny-clip",
        lora_enable=False,
        freeze_backbone=False,
        mm_projector_type="mlp2x_gelu",
        mm_vision_select_layer=-2,
        max_steps=2,
        learning_rate=1e-3,
        output_dir=tmp_path / "out",
    )
    before, after = (load_checkpoint(folder).model for folder in (adapted, tmp_path / "out"))
    for name, weight in before.tower.state_dict().items():
        assert torch.equal(weight, after.tower.state_dict()[name]), name
    other = load_tower(MODELS / "tiny-clip", select_layer=-2).state_dict()
    assert any(not torch.equal(weight, other[name]) for name, weight in before.tower.state_dict().items())
    assert not torch.equal(
        before.language_model.get_output_embeddings().weight, after.language_model.get_output_embeddings().weight
    )


@pytest.mark.parametrize("name", RUNS["lr_schedules"])
def test_learning_rates(name):
    from transformers import get_cosine_schedule_with_warmup

    recorded = RUNS["lr_schedules"][name]
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=recorded["base_lr"])
    warmup = math.ceil(recorded["steps"] * recorded["warmup_ratio"])
    assert warmup == recorded["warmup_steps"]
    schedule = get_cosine_schedule_with_warmup(optimizer, warmup, recorded["steps"])
    rates = []
    for _ in recorded["lr_used_in_step"]:
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx(recorded["lr_used_in_step"], abs=1e-15)


@pytest.fixture
def data(prepared) -> tuple[ConversationData, Collator]:
    ready, _ = prepared("stage2_full")
    return ready.data, ready.collator


META, BATCHES = records("train/batch_meta.json"), tensors("train/batch.safetensors")


@pytest.mark.parametrize(("batch", "numbers"), [("b2", [0, 3]), ("b1", [5])])
def test_a_recorded_batch(data, batch, numbers):
    samples, collator = data
    assert META[f"{batch}.sample_indices"] == numbers
    made = collator([samples[number] for number in numbers])
    for key in ("input_ids", "labels", "images"):
        torch.testing.assert_close(made[key], BATCHES[f"{batch}.{key}"], atol=1e-6, rtol=0)
    assert torch.equal(made["attention_mask"].bool(), BATCHES[f"{batch}.attention_mask"].bool())
    learned = [int((row != -100).sum()) for row in made["labels"]]
    assert learned == META[f"{batch}.supervised_tokens"]


def test_lengths_for_grouping(data):
    assert list(data[0].samples.modality_lengths) == META["modality_lengths"]


def test_long_samples_are_cut_in_the_batch_and_counted(data):
    samples, _ = data
    shape = tuple(samples[0]["images"][0].shape)
    recorded = META["collator_truncation_len40"]
    long, short = (
        {"id": name, "input_ids": list(range(3, 3 + length)), "labels": list(range(3, 3 + length)), "images": None}
        for name, length in (("long", 57), ("short", 17))
    )
    made = Collator(40, 0, shape, 16)([long, short])
    assert made["input_ids"].tolist() == recorded["input_ids"]
    assert made["labels"].tolist() == recorded["labels"]
    assert made["attention_mask"].tolist() == recorded["attention_mask"]
    assert made["truncated"] == ["long"]


def test_a_missing_prior_is_the_current_image_and_dummy_means_always(data):
    samples, _ = data
    current, prior = samples[4]["images"]
    assert torch.equal(current, prior)
    current, prior = samples[0]["images"]
    assert not torch.equal(current, prior)
    images = samples.images
    dummy = ConversationData(
        SampleFile(samples.samples.path),
        Conversations(samples.conversations.tokenizer, "libra_v1"),
        SampleImages(images.folder, images.reader, "dummy"),
        on_error="stop",
        num_patches=16,
    )
    assert torch.equal(*dummy[0]["images"])
    assert torch.equal(dummy[0]["images"][0], current)


def test_a_text_without_image_shares_a_batch_with_images(data, tmp_path):
    # The published collator fails here (it wants two images of every sample).
    samples, collator = data
    text = {
        "id": "text",
        "input_ids": samples[5]["input_ids"][:20],
        "labels": samples[5]["labels"][:20],
        "images": None,
    }
    text["input_ids"] = [index for index in text["input_ids"] if index >= 0]
    text["labels"] = list(text["input_ids"])
    model = build(load_recipe_of(tmp_path)).model.train()
    both = collator([samples[0], text])
    loss = model(**{key: both[key] for key in ("input_ids", "attention_mask", "images", "labels")}).loss
    alone = collator([text])
    alone_loss = model(**{key: alone[key] for key in ("input_ids", "attention_mask", "images", "labels")}).loss
    assert torch.isfinite(loss)
    alone_loss.backward()  # the connector takes part even in a batch without images
    assert all(weight.grad is not None for weight in model.connector.parameters())


def load_recipe_of(tmp_path):
    return load_recipe(str(tmp_path / "empty.yaml"), "align", flags_of("stage1", tmp_path / "out")).recipe


@pytest.mark.parametrize("name", ["stage1_epochs_accum", "stage2_full"])
def test_the_log_says_how_much_of_each_epoch_was_padding(golden, trained, name):
    out, ready, _, seen = trained(name)
    size, patches = ready.recipe.per_device_train_batch_size, ready.parts.model.num_patches
    numbers = {ready.data[number]["id"]: number for number in range(len(ready.data))}
    widths = [len(ready.data[numbers[one]]["input_ids"]) + patches - 1 for one in seen.order]
    expected = []
    for start in range(0, len(widths), len(ready.data)):
        epoch = widths[start : start + len(ready.data)]
        batches = [epoch[first : first + size] for first in range(0, len(epoch), size)]
        expected.append(1 - sum(epoch) / sum(max(batch) * len(batch) for batch in batches))
    lines = [line for line in read_log(out / "log.jsonl") if "loss" in line]
    last = {math.ceil(line["epoch"]): line["padding"] for line in lines}
    assert [*last.values()] == pytest.approx(expected, abs=1e-6)
