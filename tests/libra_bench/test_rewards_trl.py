"""Rewards inside TRL's own GRPOTrainer, on the language model of libra-tiny (without pictures)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from repository import ROOT

from libra_bench.rewards import reward

pytestmark = pytest.mark.slow

LIBRA_TINY = ROOT / "model_adapters" / "data" / "libra-tiny"
PROMPT = "USER: Provide a detailed description of the findings in the radiology image. ASSISTANT:"
REFERENCE = "There is a small left pleural effusion. The effusion has increased."


def language_model() -> tuple[Any, Any]:
    """(model, tokenizer): the decoder as transformers knows it."""
    from safetensors.torch import load_file
    from transformers import LlamaConfig, LlamaForCausalLM, LlamaTokenizer

    settings = json.loads((LIBRA_TINY / "config.json").read_text())
    names = LlamaConfig().to_dict().keys() & settings.keys() - {"model_type", "architectures", "torch_dtype"}
    model = LlamaForCausalLM(LlamaConfig(**{name: settings[name] for name in names}))
    weights = load_file(LIBRA_TINY / "model.safetensors")
    model.load_state_dict({name: weights[name].float() for name in model.state_dict()})
    return model, LlamaTokenizer.from_pretrained(LIBRA_TINY)


def train(folder: Path, rewards: list[Any], rows: list[dict[str, Any]], steps: int, **settings: Any) -> list[dict]:
    """Some steps of GRPO; returns TRL's log, a row per step."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    model, tokenizer = language_model()
    defaults: dict[str, Any] = {
        "per_device_train_batch_size": 32,
        "num_generations": 16,
        "max_completion_length": 24,
        "learning_rate": 3e-4,
        "lr_scheduler_type": "constant",
    }
    arguments = GRPOConfig(
        output_dir=str(folder),
        max_steps=steps,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
        bf16=False,
        seed=7,
        disable_tqdm=True,
        **defaults | settings,
    )
    data = Dataset.from_list(rows)
    trainer = GRPOTrainer(
        model=model, processing_class=tokenizer, reward_funcs=rewards, args=arguments, train_dataset=data
    )
    trainer.train()
    return [row for row in trainer.state.log_history if "reward" in row]


def test_the_reward_goes_up_on_a_toy_task(tmp_path):
    # One prompt, one reference, seed 7, on the CPU: the policy learns to say the reference's words (from 33 to 58).
    rows = [{"prompt": PROMPT, "ground_truth": REFERENCE, "unrelated": 3}] * 8
    means = [row["rewards/ROUGE-L/mean"] for row in train(tmp_path, [reward("rouge_l")], rows, steps=15)]
    assert sum(means[-3:]) / 3 > sum(means[:3]) / 3 + 10


def test_several_rewards_and_samples_that_only_one_of_them_applies_to(tmp_path):
    direction = reward("temporal_change_f1", key="Temporal_direction_score", reference="prior_truth")
    both = reward(["rouge_l", "temporal_f1"], weights=[0.5, 0.5])
    rows = [
        {"prompt": PROMPT, "ground_truth": REFERENCE, "prior_truth": REFERENCE},
        {"prompt": PROMPT, "ground_truth": [REFERENCE, "The lungs are clear."], "prior_truth": None},
    ]
    rows[0]["ground_truth"] = [REFERENCE]  # a column has one type
    log = train(tmp_path, [both, direction], rows, steps=2, reward_weights=[1.0, 0.1])
    assert len(log) == 2
    for row in log:
        assert 0 < row["rewards/ROUGE-L+Temporal_entity_score/mean"] <= 100
        assert 0 <= row["rewards/Temporal_direction_score/mean"] <= 100


def test_the_document_s_example_trains(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, code = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "rewards.md").read_text(), re.DOTALL)
    model, tokenizer = language_model()
    names = {"model": model, "tokenizer": tokenizer}
    exec(code.replace("GRPOConfig(", "GRPOConfig(use_cpu=True, bf16=False, max_steps=1, report_to='none', "), names)
    names["trainer"].train()
