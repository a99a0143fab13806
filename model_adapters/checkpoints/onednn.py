"""Linear layers of a model that is only asked, on a CPU, through oneDNN.

PyTorch leaves products of float32 matrices on a CPU to MKL, which uses half the width of AMD's Zen 5 and lays out the
weights anew at every call. oneDNN, which is part of PyTorch, uses all of it and lays them out once. Its sums have
another order, so results differ in their last digits, and a row's result does not depend on how many others there are.
"""

from __future__ import annotations

import platform

import torch
from torch import Tensor, nn

from benchmarks.files.mapped import leave_to_file, mapped_files

ROWS = 32
"""Rows of inputs that weights are laid out for: of 1 to 700 rows, only the layout for 1 is slower for the others."""


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """As `torch.nn.functional.linear`, with a weight that is laid out."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
    return product


class OneDnnLinear(nn.Module):
    """A linear layer that can be asked, and neither trained nor saved.

    Args:
        layer: float32, on a CPU.
    """

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = layer.in_features, layer.out_features
        laid_out = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach().contiguous(), ROWS)
        self.laid_out = nn.Parameter(laid_out, requires_grad=False)
        self.bias = layer.bias

    @property
    def weight(self) -> Tensor:
        """The weights [out_features, in_features] for whoever does not ask the layer: a copy."""
        return self.laid_out.to_dense()

    def forward(self, x: Tensor) -> Tensor:
        """`linear(x)`: [..., in_features] to [..., out_features]."""
        if not x.numel():
            return x.new_empty(*x.shape[:-1], self.out_features)
        if x.numel() == self.in_features:  # a row alone is summed in another order, and takes as long as two
            return linear(x.expand(2, *x.shape), self.laid_out, self.bias)[0]
        return linear(x, self.laid_out, self.bias)


def uses_onednn(model: nn.Module) -> bool:
    """Whether any of its layers was replaced."""
    return any(isinstance(layer, OneDnnLinear) for layer in model.modules())


def use_onednn(model: nn.Module) -> None:
    """Replace the linear layers of a model, one after another: memory holds one of them twice.

    Layers of another precision, on a GPU, or of a class of their own (quantized, with LoRA) stay as they are; so do
    all on other processors than x86-64, which were not measured, or where PyTorch was built without oneDNN.
    """
    if platform.machine() not in ("x86_64", "AMD64") or not torch.backends.mkldnn.is_available():
        return
    files = mapped_files()  # weights are read from there once, to be laid out, and would stay in memory beside them
    for parent in model.modules():
        for name, layer in list(parent.named_children()):
            if type(layer) is nn.Linear and layer.weight.dtype == torch.float32 and layer.weight.device.type == "cpu":
                setattr(parent, name, OneDnnLinear(layer))
                leave_to_file(layer.weight.data_ptr(), layer.weight.nbytes, files)
