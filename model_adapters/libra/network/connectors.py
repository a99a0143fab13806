"""Connectors: from the vision tower's features to the language model's embedding space.

Shape legend: B studies, L tower layers (12 for the temporal connector), N patches, C tower width,
H width of the language model. Every connector maps (current_BLNC, prior_BLNC) to features_BNH, in two steps: `extract`
looks at one image alone, `fuse` at both. So what is extracted from an image serves every study that shows it.

Parameter names are those of the published weights, below `model.mm_projector.`.

Source: Libra (arXiv 2411.19378), section 3; LLaVA-1.5 for `linear` and `mlpNx_gelu`.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.errors import ModelError

TAC_LAYERS = 12
"""Tower layers that the temporal connector fuses; fixed by the published weights (12 -> 6 -> 3 -> 1)."""


class SqueezeExcitation(nn.Module):
    """A gate for each channel, computed from the mean of all channels: [B, L, N, C] -> [B, L, 1, 1], each in (0, 1)."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, squeezed, kernel_size=1)
        self.fc2 = nn.Conv2d(squeezed, channels, kernel_size=1)

    def forward(self, x_BLNC: Tensor) -> Tensor:
        """The gates."""
        mean_BL11 = x_BLNC.mean(dim=(2, 3), keepdim=True)
        return torch.sigmoid(self.fc2(functional.gelu(self.fc1(mean_BL11))))


class LayerMixing(nn.Conv2d):
    """A 1 x 1 convolution without bias of gated channels, [B, L, N, C] -> [B, M, N, C], as a matrix product.

    For so few channels and two threads, oneDNN's convolution was measured to take 7 to 29 times as long. The gates
    scale the few weights instead of the many features.
    """

    def __init__(self, layers: int, mixed: int) -> None:
        super().__init__(layers, mixed, kernel_size=1, bias=False)

    def forward(self, x_BLNC: Tensor, gate_BL11: Tensor) -> Tensor:
        """Weighted sums of the layers, each times its gate."""
        weight_BML = self.weight.flatten(1) * gate_BL11.flatten(1)[:, None]
        return torch.bmm(weight_BML, x_BLNC.flatten(2)).unflatten(2, x_BLNC.shape[2:])


class TemporalAlignmentConnector(nn.Module):
    """TAC: fuse the tower's twelve layers (LFE), then the current image with the prior one (TFM).

    A study without a prior gives the current image twice. Tower layers are treated as the channels of an
    N x C picture, so a squeeze-excitation gate pools over patches and tower width. `extract` is the LFE, `fuse` the
    TFM.

    Args:
        mm_hidden_size: C, the tower's width.
        hidden_size: H, the language model's width.
        num_heads: heads of the three attentions; the published weights use the language model's own number.
        dropout: after each attention and in the MLP; only in training mode.

    Raises:
        ModelError: `num_heads` does not divide the tower's width.
    """

    uses_prior = True

    def __init__(self, mm_hidden_size: int, hidden_size: int, num_heads: int, dropout: float = 0.1) -> None:
        super().__init__()
        if mm_hidden_size % num_heads:
            raise ModelError(
                f"the temporal connector has {num_heads} heads, which do not divide the vision width {mm_hidden_size}",
                hint="num_attention_heads must divide mm_hidden_size in config.json",
            )
        half, quarter = TAC_LAYERS // 2, TAC_LAYERS // 4
        self.LFE = nn.ModuleList(
            [
                SqueezeExcitation(TAC_LAYERS, half),
                LayerMixing(TAC_LAYERS, half),
                SqueezeExcitation(half, quarter),
                LayerMixing(half, quarter),
                SqueezeExcitation(quarter, 1),
                LayerMixing(quarter, 1),
            ]
        )
        self.LFE_prior_bias = nn.Parameter(torch.tensor(0.0))

        def attention() -> nn.MultiheadAttention:
            return nn.MultiheadAttention(mm_hidden_size, num_heads, batch_first=True, add_bias_kv=True)

        self.cur_self_attention, self.prior_self_attention, self.cros_attention = (attention() for _ in range(3))
        self.norm1, self.norm2, self.norm3, self.norm4 = (nn.LayerNorm(mm_hidden_size) for _ in range(4))
        self.dropout = nn.Dropout(dropout)
        self.mlp_attn = nn.Sequential(
            nn.Linear(mm_hidden_size, mm_hidden_size),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(mm_hidden_size, mm_hidden_size),
            nn.Dropout(dropout),
        )
        self.mlp_final = mlp(4, mm_hidden_size, hidden_size)

    def forward(self, current_BLNC: Tensor, prior_BLNC: Tensor) -> Tensor:
        """Features [B, N, H] of the current images, in the light of the prior ones (both [B, 12, N, C])."""
        return self.fuse(self.extract(current_BLNC), self.extract(prior_BLNC))

    def extract(self, x_BLNC: Tensor) -> Tensor:
        """One layer [B, N, C] made of the twelve [B, 12, N, C].

        Raises:
            ModelError: the tower does not give twelve.
        """
        if x_BLNC.shape[1] != TAC_LAYERS:
            raise ModelError(
                f"the temporal connector fuses {TAC_LAYERS} tower layers, but the tower gives {x_BLNC.shape[1]}",
                hint='set mm_vision_select_layer to "all" and use a tower of 12 layers',
            )
        for excitation, mixing in zip(self.LFE[::2], self.LFE[1::2], strict=True):
            x_BLNC = mixing(x_BLNC, excitation(x_BLNC))
        return x_BLNC.squeeze(1)

    def fuse(self, current_BNC: Tensor, prior_BNC: Tensor) -> Tensor:
        """Features [B, N, H] from what was extracted of the current and of the prior images (both [B, N, C])."""
        prior_BNC = prior_BNC + self.prior_weight(current_BNC, prior_BNC) * self.LFE_prior_bias

        x_BNC = self.norm1(current_BNC + self._attend(self.cur_self_attention, current_BNC, current_BNC))
        p_BNC = self.norm2(prior_BNC + self._attend(self.prior_self_attention, prior_BNC, prior_BNC))
        x_BNC = self.norm3(x_BNC + self._attend(self.cros_attention, x_BNC, p_BNC))
        # The last residual is the raw current feature, not norm3: so were the published weights trained.
        x_BNC = self.norm4(current_BNC + self.mlp_attn(x_BNC))
        features_BNH: Tensor = self.mlp_final(x_BNC)
        return features_BNH

    @staticmethod
    def prior_weight(current_BNC: Tensor, prior_BNC: Tensor) -> Tensor:
        """How alike the two images are, ((cosine + 1) / 2) ** 8: [B, 1, 1]; 1 for a repeated image."""
        cosine_B = functional.cosine_similarity(current_BNC.flatten(1), prior_BNC.flatten(1), dim=-1)
        return (((cosine_B + 1) / 2) ** 8)[:, None, None]

    def _attend(self, attention: nn.MultiheadAttention, query_BNC: Tensor, memory_BNC: Tensor) -> Tensor:
        attended_BNC: Tensor = self.dropout(attention(query_BNC, memory_BNC, memory_BNC, need_weights=False)[0])
        return attended_BNC


