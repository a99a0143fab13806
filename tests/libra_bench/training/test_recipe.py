"""Recipes: types, origins, contradictions, and what ships."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from benchmarks.errors import InputError, UnknownNameError
from libra_bench.training.recipe_file import RECIPES_FOLDER, load_recipe, recipe_names
from libra_bench.training.samples import SampleFile, images_of, in_turn

PATHS = {"model_name_or_path": "base", "data_path": "train.json", "output_dir": "out"}


@pytest.fixture
def recipe_file(tmp_path):
    def write(**values):
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump({**PATHS, "tune_mm_mlp_adapter": True, **values}))
        return str(path)

    return write


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipes(name):
    stage = "align" if name.endswith("align") else "finetune"
    recipe = load_recipe(name, stage, PATHS).recipe
    assert recipe.accumulation(1) * recipe.per_device_train_batch_size == recipe.global_batch_size
    if name == "libra-v1-finetune":
        assert (recipe.num_train_epochs, recipe.lora_r, recipe.lora_alpha, recipe.lora_dropout) == (3, 128, 256, 0.05)
        assert "prints 1" in (RECIPES_FOLDER / f"{name}.yaml").read_text()
    if name.startswith("libra-v1"):
        assert (recipe.global_batch_size, recipe.learning_rate, recipe.warmup_ratio) == (16, 2e-5, 0.03)
        assert recipe.bf16
        assert recipe.gradient_checkpointing


def test_flags_override_and_origins_tell(recipe_file):
    path = recipe_file(learning_rate="1e-3")
    origins = load_recipe(path, "align", {"max_steps": "7", "bf16": "true", "seed": None})
    assert (origins.recipe.learning_rate, origins.recipe.max_steps, origins.recipe.bf16) == (1e-3, 7, True)
    lines = {line.split(":")[0]: line for line in origins.lines()}
    assert lines["max_steps"] == "max_steps: 7  # --max-steps"
    assert lines["learning_rate"].endswith(f"# {path}")
    assert lines["seed"].endswith("# default")
    assert yaml.safe_load("\n".join(origins.lines()))["max_steps"] == 7


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"freeze_mm_mlp_adapter": True}, "tune_mm_mlp_adapter and freeze_mm_mlp_adapter"),
        ({"lora_enable": True}, "tune_mm_mlp_adapter .* and lora_enable"),
        ({"tune_mm_mlp_adapter": False}, "train align.* and tune_mm_mlp_adapter"),
        ({"learning_rate": "fast"}, "learning_rate takes a number"),
        ({"max_steps": 1.5}, "max_steps takes a whole number"),
        ({"bf16": "perhaps"}, "bf16 takes true or false"),
        ({"seed": None}, "seed needs a value"),
        ({"early_stopping_patience": 2}, "early_stopping_patience without validation_data_path"),
        ({"deepspeed": "zero2", "fsdp": "fsdp"}, "deepspeed and fsdp"),
        ({"deepspeed": "zero1"}, "unknown configuration 'zero1'; did you mean 'zero"),
        ({"max_loss_spike": 1}, "max_loss_spike must be above 1"),
        ({"global_batch_size": 0}, "global_batch_size must be at least 1"),
        ({"output_dir": ""}, "output_dir is not set"),
    ],
)
def test_what_cannot_be_meant(recipe_file, values, message):
    with pytest.raises(InputError, match=message):
        load_recipe(recipe_file(**values), "align")


def test_nothing_left_to_train():
    frozen = {"freeze_backbone": "true", "freeze_mm_mlp_adapter": "true", "lora_enable": "false"}
    with pytest.raises(InputError, match="leave nothing to train"):
        load_recipe("libra-v1-finetune", "finetune", {**PATHS, **frozen})


def test_names_that_do_not_exist(recipe_file):
    with pytest.raises(UnknownNameError, match="did you mean 'lora_r'"):
        load_recipe(recipe_file(lora_rr=3), "align")
    with pytest.raises(InputError, match="masking takes replies or original, not 'orginal'; did you mean 'original'"):
        load_recipe(recipe_file(masking="orginal"), "align")
    with pytest.raises(UnknownNameError, match="libra-v1-align"):
        load_recipe("libra-v1-alignment", "align")


def test_the_global_batch_must_divide(recipe_file):
    recipe = load_recipe(recipe_file(global_batch_size=16, per_device_train_batch_size=4), "align").recipe
    assert [recipe.accumulation(processes) for processes in (1, 2, 4)] == [4, 2, 1]
    with pytest.raises(InputError, match="global_batch_size 16"):
        recipe.accumulation(3)


def test_what_is_shipped_is_found_by_its_name():
    origins = load_recipe("phantom-align", "align")
    recipe = origins.recipe
    assert (Path(recipe.model_name_or_path) / "config.json").is_file()
    samples = SampleFile(Path(recipe.data_path))
    assert (Path(recipe.image_folder) / images_of(samples[0])[0]).is_file()
    human, reply = in_turn(samples[0]["conversations"])  # a line of a suite is a conversation
    assert human.startswith("<image>\n")
    assert reply
    assert origins.origins["data_path"] == "phantom-align"
    assert not [line for line in origins.lines(defaults=False) if line.endswith("# default")]
