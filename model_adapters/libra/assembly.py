"""What a checkpoint needs besides its weights to be asked, put together: tokenizer, template, images."""

from __future__ import annotations

from pathlib import Path

import torch

from benchmarks.errors import InputError
from model_adapters.adapter import ModelSpec
from model_adapters.cards import ImagePolicy
from model_adapters.cards.image_policy import POLICY_ROLES, image_policy, shown_images
from model_adapters.cards.prompt_hooks import conversation
from model_adapters.libra.checkpoint.identity import conversation_mode
from model_adapters.libra.checkpoint.loading import LoadedLibra
from model_adapters.libra.inputs.feature_store import FeatureStore, features_identity
from model_adapters.libra.inputs.image_features import ImageFeatures
from model_adapters.libra.inputs.image_reader import ImageReader
from model_adapters.libra.inputs.prompt_stream import PromptStream
from model_adapters.libra.inputs.prompts import LibraPrompts, Turns
from model_adapters.libra.inputs.tokenizer import LibraTokenizer
from model_adapters.libra.inputs.tower_features import TowerFeatures


def load_tokenizer(loaded: LoadedLibra) -> LibraTokenizer:
    """The checkpoint's tokenizer; the model is given as many rows as it has tokens, as the published loader does.

    Raises:
        ModelError: it cannot be loaded.
    """
    tokenizer = LibraTokenizer.load(loaded.tokenizer_folder, loaded.config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # rows of added tokens that the checkpoint has no weights for
        loaded.model.resize_vocabulary(len(tokenizer))
    return tokenizer


def assemble_prompts(
    loaded: LoadedLibra, tokenizer: LibraTokenizer, spec: ModelSpec, *, turns: Turns | None = None
) -> PromptStream:
    """Everything that makes prompts of questions for one model.

    Args:
        loaded: the model.
        tokenizer: the checkpoint's.
        spec: template, image policy, the card's prompt hook, and the adapter's `PROMPT_OPTIONS`.
        turns: the conversation that a question ends; None: the question's words alone, as the card's hook has them.

    Raises:
        UnknownNameError: an unknown conversation mode or image policy.
        InputError: a prior image is asked for and the model cannot read one, or features cannot be kept.
    """
    model, options = loaded.model, spec.options
    policy = _policy(spec, reads_prior=model.connector.uses_prior)
    prompts = LibraPrompts(
        tokenizer,
        loaded.config,
        mode=conversation_mode(spec, loaded.config),
        eos_token_ids=loaded.eos_token_ids,
        num_patches=model.num_patches,
        turns=turns or (lambda asked: conversation(asked, spec.card, shown_images(asked, policy))),
    )
    reader = ImageReader(loaded.image_processor, loaded.image_aspect_ratio)
    kept = options.get("feature_cache_dir")
    tower = TowerFeatures(
        model,
        reader,
        workers=options.get("workers", 2),
        memory_mb=options.get("feature_cache_mb", 1024.0),
        store=FeatureStore(Path(kept), features_identity(model.tower, reader)) if kept else None,
        extract=model.extract,
    )
    return PromptStream(prompts, model, ImageFeatures(model, tower), policy)


def _policy(spec: ModelSpec, *, reads_prior: bool) -> ImagePolicy:
    """Which images are shown; a model that always reads two gets the current one twice where there is one to show.

    Raises:
        InputError: the user asks for a prior image, and the connector reads one image alone.
    """
    policy = image_policy(spec, default="dummy-prior")
    if "lateral" in POLICY_ROLES[policy]:
        raise InputError(
            f"{policy} cannot be: the models of this family read no lateral images",
            where="option image_policy",
            hint="leave it out",
        )
    if reads_prior:
        return policy
    if spec.options.get("image_policy") not in (None, "one"):
        raise InputError(
            f"{policy} cannot be: this model's connector reads the current image alone",
            where="option image_policy",
            hint="leave it out",
        )
    return "one"
