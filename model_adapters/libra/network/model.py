"""The Libra model: a vision tower, a connector and a language model, put together.

Shape legend: B studies, L tower layers, N image patches, C tower width, H width of the language model, T tokens
of text, S positions after the image token has become N features (T - 1 + N), V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor, nn

from benchmarks.errors import InputError
from model_adapters.libra.network.connectors import SingleImageProjector, TemporalAlignmentConnector
from model_adapters.libra.network.marks import IGNORED_LABEL, IMAGE_TOKEN
from model_adapters.libra.network.towers import VisionTower


class LibraModel(nn.Module):
    """Reads a current and a prior radiograph and continues a text about them.

    Args:
        tower: pixels -> hidden states; frozen.
        connector: hidden states of both images -> features in the language model's embedding space.
        language_model: a causal language model of transformers, of any family.
    """

    def __init__(
        self,
        tower: VisionTower,
        connector: TemporalAlignmentConnector | SingleImageProjector,
        language_model: Any,
    ) -> None:
        super().__init__()
        self.tower = tower
        self.connector = connector
        self.language_model = language_model

    @property
    def decoder(self) -> Any:
        """What generates text: the language model, without the wrapping of a LoRA that is being trained."""
        return self.language_model

    @property
    def device(self) -> torch.device:
        """Where inputs go."""
        weight: Tensor = self.language_model.get_input_embeddings().weight
        return weight.device

    @property
    def dtype(self) -> torch.dtype:
        """The floating-point type of the features and embeddings."""
        return next(self.connector.parameters()).dtype

    @property
    def num_patches(self) -> int:
        """N, how many positions the image token becomes."""
        return self.tower.num_patches

    @property
    def vocabulary_size(self) -> int:
        """V, rows of the embedding table; ids from here on can never be produced."""
        return int(self.language_model.get_input_embeddings().weight.shape[0])

    def resize_vocabulary(self, size: int) -> None:
        """Give the embedding table and the output layer `size` rows; old rows stay, new ones are the mean of the old.

        The published loader always does this with the tokenizer's length: tokens added for
        `mm_use_im_patch_token` and `mm_use_im_start_end` get rows, and unused rows can't be generated.
        """
        before = self.vocabulary_size
        if size == before:
            return
        self.language_model.resize_token_embeddings(size, mean_resizing=False)
        tables = [self.language_model.get_input_embeddings(), self.language_model.get_output_embeddings()]
        with torch.no_grad():
            for table in tables:
                table.weight[before:] = table.weight[:before].mean(dim=0)

    def tower_features(self, pixels_B3HW: Tensor) -> Tensor:
        """Tower features [B, L, N, C] of single images: worth caching, a prior is often another study's current."""
        features_BLNC: Tensor = self.tower(pixels_B3HW)
        return features_BLNC

    def connect(self, current_BLNC: Tensor, prior_BLNC: Tensor) -> Tensor:
        """Image features [B, N, H] from the tower features of both images; without a prior pass current twice."""
        dtype = self.dtype
        features_BNH: Tensor = self.connector(current_BLNC.to(dtype), prior_BLNC.to(dtype))
        return features_BNH

    def extract(self, features_BLNC: Tensor) -> Tensor:
        """What the connector reads of single images, [B, N, C] from tower features [B, L, N, C]: see `fuse`."""
        return self.connector.extract(features_BLNC.to(self.dtype))

    def fuse(self, current_BNC: Tensor, prior_BNC: Tensor) -> Tensor:
        """Image features [B, N, H] from what `extract` gave for both images: the numbers of `connect`."""
        return self.connector.fuse(current_BNC, prior_BNC)

    def encode_images(self, pixels_2B3HW: Tensor) -> Tensor:
        """Image features [B, N, H] from pixels [2, B, 3, H, W]: the current images, then the prior ones.

        Raises:
            InputError: the first dimension isn't 2.
        """
        if pixels_2B3HW.dim() != 5 or pixels_2B3HW.shape[0] != 2:
            raise InputError(
                f"images have shape {list(pixels_2B3HW.shape)}, not [2, B, 3, H, W]",
                hint="stack current and prior images; without a prior give the current image twice",
            )
        current, prior = pixels_2B3HW
        current_BLNC = self.tower_features(current)
        others = (current != prior).flatten(1).any(1).nonzero().flatten()
        if not self.connector.uses_prior or not len(others):
            return self.connect(current_BLNC, current_BLNC)
        prior_BLNC = self.tower_features(prior[others])
        if len(others) < len(prior):  # the rest were encoded as current images
            prior_BLNC = current_BLNC.index_copy(0, others, prior_BLNC)
        return self.connect(current_BLNC, prior_BLNC)

    def embed_prompt(self, input_ids: Sequence[int], features_NH: Tensor | None) -> Tensor:
        """What the language model reads for one prompt: embeddings [S, H], the image features in their place.

        Args:
            input_ids: T token ids, IMAGE_TOKEN (-200) in the place of the image, at most once.
            features_NH: the study's image features; None for a prompt without an image. A prompt without image
                token doesn't see the features.

        Raises:
            InputError: two image tokens, an image token without features, or an id outside the vocabulary.
        """
        ids_T = torch.as_tensor(input_ids, dtype=torch.long, device=self.device)
        places = (ids_T == IMAGE_TOKEN).nonzero().flatten().tolist()
        if len(places) > 1:
            raise InputError(
                f"the prompt has {len(places)} image tokens, the model takes one",
                hint="write <image> once: it means the current and the prior image together",
            )
        if not places:
            return self._embed(ids_T)
        if features_NH is None:
            raise InputError("the prompt has an image token, but no image is given", hint="give the study's images")
        place = places[0]
        before, after = self._embed(ids_T[:place]), self._embed(ids_T[place + 1 :])
        return torch.cat([before, self._scale(features_NH.to(before)), after])

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        images: Tensor | None = None,
        labels: Tensor | None = None,
        **language_model_options: Any,
    ) -> Any:
        """Loss and logits of a right-padded batch, for training and for teacher forcing.

        Args:
            input_ids: [B, T], IMAGE_TOKEN at most once per row.
            attention_mask: [B, T], 0 at the padding on the right; None: no padding.
            images: current then prior, pixels [2, B, 3, H, W] or tower features [2, B, L, N, C]; None: text only.
                A row without image token does not see its images.
            labels: [B, T], IGNORED_LABEL (-100) where no loss is wanted.
            language_model_options: passed on to the language model (`num_items_in_batch`, `logits_to_keep`, ...).

        Returns:
            transformers' CausalLMOutputWithPast: `loss` (None without labels), `logits` [B, S, V].
        """
        embeddings_BSH, mask_BS, labels_BS = self.read_batch(input_ids, attention_mask, images, labels)
        return self.language_model(
            inputs_embeds=embeddings_BSH,
            attention_mask=mask_BS,
            labels=labels_BS,
            **{"use_cache": False, **language_model_options},
        )

    def read_batch(
        self, input_ids: Tensor, attention_mask: Tensor | None, images: Tensor | None, labels: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """What the language model reads of a batch, as `splice` gives it; arguments as in `forward`."""
        features_BNH = None if images is None else self._image_features(images)
        embeddings_BSH, mask_BS, labels_BS = self.splice(input_ids, attention_mask, features_BNH, labels)
        if features_BNH is not None and self.training:
            # Rows without an image do not see the features; every parameter still takes part in every step.
            embeddings_BSH = embeddings_BSH + 0 * features_BNH.sum()
        return embeddings_BSH, mask_BS, labels_BS

    def splice(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None,
        features_BNH: Tensor | None,
        labels: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Put the image features into a right-padded batch: (embeddings [B, S, H], mask [B, S], labels [B, S]).

        Image positions are attended to and carry no label. S is that of the widest row, its padding included.
        """
        rows, widest = [], 0
        for row, ids_T in enumerate(input_ids):
            length = len(ids_T) if attention_mask is None else int(attention_mask[row].sum())
            features_NH = None if features_BNH is None else features_BNH[row]
            embeddings_SH = self.embed_prompt(ids_T[:length].tolist(), features_NH)
            labels_S = None if labels is None else _widen(labels[row, :length], ids_T[:length], len(embeddings_SH))
            rows.append((embeddings_SH, labels_S))
            widest = max(widest, len(embeddings_SH) + len(ids_T) - length)
        first = rows[0][0]
        embeddings_BSH = first.new_zeros(len(rows), widest, first.shape[-1])
        mask_BS = torch.zeros(len(rows), widest, dtype=torch.long, device=first.device)
        labels_BS = None if labels is None else mask_BS + IGNORED_LABEL
        for row, (embeddings_SH, labels_S) in enumerate(rows):
            embeddings_BSH[row, : len(embeddings_SH)] = embeddings_SH
            mask_BS[row, : len(embeddings_SH)] = 1
            if labels_BS is not None and labels_S is not None:
                labels_BS[row, : len(labels_S)] = labels_S
        return embeddings_BSH, mask_BS, labels_BS

    def train(self, mode: bool = True) -> Self:
        """Switch dropout on or off; the tower is frozen and stays in evaluation mode."""
        super().train(mode)
        self.tower.eval()
        return self

    def _image_features(self, images: Tensor) -> Tensor:
        """Image features [B, N, H] from pixels, or from tower features that were kept."""
        are_pixels = images.dim() != 5 or images.shape[2] == 3
        return self.encode_images(images) if are_pixels else self.connect(images[0], images[1])

    def _embed(self, ids_T: Tensor) -> Tensor:
        if ids_T.numel() and not 0 <= int(ids_T.min()) <= int(ids_T.max()) < self.vocabulary_size:
            raise InputError(
                f"a token id is outside the vocabulary of {self.vocabulary_size}",
                hint="tokenizer and checkpoint must belong together",
            )
        embeddings_TH: Tensor = self.language_model.get_input_embeddings()(ids_T)
        return embeddings_TH

    def _scale(self, features_NH: Tensor) -> Tensor:
        """Gemma was trained with all it reads times sqrt(H), image features too; transformers does it to words only."""
        scale = getattr(self.language_model.get_input_embeddings(), "embed_scale", None)
        return features_NH if scale is None else features_NH * torch.as_tensor(scale).to(features_NH)


def _widen(labels_T: Tensor, ids_T: Tensor, width: int) -> Tensor:
    """Labels [S] for a row whose image token became width - T + 1 positions."""
    places = (ids_T == IMAGE_TOKEN).nonzero().flatten()
    if not len(places):
        return labels_T
    place = int(places[0])
    ignored = labels_T.new_full((width - len(ids_T) + 1,), IGNORED_LABEL)
    return torch.cat([labels_T[:place], ignored, labels_T[place + 1 :]])
