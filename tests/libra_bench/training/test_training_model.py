"""The model that is trained against the one that runs: the same loss and gradients from fewer logits, no mask."""

from __future__ import annotations

import pytest
import torch
import transformers
from oracles import MODELS, assert_close
from torch import nn

from libra_bench.training.model import TrainingModel
from model_adapters.libra.checkpoint.loading import load_checkpoint
from model_adapters.libra.network.decoders import DECODERS
from model_adapters.libra.network.marks import IMAGE_TOKEN
from model_adapters.libra.network.model import LibraModel


@pytest.fixture(scope="module")
def whole() -> LibraModel:
    return load_checkpoint(MODELS / "tiny-libra-tac").model


def of_family(whole: LibraModel, family: str) -> LibraModel:
    """A language model of random weights behind the same tower and connector."""
    config_class, model_class = (getattr(transformers, name) for name in DECODERS[family])
    config = config_class(
        vocab_size=300,
        hidden_size=whole.connector.mlp_final[-1].out_features,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        pad_token_id=0,
        attn_implementation="sdpa",
    )
    torch.manual_seed(0)
    return LibraModel(whole.tower, whole.connector, model_class(config))


def padded_batch() -> dict[str, torch.Tensor]:
    """Rows of different lengths, one without image, one truncated before its reply."""
    torch.manual_seed(1)
    ids, mask = torch.zeros(2, 4, 30, dtype=torch.long)
    labels = torch.full((4, 30), -100)
    for row, (length, learned) in enumerate([(30, 12), (14, 3), (20, 9), (17, 0)]):
        ids[row, :length] = torch.randint(3, 300, (length,))
        mask[row, :length] = 1
        if row != 2:
            ids[row, 4] = IMAGE_TOKEN
        labels[row, length - learned : length] = ids[row, length - learned : length]
    return {"input_ids": ids, "attention_mask": mask, "labels": labels, "images": torch.randn(2, 4, 3, 56, 56)}


def gradients(model: nn.Module) -> dict[str, torch.Tensor]:
    found = {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}
    model.zero_grad()
    return found


@pytest.mark.parametrize("family", DECODERS)
def test_the_loss_and_gradients_of_all_logits(whole, family):
    full, batch = of_family(whole, family), padded_batch()
    full.language_model.requires_grad_(True)
    full.connector.requires_grad_(True)
    expected = full(**batch)
    expected.loss.backward()
    expected_gradients = gradients(full)
    found = TrainingModel(full.tower, full.connector, full.language_model)(**batch)
    assert found.logits.shape == (12 + 3 + 9, 300)
    assert found.loss.item() == pytest.approx(expected.loss.item(), abs=1e-6)
    found.loss.backward()
    assert_close(gradients(full), expected_gradients, atol=1e-6, rtol=1e-4)


def test_a_batch_of_which_nothing_is_learned_has_no_loss(whole):
    batch = padded_batch()
    batch["labels"].fill_(-100)
    assert torch.isnan(TrainingModel(whole.tower, whole.connector, whole.language_model)(**batch).loss)