class SingleImageProjector(nn.Module):
    """`linear` and `mlpNx_gelu`: project the first layer of the current image; the prior has no influence."""

    uses_prior = False

    def __init__(self, projector: nn.Module) -> None:
        super().__init__()
        self.projector = projector

    def forward(self, current_BLNC: Tensor, prior_BLNC: Tensor | None = None) -> Tensor:
        """Features [B, N, H] of the current images; the prior is accepted and ignored."""
        return self.fuse(self.extract(current_BLNC))

    def extract(self, x_BLNC: Tensor) -> Tensor:
        """The one layer [B, N, C] that is projected."""
        return x_BLNC[:, 0]

    def fuse(self, current_BNC: Tensor, prior_BNC: Tensor | None = None) -> Tensor:
        """Features [B, N, H]; the prior is accepted and ignored."""
        features_BNH: Tensor = self.projector(current_BNC)
        return features_BNH


def mlp(depth: int, width_in: int, width_out: int) -> nn.Sequential:
    """`depth` linear layers with exact GELU between them; linear layers at indices 0, 2, 4, ..."""
    layers: list[nn.Module] = [nn.Linear(width_in, width_out)]
    for _ in range(depth - 1):
        layers += [nn.GELU(), nn.Linear(width_out, width_out)]
    return nn.Sequential(*layers)


def build_connector(
    projector_type: str, *, mm_hidden_size: int, hidden_size: int, num_attention_heads: int
) -> TemporalAlignmentConnector | SingleImageProjector:
    """The connector that `mm_projector_type` in config.json names: "TAC", "linear" or "mlpNx_gelu".

    Raises:
        ModelError: an unknown type.
    """
    if projector_type == "TAC":
        return TemporalAlignmentConnector(mm_hidden_size, hidden_size, num_attention_heads)
    if projector_type == "linear":
        return SingleImageProjector(nn.Linear(mm_hidden_size, hidden_size))
    if match := re.fullmatch(r"mlp([1-9]\d*)x_gelu", projector_type):
        return SingleImageProjector(mlp(int(match[1]), mm_hidden_size, hidden_size))
    raise ModelError(
        f"unknown projector type {projector_type!r}",
        hint='mm_projector_type is one of "TAC", "linear", "mlp2x_gelu" ...',
    )
