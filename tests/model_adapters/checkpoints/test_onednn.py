"""Linear layers through oneDNN: the same products, whatever the number of rows; everything else stays as it is."""

from __future__ import annotations

import gc
import platform
import weakref

import pytest
import torch
from torch import nn

from model_adapters.checkpoints.onednn import OneDnnLinear, use_onednn, uses_onednn

SIZES = [(30, 7), (64, 128), (384, 1536), (1376, 512), (4096, 4096)]


def layers(*modules: nn.Module) -> nn.Sequential:
    return nn.Sequential(*modules).requires_grad_(False)


@pytest.fixture(params=[1, 2])
def _threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("width", "out"), SIZES)
@pytest.mark.parametrize("bias", [True, False])
@torch.inference_mode()
def test_it_is_the_same_product(width, out, bias):
    torch.manual_seed(0)
    model, x = layers(nn.Linear(width, out, bias=bias)), torch.randn(2, 5, width)
    weight, exact = model[0].weight.clone(), model.double()(x.double())
    use_onednn(model.float())
    assert uses_onednn(model)
    assert type(model[0]) is OneDnnLinear
    assert torch.equal(model[0].weight, weight)
    torch.testing.assert_close(model(x).double(), exact, rtol=0, atol=2e-6 * exact.abs().max().item())
    assert model(x[:, :0]).shape == (2, 0, out)
    apart = x.transpose(0, 1)  # not contiguous
    torch.testing.assert_close(model(apart), model(x).transpose(0, 1), rtol=0, atol=0)


@pytest.mark.usefixtures("_threads")
@pytest.mark.parametrize(("width", "out"), SIZES)
@torch.inference_mode()
def test_a_row_does_not_depend_on_the_others(width, out):
    torch.manual_seed(0)
    model, x = layers(nn.Linear(width, out)), torch.randn(200, width)
    use_onednn(model)
    together = model(x)
    for rows in (1, 2, 3, 16, 33, 100):
        for first in (0, 5):
            assert torch.equal(model(x[first : first + rows]), together[first : first + rows])


def test_the_weights_are_held_once():
    linear = nn.Linear(8, 8)
    held = weakref.ref(linear.weight)
    model = layers(nn.Sequential(linear), nn.ReLU())
    del linear
    use_onednn(model)
    gc.collect()
    assert held() is None
    found = next(model.parameters())
    assert (found.shape, found.dtype, found.nbytes) == ((8, 8), torch.float32, 256)


class Own(nn.Linear):
    """As quantized layers and those of LoRA."""


def test_other_layers_stay_as_they_are():
    others = layers(
        Own(4, 4), nn.Linear(4, 4, dtype=torch.bfloat16), nn.Linear(4, 4, device="meta"), nn.MultiheadAttention(4, 1)
    )
    before = list(others.modules())
    use_onednn(others)
    assert list(others.modules()) == before
    assert not uses_onednn(others)


@pytest.mark.parametrize(
    ("owner", "name", "value"), [(torch.backends.mkldnn, "is_available", False), (platform, "machine", "arm64")]
)
def test_other_machines_stay_as_they_are(owner, name, value, monkeypatch):
    monkeypatch.setattr(owner, name, lambda: value)
    plain = layers(nn.Linear(4, 4))
    use_onednn(plain)
    assert type(plain[0]) is nn.Linear


def test_pytorch_still_has_the_two_operations():
    """They have no public name; torch.compile calls them, too."""
    assert str(torch.ops.mkldnn._reorder_linear_weight.default._schema) == (
        "mkldnn::_reorder_linear_weight(Tensor self, int? batch_size=None) -> Tensor Y"
    )
    assert str(torch.ops.mkldnn._linear_pointwise.default._schema) == (
        "mkldnn::_linear_pointwise(Tensor X, Tensor W, Tensor? B, str attr, Scalar?[] scalars, str? algorithm)"
        " -> Tensor Y"
    )
