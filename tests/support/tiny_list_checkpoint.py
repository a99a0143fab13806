"""A tiny checkpoint in the layout of Qwen-VL and CheXagent: its own tokenizer code puts image paths into the prompt
(`from_list_format`), its own model code reads the images. Written for transformers 4.40.
"""

from __future__ import annotations

import json
from pathlib import Path

CONFIGURATION = """
from transformers import LlamaConfig


class TinyListConfig(LlamaConfig):
    model_type = "tiny_list"
"""

TOKENIZATION = '''
from transformers import PreTrainedTokenizer

SPECIAL = ["<pad>", "<s>", "<|endoftext|>", "<img>", "</img>", "<|im_start|>", "<|im_end|>"]


class TinyListTokenizer(PreTrainedTokenizer):
    """Bytes as tokens, after the special ones."""

    vocab_files_names = {}
    model_input_names = ["input_ids", "attention_mask"]

    def __init__(self, **kwargs):
        kwargs.setdefault("pad_token", "<pad>")
        kwargs.setdefault("bos_token", "<s>")
        kwargs.setdefault("eos_token", "<|endoftext|>")
        super().__init__(**kwargs)
        self.add_special_tokens({"additional_special_tokens": SPECIAL[3:]})

    @property
    def vocab_size(self):
        return len(SPECIAL) + 256

    def get_vocab(self):
        return {self._convert_id_to_token(index): index for index in range(self.vocab_size)}

    def _tokenize(self, text):
        return [f"byte-{byte}" for byte in text.encode()]

    def _convert_token_to_id(self, token):
        return SPECIAL.index(token) if token in SPECIAL else len(SPECIAL) + int(token.split("-")[1])

    def _convert_id_to_token(self, index):
        return SPECIAL[index] if index < len(SPECIAL) else f"byte-{index - len(SPECIAL)}"

    def convert_tokens_to_string(self, tokens):
        parts = [bytes([int(t.split("-")[1])]) if t.startswith("byte-") else t.encode() for t in tokens]
        return b"".join(parts).decode(errors="replace")

    def save_vocabulary(self, folder, filename_prefix=None):
        return ()

    def from_list_format(self, parts):
        text, pictures = "", 0
        for part in parts:
            if "image" in part:
                pictures += 1
                text += f"Picture {pictures}: <img>{part['image']}</img>\\n"
            else:
                text += part["text"]
        return text
'''

MODELING = """
import torch
from PIL import Image
from transformers import LlamaForCausalLM

from .configuration_tiny_list import TinyListConfig

START, END, FIRST_BYTE = 3, 4, 7


class TinyListForCausalLM(LlamaForCausalLM):
    config_class = TinyListConfig

    def __init__(self, config):
        super().__init__(config)
        self.visual = torch.nn.Linear(64, config.hidden_size, bias=False)
        self.post_init()

    def forward(self, input_ids=None, inputs_embeds=None, **kwargs):
        if input_ids is not None:
            inputs_embeds = self.model.embed_tokens(input_ids)
            for row, ids in enumerate(input_ids.tolist()):
                for place in [at for at, index in enumerate(ids) if index == START and END in ids[at:]]:
                    path = bytes(i - FIRST_BYTE for i in ids[place + 1 : ids.index(END, place)]).decode()
                    grey = torch.tensor(list(Image.open(path).convert("L").resize((8, 8)).tobytes()))
                    features = self.visual((grey / 255).to(self.dtype))
                    inputs_embeds[row, place] = features
        return super().forward(inputs_embeds=inputs_embeds, **kwargs)
"""

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['from'] }}\n{{ message['value'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tiny_list_checkpoint(folder: Path, *, weights: bool = True) -> Path:
    """Write the checkpoint: code, configuration, and weights where they are needed."""
    folder.mkdir(parents=True)
    for name, code in (
        ("configuration", CONFIGURATION),
        ("tokenization", TOKENIZATION),
        ("modeling", MODELING),
    ):
        (folder / f"{name}_tiny_list.py").write_text(code)
    hidden, inner, vocabulary = 32, 64, 263
    config = {
        "model_type": "tiny_list", "architectures": ["TinyListForCausalLM"], "vocab_size": vocabulary,
        "hidden_size": hidden, "intermediate_size": inner, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 4, "max_position_embeddings": 2048, "bos_token_id": 1, "eos_token_id": 2,
        "pad_token_id": 0, "tie_word_embeddings": False, "torch_dtype": "float32",
        "auto_map": {
            "AutoConfig": "configuration_tiny_list.TinyListConfig",
            "AutoModelForCausalLM": "modeling_tiny_list.TinyListForCausalLM",
        },
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "tokenizer_class": "TinyListTokenizer",
                "auto_map": {"AutoTokenizer": ["tokenization_tiny_list.TinyListTokenizer", None]},
                "chat_template": CHAT_TEMPLATE,
            }
        )
    )
    if weights:
        _write_weights(folder, hidden, inner, vocabulary)
    return folder


def _write_weights(folder: Path, hidden: int, inner: int, vocabulary: int) -> None:
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    weights = {"model.embed_tokens.weight": torch.randn(vocabulary, hidden), "model.norm.weight": torch.ones(hidden)}
    weights |= {"lm_head.weight": torch.randn(vocabulary, hidden), "visual.weight": torch.randn(hidden, 64)}
    for layer in range(2):
        prefix = f"model.layers.{layer}"
        weights |= {
            f"{prefix}.self_attn.{name}_proj.weight": torch.randn(hidden, hidden) * 0.4 for name in ("q", "k", "v", "o")
        }
        weights |= {f"{prefix}.mlp.{name}_proj.weight": torch.randn(inner, hidden) * 0.3 for name in ("gate", "up")}
        weights[f"{prefix}.mlp.down_proj.weight"] = torch.randn(hidden, inner) * 0.3
        weights |= {f"{prefix}.{name}_layernorm.weight": torch.ones(hidden) for name in ("input", "post_attention")}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
