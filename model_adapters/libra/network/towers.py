"""Vision towers: pixels in, hidden states of the chosen layers out.

Shape legend: B images, 3HW the processor's picture, L chosen layers, N patches (+ 1 where the CLS token is
kept), C tower width.

Which class a tower is follows from the `model_type` in its own config.json, never from its path.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.errors import ModelError
from model_adapters.checkpoints.files import read_config, weight_files
from model_adapters.checkpoints.foreign import handed_over
from model_adapters.checkpoints.weights import check_loading, quiet_loading_report, read_weights

OPEN_CLIP_CONFIG = "open_clip_config.json"
"""Marks a folder that open_clip reads (BiomedCLIP)."""


@dataclass(frozen=True, slots=True)
class TowerFamily:
    """How one family of vision transformers is loaded and read."""

    config_class: str
    model_class: str
    has_cls: bool
    """Whether the first token is a CLS token, dropped by select_feature "patch"."""


DINOV2 = TowerFamily("Dinov2Config", "Dinov2Model", has_cls=True)
CLIP = TowerFamily("CLIPVisionConfig", "CLIPVisionModel", has_cls=True)
SIGLIP = TowerFamily("SiglipVisionConfig", "SiglipVisionModel", has_cls=False)

TOWER_FAMILIES = {
    "dinov2": DINOV2,
    "clip": CLIP,
    "clip_vision_model": CLIP,
    "siglip": SIGLIP,
    "siglip_vision_model": SIGLIP,
}
"""model_type in the tower's config.json -> how to load it."""


class VisionTower(nn.Module):
    """A frozen vision transformer and the choice of what is read from it.

    Args:
        vision_model: the transformers model; an attribute `vision_tower`, as in the published key names.
        select_layer: "all" (every layer, stacked), or the index of one hidden state (0 is the embedding's
            output, -1 the last layer's), as int or as a string of digits.
        select_feature: "patch" or, with the CLS token, "cls_patch".
        final_norm: read the last hidden state *after* the final layer norm, whatever `select_layer` says
            (MAIRA-2's way).
        has_cls: whether the first token is a CLS token.

    Raises:
        ModelError: a layer that the tower does not have, or an unknown feature.
    """

    def __init__(
        self,
        vision_model: nn.Module,
        *,
        select_layer: str | int = "all",
        select_feature: str = "patch",
        final_norm: bool = False,
        has_cls: bool = True,
    ) -> None:
        super().__init__()
        if select_feature not in ("patch", "cls_patch"):
            raise ModelError(
                f"unknown vision feature {select_feature!r}", hint='mm_vision_select_feature is "patch" or "cls_patch"'
            )
        self.vision_tower = vision_model
        self.layer = parse_select_layer(select_layer, int(vision_model.config.num_hidden_layers))
        self.drop_cls = has_cls and select_feature == "patch"
        self.keep_cls = has_cls and select_feature == "cls_patch"
        self.final_norm = final_norm
        self.requires_grad_(False)

    @property
    def hidden_size(self) -> int:
        """C, the width of the features."""
        return int(self.vision_tower.config.hidden_size)

    @property
    def num_layers(self) -> int:
        """L, how many layers the features have."""
        return int(self.vision_tower.config.num_hidden_layers) if self.layer is None and not self.final_norm else 1

    @property
    def num_patches(self) -> int:
        """N, how many tokens one image becomes."""
        config = self.vision_tower.config
        return int((config.image_size // config.patch_size) ** 2) + self.keep_cls

    @torch.no_grad()
    def forward(self, pixels_B3HW: Tensor) -> Tensor:
        """Features [B, L, N, C] in the tower's dtype; never with gradients."""
        parameter = next(self.vision_tower.parameters())
        out = self.vision_tower(
            pixels_B3HW.to(device=parameter.device, dtype=parameter.dtype), output_hidden_states=not self.final_norm
        )
        if self.final_norm:
            features_BLNC = out.last_hidden_state[:, None]
        elif self.layer is None:
            features_BLNC = torch.stack(out.hidden_states[1:], dim=1)  # the first is the embedding's output
        else:
            features_BLNC = out.hidden_states[self.layer][:, None]
        return features_BLNC[:, :, 1:] if self.drop_cls else features_BLNC


def parse_select_layer(select_layer: str | int, num_layers: int) -> int | None:
    """The index into the hidden states, or None for "all" layers.

    Raises:
        ModelError: neither "all" nor one of the tower's layers.
    """
    if select_layer == "all":
        return None
    try:
        layer = int(select_layer)
    except (TypeError, ValueError):
        layer = num_layers + 1
    if not -num_layers - 1 <= layer <= num_layers:
        raise ModelError(
            f"the vision tower has {num_layers} layers and no layer {select_layer!r}",
            hint='mm_vision_select_layer is "all" or the index of a layer, such as -2',
        )
    return layer


def load_tower(
    folder: Path,
    *,
    select_layer: str | int = "all",
    select_feature: str = "patch",
    final_norm: bool = False,
    weights: Mapping[str, Any] | None = None,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> VisionTower:
    """Load the tower of a folder with transformers' own class (or open_clip's, by its config file).

    Args:
        folder: config.json, weights and preprocessor_config.json of the tower.
        select_layer: see `VisionTower`; so are select_feature and final_norm.
        weights: take these instead of the folder's own (an adapted tower stored in the checkpoint).
        device: where the weights go.
        dtype: floating-point type of the weights.

    Raises:
        ModelError: an unknown model_type, or weights that don't fit; lists the keys.
    """
    if (folder / OPEN_CLIP_CONFIG).is_file():
        from model_adapters.libra.network.open_clip_tower import load_open_clip

        vision_model = load_open_clip(folder, weights).to(device=device, dtype=dtype)
        has_cls = True
    else:
        vision_model, has_cls = _load_transformers_tower(folder, weights, device, dtype)
    return VisionTower(
        vision_model.eval(),
        select_layer=select_layer,
        select_feature=select_feature,
        final_norm=final_norm,
        has_cls=has_cls,
    )


def _load_transformers_tower(
    folder: Path, weights: Mapping[str, Any] | None, device: str | torch.device, dtype: torch.dtype
) -> tuple[nn.Module, bool]:
    import transformers

    fields = read_config(folder)
    model_type = fields.get("model_type")
    if model_type not in TOWER_FAMILIES:
        raise ModelError(
            f"unknown vision tower {model_type!r}",
            where=folder / "config.json",
            hint=f"known model_type: {', '.join(TOWER_FAMILIES)}",
        )
    family = TOWER_FAMILIES[model_type]
    if weights is None:
        weights = read_weights(weight_files(folder))
    if "vision_config" in fields:  # an image-text model: its text side is left alone
        fields = fields["vision_config"]
        weights = {key: weight for key, weight in weights.items() if key.startswith("vision_model.")}
    weights = {key: weight for key, weight in weights.items() if not key.endswith(".position_ids")}  # a constant
    with handed_over(folder, "the vision tower cannot be built"), quiet_loading_report():
        model, info = getattr(transformers, family.model_class).from_pretrained(
            None,
            config=getattr(transformers, family.config_class).from_dict(fields),
            state_dict=weights,
            dtype=dtype,
            attn_implementation="sdpa",
            ignore_mismatched_sizes=True,  # so that they are reported, and refused below
            output_loading_info=True,
        )
    check_loading(info, folder)
    return model.to(device), family.has_cls
