"""Loading model and processor in Hugging Face's format; what is wrong becomes one line."""

from __future__ import annotations

import importlib.util
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.errors import ModelError
from benchmarks.wording import first_line
from model_adapters.adapter import ModelSpec
from model_adapters.checkpoints.files import read_config
from model_adapters.checkpoints.foreign import TRIAL, handed_over
from model_adapters.checkpoints.onednn import use_onednn
from model_adapters.checkpoints.precision import (
    device_name,
    dtype_name,
    quantization_bits,
    quantization_config,
    torch_dtype,
)
from model_adapters.checkpoints.weights import quiet_loading_report, raise_for_keys
from model_adapters.generation.stopping import end_token_ids
from model_adapters.hf.images_only import has_videos, load_images_only


@dataclass(frozen=True, slots=True)
class Task:
    """What a checkpoint is loaded for."""

    auto_class: str
    """Of transformers."""
    mapping: str
    """Where transformers lists the model types that it can do this with."""
    called: str
    hint: str
    """What to do with a model of another kind."""


IMAGE_TEXT_TO_TEXT = Task(
    "AutoModelForImageTextToText",
    "MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES",
    "vision-language model",
    "name another --adapter, or serve it and use openai:NAME",
)
CAUSAL_LM = Task(
    "AutoModelForCausalLM", "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES", "language model", "serve it, and give its address"
)

logger = logging.getLogger(__name__)


def loadable_config(folder: Path, spec: ModelSpec, task: Task = IMAGE_TEXT_TO_TEXT) -> dict[str, Any]:
    """The checkpoint's config.json; refuses what cannot be loaded for this task.

    Raises:
        ModelError: no such model that transformers knows, or one whose own code the user has not allowed.
    """
    from transformers.models.auto import modeling_auto
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    config = read_config(folder)
    kind = str(config.get("model_type"))
    if kind in getattr(modeling_auto, task.mapping):
        return config
    where = folder / "config.json"
    if "auto_map" in config and kind not in CONFIG_MAPPING_NAMES:
        if spec.options.get("trust_remote_code"):
            return config
        raise ModelError(
            f"{kind!r} brings code of its own, which has not been run",
            where=where,
            hint="add --trust-remote-code if you have read it and trust it",
        )
    raise ModelError(
        f"{kind!r} is no {task.called} that transformers can load",
        where=where,
        hint=task.hint,
    )


def load_processor(folder: Path, spec: ModelSpec) -> Any:
    """The checkpoint's processor, with its image processor in the form that uses Pillow where there is one.

    Raises:
        ModelError: it is missing, or needs a package that isn't here.
    """
    from transformers import AutoProcessor

    config = loadable_config(folder, spec)
    trust = bool(spec.options.get("trust_remote_code"))
    torchvision = importlib.util.find_spec("torchvision") is not None
    kind = str(config.get("model_type"))
    try:
        try:
            if not torchvision and "auto_map" not in config and has_videos(kind):
                processor = load_images_only(folder, kind)
            else:
                processor = AutoProcessor.from_pretrained(folder, trust_remote_code=trust, backend="pil")
        except ImportError:  # a part of it has no form that uses Pillow
            if not torchvision:
                raise
            processor = AutoProcessor.from_pretrained(folder, trust_remote_code=trust)
    except Exception as error:  # as `handed_over`, with words of its own for a missing torchvision
        raise _processor_error(folder, error, torchvision=torchvision) from error
    if not hasattr(processor, "tokenizer") or not hasattr(processor, "image_processor"):
        raise ModelError(
            f"has no processor for images and text, only {type(processor).__name__}",
            where=folder,
            hint="the folder needs preprocessor_config.json and the tokenizer's files",
        )
    with handed_over(folder, "its tokenizer cannot be used", "fetch the tokenizer's files again"):
        processor.tokenizer(TRIAL)
    return processor


def _processor_error(folder: Path, error: Exception, *, torchvision: bool) -> ModelError:
    """Why a processor cannot be loaded; transformers says of a missing torchvision in several ways."""
    if not torchvision and any(word in str(error).lower() for word in ("torchvision", "pil backend")):
        what, hint = "its processor needs torchvision, which is not installed", "pip install torchvision"
    elif isinstance(error, ImportError):
        what, hint = "its processor needs a package that is not installed", "install it"
    else:
        what, hint = (
            "its processor cannot be loaded",
            "the folder needs preprocessor_config.json and the tokenizer's files",
        )
    return ModelError(f"{what} ({first_line(error)})", where=folder, hint=hint)


