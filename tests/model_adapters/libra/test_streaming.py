"""The text so far, as a page shows it while the model writes."""

from __future__ import annotations

import pytest
from repository import ROOT

from benchmarks.schema import Question
from model_adapters.adapter import Decoding, ModelSpec
from model_adapters.libra.adapter import LibraAdapter

DEMO = ROOT / "benchmarks" / "data" / "demo" / "images"
TINY = ROOT / "model_adapters" / "data" / "libra-tiny"


@pytest.mark.parametrize("beams", [1, 3])
def test_the_streamed_answer_is_the_answer_and_grows(beams: int) -> None:
    adapter = LibraAdapter.load(ModelSpec("libra-tiny", "libra", path=str(TINY), conv_mode="libra_v1", device="cpu"))
    image = next(DEMO.rglob("*.png"))
    question = Question("one", "Describe the findings.", (image,))
    decoding = Decoding(num_beams=beams, max_new_tokens=12)
    seen: list[str] = []
    streamed = adapter.stream(question, decoding, seen.append)
    (whole,) = adapter.generate([question], decoding)
    assert streamed.text == whole.text
    assert 1 <= len(seen) <= 12
    assert [len(text) for text in seen] == sorted(len(text) for text in seen) or beams > 1
    if beams == 1:
        assert whole.text.startswith(seen[-1])
