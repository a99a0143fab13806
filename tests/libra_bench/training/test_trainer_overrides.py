"""Private methods of transformers' Trainer that ours overrides: a release that changes one must be looked at."""

from __future__ import annotations

import dataclasses
import inspect

import pytest
import transformers
from transformers import Trainer, TrainerState

from libra_bench.training.resuming import TrainerStateRecord
from libra_bench.training.trainer import LibraTrainer

OVERRIDDEN = {
    "_run_epoch": [
        "self",
        "model",
        "epoch",
        "train_dataloader",
        "steps_in_epoch",
        "num_update_steps_per_epoch",
        "trial",
        "ignore_keys_for_eval",
        "start_time",
        "resume_from_checkpoint",
        "epochs_trained",
        "steps_trained_in_current_epoch",
    ],
    "_get_train_sampler": ["self", "train_dataset"],
    "_determine_best_metric": ["self", "metrics", "trial"],
    "_get_output_dir": ["self", "trial"],
    "_save": ["self", "output_dir", "state_dict"],
    "_save_checkpoint": ["self", "model", "trial"],
    "_get_grad_norm": ["self", "model", "grad_norm"],
    "_save_optimizer_and_scheduler": ["self", "output_dir"],
    "_load_optimizer_and_scheduler": ["self", "checkpoint"],
    "_load_rng_state": ["self", "checkpoint"],
    "_load_from_checkpoint": ["self", "resume_from_checkpoint", "model"],
}
"""Method -> its parameters in the release that LibraTrainer was written for."""


@pytest.mark.parametrize("name", OVERRIDDEN)
def test_an_overridden_method_is_the_one_that_we_know(name):
    method = getattr(Trainer, name, None)
    found = None if method is None else list(inspect.signature(method).parameters)
    assert found == OVERRIDDEN[name], (
        f"transformers {transformers.__version__} has Trainer.{name} with the parameters {found}, and LibraTrainer "
        f"overrides {OVERRIDDEN[name]}: read the new method, adapt libra_bench/training/trainer.py, then this table"
    )


def test_every_private_method_that_is_overridden_is_in_the_table():
    private = {name for name in vars(LibraTrainer) if name.startswith("_") and not name.startswith("__")}
    assert {name for name in private if hasattr(Trainer, name)} == set(OVERRIDDEN)


def test_every_field_that_the_loop_continues_from_is_checked():
    set_anew = {"is_local_process_zero", "is_world_process_zero", "is_hyper_param_search", "trial_name", "trial_params"}
    assert {field.name for field in dataclasses.fields(TrainerState)} - set_anew == set(TrainerStateRecord.model_fields)