def load_tokenizer(folder: Path) -> Any:
    """The checkpoint's tokenizer.

    Raises:
        ModelError: it is missing, or cannot be loaded.
    """
    from transformers import AutoTokenizer

    with handed_over(folder, "its tokenizer cannot be loaded", "the folder needs the tokenizer's files"):
        tokenizer = AutoTokenizer.from_pretrained(folder)
        tokenizer(TRIAL)
    return tokenizer


def load_model(folder: Path, spec: ModelSpec, task: Task = IMAGE_TEXT_TO_TEXT) -> tuple[Any, list[str]]:
    """The model in evaluation mode, and the keys of the checkpoint that it has no place for.

    Raises:
        ModelError: keys are missing or of another shape, or the model cannot be built.
    """
    import transformers

    config = loadable_config(folder, spec, task)
    bits, device, dtype = quantization_bits(spec), torch.device(device_name(spec)), torch_dtype(dtype_name(spec))
    trust = bool(spec.options.get("trust_remote_code"))
    own = config.get("auto_map", {}) if trust else {}
    auto_class = next((name for name in (task.auto_class, CAUSAL_LM.auto_class) if name in own), task.auto_class)
    options: dict[str, Any] = {} if device.type == "cpu" else {"device_map": {"": device}}
    if bits is not None:
        options["quantization_config"] = quantization_config(bits, device, dtype)
    if attention := spec.options.get("attn_implementation"):
        options["attn_implementation"] = attention
    with handed_over(folder, "the model cannot be built"), quiet_loading_report():
        if auto_class in own:
            _inherit_names(folder, own[auto_class], str(config.get("model_type")))
        model, info = getattr(transformers, auto_class).from_pretrained(
            folder,
            dtype=dtype,
            trust_remote_code=trust,
            ignore_mismatched_sizes=True,  # so that they are reported, and refused below
            output_loading_info=True,
            **options,
        )
    mismatched = [(key, tuple(found), tuple(wanted)) for key, found, wanted in info["mismatched_keys"]]
    raise_for_keys(folder, missing=info["missing_keys"], mismatched=mismatched)
    unused = sorted(info["unexpected_keys"])
    if unused:
        logger.warning("%s: %d weights are not used, such as %s", folder, len(unused), unused[0])
    # A checkpoint's sampling defaults must not leak into our decoding: only the token ids are kept.
    stated = model.generation_config
    model.generation_config = transformers.GenerationConfig(
        bos_token_id=stated.bos_token_id, eos_token_id=stated.eos_token_id, pad_token_id=stated.pad_token_id
    )
    model.eval().requires_grad_(False)
    if auto_class not in own:  # foreign code may do anything with its layers
        use_onednn(model)
    return model, unused


def stated_end_ids(folder: Path, spec: ModelSpec) -> Any:
    """What a checkpoint says ends a text, without loading its weights: as `model.generation_config` would have it."""
    from transformers import AutoConfig, GenerationConfig

    trust = bool(spec.options.get("trust_remote_code"))
    with handed_over(folder, "its configuration cannot be read"):
        if (folder / "generation_config.json").is_file():
            return GenerationConfig.from_pretrained(folder).eos_token_id
        config = AutoConfig.from_pretrained(folder, trust_remote_code=trust)
        return GenerationConfig.from_model_config(config).eos_token_id


def end_ids(stated: Any, tokenizer: Any) -> list[int]:
    """Any of these tokens ends a text: what the checkpoint states (one id, several or None), else the tokenizer's.

    Raises:
        ModelError: what it states are no ids.
    """
    return [*end_token_ids(tokenizer.eos_token_id if stated is None else stated)]


def _inherit_names(folder: Path, reference: str, model_type: str) -> None:
    """Let a checkpoint's own class have its weights renamed as the class of transformers that it is made from.

    transformers 5 calls many weights by other names than published files, and translates for its own classes alone.
    """
    from transformers.conversion_mapping import (
        get_checkpoint_conversion_mapping,
        register_checkpoint_conversion_mapping,
    )
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    for parent in get_class_from_dynamic_module(reference, str(folder)).__mro__[1:]:
        family = getattr(getattr(parent, "config_class", None), "model_type", None)
        if parent.__module__.startswith("transformers.models.") and family:
            if names := get_checkpoint_conversion_mapping(family):
                register_checkpoint_conversion_mapping(model_type, names, overwrite=True)
            return
