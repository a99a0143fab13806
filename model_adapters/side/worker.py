"""Runs inside a side environment: reads one JSON request per line, writes one JSON reply per line.

Imports nothing of libra-bench, which isn't installed there. For checkpoints in the layout of Qwen-VL and CheXagent:
the tokenizer's own code puts image paths into the prompt (`from_list_format`) and has the chat template, and the
model's own code reads the images.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Any

_loaded: dict[str, Any] = {}


def load(request: dict[str, Any]) -> dict[str, Any]:
    """Load tokenizer and model; reply with versions, device and dtype."""
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    options = {"trust_remote_code": request["trust_remote_code"]}
    device = request["device"] or ("cuda" if torch.cuda.is_available() else "cpu")
    name = request["dtype"] or ("bfloat16" if device.startswith("cuda") else "float32")
    tokenizer = transformers.AutoTokenizer.from_pretrained(request["path"], **options)
    if not hasattr(tokenizer, "from_list_format"):
        raise ValueError("its tokenizer has no from_list_format: not the layout of Qwen-VL and CheXagent")
    model = transformers.AutoModelForCausalLM.from_pretrained(
        request["path"], torch_dtype=getattr(torch, name), **options
    )
    _loaded.update(tokenizer=tokenizer, model=model.to(device).eval())
    return {
        "device": torch.cuda.get_device_name() if device.startswith("cuda") else device,
        "dtype": name,
        "architecture": type(model).__name__,
        "versions": {"transformers": transformers.__version__, "torch": torch.__version__},
    }


def render(request: dict[str, Any]) -> dict[str, Any]:
    """The prompt as it is sent, in words and ids."""
    ids = _ids(request)
    return {"text": _loaded["tokenizer"].decode(ids[0]), "ids": ids[0].tolist()}


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The model's text, how many tokens it took, and whether it ended by itself."""
    import torch

    model, tokenizer, ids = _loaded["model"], _loaded["tokenizer"], _ids(request)
    settings = dict(request["decoding"])
    torch.manual_seed(request["seed"])
    ends = model.generation_config.eos_token_id
    ends = tokenizer.eos_token_id if ends is None else ends
    ends = list(ends) if isinstance(ends, (list, tuple)) else [ends]
    with torch.inference_mode():
        output = model.generate(
            ids.to(model.device),
            attention_mask=torch.ones_like(ids).to(model.device),
            pad_token_id=ends[0],
            eos_token_id=ends,
            use_cache=True,
            **settings,
        )
    written = output[0, ids.shape[1] :].tolist()
    stopped = bool(written) and written[-1] in ends
    text = tokenizer.decode(written[:-1] if stopped else written, skip_special_tokens=True)
    return {"text": text.strip(), "new_tokens": len(written), "finish": "stop" if stopped else "length"}


def _ids(request: dict[str, Any]) -> Any:
    tokenizer = _loaded["tokenizer"]
    query = tokenizer.from_list_format([*({"image": path} for path in request["images"]), {"text": request["text"]}])
    turns = [{"from": "human", "value": query}]
    if request["system"]:
        turns.insert(0, {"from": "system", "value": request["system"]})
    return tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt")


def main() -> None:
    """Answer requests until there are no more."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what packages print must not be taken for a reply
    tasks = {"load": load, "render": render, "answer": answer}
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = tasks[request["do"]](request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the reply says it
            traceback.print_exc()
            reply = {"error": " ".join(f"{type(error).__name__}: {error}".split())}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
