"""Record the prompts of cards, as transformers' own processors render and tokenise them, for tests/golden.

    python scripts/record_card_prompts.py

The messages are written down here as each model's published example has them; nothing of model_adapters is asked.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support"), str(ROOT / "tests" / "model_adapters" / "hf")]

SUITE = (
    "Provide a detailed description of the findings in the radiology image. Following clinical context: Indication: "
    "cough and fever"
)
MEDGEMMA = "You are an expert medical professional specializing in medical image analysis."
MEDGEMMA_QUESTION = "Indication: cough and fever\nCan you describe the key findings in this chest X-ray?"
LINGSHU = (
    "You are a helpful assistant. Please generate a report for the given images, including both findings and "
    "impressions. Return the report in the following format: Findings: {} Impression: {}."
)
USER_TURNS = {
    "Qwen2.5-VL": ("", SUITE, "images first"),
    "Lingshu-7b": ("", LINGSHU, "images first"),
    "HuatuoGPT-Vision": ("", SUITE, "images first"),
    "Qwen3-VL": ("", SUITE, "images first"),
    "LLaVA-OneVision": ("", SUITE, "words first"),
    "RadVLM": ("", SUITE, "words first"),
    "MedGemma-4b": (MEDGEMMA, MEDGEMMA_QUESTION, "words first"),
    "MedGemma-1.5-4b": (MEDGEMMA, MEDGEMMA_QUESTION, "words first"),
}
"""Card -> system prompt, words, order."""


def main() -> None:
    """Write tests/golden/card_prompts.json."""
    from PIL import Image
    from test_card_architectures import ARCHITECTURES, CARDS, IMAGES

    from model_adapters.hf.images_only import load_images_only

    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folders = {name: make(Path(scratch) / name) for name, (make, _) in ARCHITECTURES.items()}
        for card, (system, words, order) in USER_TURNS.items():
            processor = load_images_only(folders[CARDS[card]], CARDS[card])
            found[card] = {}
            for count in (1, 2):
                pictures = [Image.open(path).convert("RGB") for path in IMAGES[:count]]
                images = [{"type": "image"}] * count
                text = {"type": "text", "text": words}
                content = [*images, text] if order == "images first" else [text, *images]
                messages = [{"role": "user", "content": content}]
                if system:
                    messages.insert(0, {"role": "system", "content": [{"type": "text", "text": system}]})
                prompt = processor.apply_chat_template(messages, add_generation_prompt=True)
                begun = bool(processor.tokenizer.bos_token) and prompt.startswith(processor.tokenizer.bos_token)
                inputs = processor(text=[prompt], images=[pictures], add_special_tokens=not begun, return_tensors="pt")
                found[card][str(count)] = {"text": prompt, "ids": inputs["input_ids"][0].tolist()}
    (ROOT / "tests" / "golden" / "card_prompts.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
