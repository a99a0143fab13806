"""BiomedCLIP's vision tower through open_clip, an optional extra. Untested: no weights and no open_clip here.

open_clip keeps a timm vision transformer under `visual.trunk`; this puts it behind the interface that
`towers.VisionTower` expects of a transformers model.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from torch import Tensor, nn

from benchmarks.errors import ModelError
from model_adapters.checkpoints.weights import load_into


class OpenClipVision(nn.Module):
    """A timm vision transformer that returns its hidden states as transformers' models do."""

    def __init__(self, trunk: Any) -> None:
        super().__init__()
        self.trunk = trunk
        embedding = trunk.patch_embed
        self.config = SimpleNamespace(
            hidden_size=trunk.embed_dim,
            num_hidden_layers=len(trunk.blocks),
            image_size=embedding.img_size[0],
            patch_size=embedding.patch_size[0],
        )

    def forward(self, pixels_B3HW: Tensor, output_hidden_states: bool = True) -> SimpleNamespace:
        """The last hidden state after the final norm, and every block's output before it (embedding first)."""
        hidden_states: list[Tensor] = []

        def keep_input(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            hidden_states.append(inputs[0])

        def keep_output(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            hidden_states.append(output)

        hooks = [self.trunk.blocks[0].register_forward_pre_hook(keep_input)]
        hooks += [block.register_forward_hook(keep_output) for block in self.trunk.blocks]
        try:
            last = self.trunk.forward_features(pixels_B3HW)
        finally:
            for hook in hooks:
                hook.remove()
        return SimpleNamespace(last_hidden_state=last, hidden_states=tuple(hidden_states))


def load_open_clip(folder: Path, weights: Mapping[str, Any] | None) -> OpenClipVision:
    """Load the vision side of an open_clip folder.

    Args:
        folder: holds open_clip_config.json and open_clip's weights.
        weights: take these for the trunk instead of the folder's own.

    Raises:
        ModelError: open_clip isn't installed, or the folder isn't a vision transformer of timm's.
    """
    try:
        import open_clip
    except ImportError as error:
        raise ModelError(
            "this vision tower needs open_clip", where=folder, hint="pip install 'libra-bench[biomedclip]'"
        ) from error
    model = open_clip.create_model(f"local-dir:{folder}")
    if not hasattr(model.visual, "trunk"):
        raise ModelError("is no timm vision transformer", where=folder, hint="only towers like BiomedCLIP's are read")
    vision = OpenClipVision(model.visual.trunk)
    if weights is not None:
        load_into(vision.trunk, {key.removeprefix("trunk."): weight for key, weight in weights.items()}, where=folder)
    return vision
