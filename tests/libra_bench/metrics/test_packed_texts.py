"""Packed texts against transformers itself, which reads each text alone."""

from __future__ import annotations

import pytest
import tiny_encoders as tiny

from libra_bench.metrics.extractors.batches import even_batches
from libra_bench.metrics.extractors.first_states import first_states
from libra_bench.metrics.extractors.packed_texts import pack_texts_for, packed_states, takes_packed_texts

torch = pytest.importorskip("torch")
LENGTHS = (17, 1, 9, 2)


def distance(found, expected) -> float:
    """How far two embeddings are apart, at most, in lengths of the expected one."""
    return float(((found - expected).norm(dim=-1) / expected.norm(dim=-1)).max())


@pytest.mark.parametrize("kind", ["bert", "distilbert", "roberta"])
def test_each_text_is_read_as_if_alone(tmp_path, kind):
    from transformers import AutoModel

    model = AutoModel.from_pretrained(getattr(tiny, kind)(tmp_path / kind)).eval()
    tokens_1T = torch.randint(5, 60, (1, sum(LENGTHS)))
    tokens_1T[0, 3] = model.config.pad_token_id  # a text may contain the word that means padding
    with torch.inference_mode():
        texts = tokens_1T.split(LENGTHS, 1)
        expected = [model(text, attention_mask=torch.ones_like(text)).last_hidden_state[0] for text in texts]
        assert not takes_packed_texts(model)
        pack_texts_for(model)
        assert takes_packed_texts(model)
        for found, alone in zip(packed_states(model, tokens_1T, LENGTHS), expected, strict=True):
            assert distance(found, alone) < 1e-6


def test_the_first_states_of_packed_texts(tmp_path):
    from transformers import AutoModel

    bert = AutoModel.from_pretrained(tiny.bert(tmp_path)).eval()
    tokens_1T = torch.randint(5, 200, (1, sum(LENGTHS)))
    with torch.inference_mode():
        expected = [bert(text).last_hidden_state[0, 0] for text in tokens_1T.split(LENGTHS, 1)]
        found_NC = first_states(bert, tokens_1T, lengths=LENGTHS)
    assert distance(found_NC, torch.stack(expected)) < 1e-6


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_batches_are_even(threads):
    lengths = [17 * number % 190 + 3 for number in range(200)]
    found = even_batches(lengths, 1024, threads)
    assert sorted(index for batch in found for index in batch) == list(range(200))
    assert len(found) % threads == 0
    sizes = [sum(lengths[index] for index in batch) for batch in found]
    assert max(sizes) - min(sizes) <= 12
    assert max(sizes) <= 1024
    assert even_batches([5], 1024, 8) == [[0]]
    assert even_batches([], 1024, 2) == []
