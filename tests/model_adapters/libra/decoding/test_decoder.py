"""Our decoding against transformers' own `generate`, on small random language models."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from decoder_models import VOCABULARY, language_model, make_prompts

from benchmarks.errors import GenerationError
from model_adapters.adapter import Decoding
from model_adapters.generation.generated import Generated
from model_adapters.generation.search import repeated_ngrams
from model_adapters.generation.stopping import StopRule
from model_adapters.libra.decoding.decoder import Decoder
from model_adapters.libra.inputs.prompt_stream import Prompt
from model_adapters.libra.network.attention import GROUPED, attend_for_decoding


def decode(model, prompts, decoding, rule=None, batch_size=1) -> dict[int, Generated]:
    decoder = Decoder(model, decoding, rule or StopRule((3,)), batch_size)
    return {result.key: result for result in decoder.run(prompts)}


def reference(model, prompt, decoding, eos=(3,)):
    """transformers' generate for one study: (token ids without padding, score) of each returned sequence."""
    length = len(prompt.embeddings_SH)
    # ids as long as the embeddings: the n-gram filter looks at them, generate slices by their number
    output = model.generate(
        inputs_embeds=prompt.embeddings_SH[None],
        attention_mask=torch.ones(1, length, dtype=torch.long),
        do_sample=False,
        num_beams=decoding.num_beams,
        num_return_sequences=decoding.num_return_sequences,
        length_penalty=decoding.length_penalty,
        no_repeat_ngram_size=decoding.no_repeat_ngram_size,
        max_new_tokens=decoding.max_new_tokens,
        eos_token_id=list(eos) or None,
        pad_token_id=VOCABULARY - 1,
        output_scores=True,
        return_dict_in_generate=True,
    )
    sequences = []
    for row in output.sequences.tolist():
        end = next((place + 1 for place, token in enumerate(row) if token in eos), len(row))
        sequences.append(tuple(row[:end]))
    scores = output.sequences_scores.tolist() if decoding.num_beams > 1 else None
    return sequences, scores


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 6))])
@pytest.mark.parametrize(
    ("beams", "penalty", "eos"),
    [(2, 1.0, (3,)), (4, 2.0, (3, 7)), (5, 0.5, (3,)), (3, -1.0, (3, 7, 11)), (10, 2.0, (3,))],
)
def test_beam_search_equals_transformers(seed, beams, penalty, eos):
    model = language_model(seed)
    decoding = Decoding(num_beams=beams, length_penalty=penalty, num_return_sequences=beams, max_new_tokens=30)
    prompts = make_prompts(model, [6, 11, 8, 6], seed)
    ours = decode(model, prompts, decoding, StopRule(eos), batch_size=3)
    for prompt in prompts:
        sequences, scores = reference(model, prompt, decoding, eos)
        assert [hypothesis.token_ids for hypothesis in ours[prompt.key].hypotheses] == sequences
        assert [hypothesis.score for hypothesis in ours[prompt.key].hypotheses] == pytest.approx(
            scores, rel=1e-5, abs=1e-5
        )


@pytest.mark.parametrize("key_heads", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_long_beam_search_equals_transformers(key_heads):
    """Long enough for the cache to be compacted and widened several times, with prompts of very different length."""
    model = language_model(9, key_heads=key_heads)
    decoding = Decoding(num_beams=6, length_penalty=0.0, num_return_sequences=6, max_new_tokens=150)
    prompts = make_prompts(model, [4, 60, 7, 25], 9)
    ours = decode(model, prompts, decoding, StopRule(()), batch_size=2)
    for prompt in prompts:
        sequences, scores = reference(model, prompt, decoding, eos=())
        assert [hypothesis.token_ids for hypothesis in ours[prompt.key].hypotheses] == sequences
        assert [hypothesis.score for hypothesis in ours[prompt.key].hypotheses] == pytest.approx(scores, rel=1e-5)


@pytest.mark.parametrize("kind", ["llama", "mistral", "phi3", "gemma", "gemma2", "qwen2", "qwen3"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_greedy_equals_transformers(attention, kind):
    if (kind, attention) == ("gemma2", "sdpa"):
        pytest.skip("transformers' SDPA has no soft capping; the adapter uses eager attention there")
    seed = 3
    model = language_model(seed, kind=kind, attention=attention)
    decoding = Decoding(max_new_tokens=40)
    prompts = make_prompts(model, [6, 11, 8], seed)
    ours = decode(model, prompts, decoding, batch_size=2)
    for prompt in prompts:
        assert [ours[prompt.key].token_ids] == reference(model, prompt, decoding)[0]


@pytest.mark.parametrize("beams", [1, 4])
def test_any_batch_size_gives_the_text_of_batch_size_1(beams):
    model = language_model(1)
    decoding = Decoding(num_beams=beams, no_repeat_ngram_size=3, max_new_tokens=60)
    prompts = make_prompts(model, [5, 17, 9, 9, 30, 12, 5, 8, 21, 6, 14])
    rule = StopRule((3, 7, 11, 20, 33))
    alone = decode(model, prompts, decoding, rule)
    for batch_size in (2, 3, 7):
        together = decode(model, prompts, decoding, rule, batch_size)
        assert {key: result.token_ids for key, result in together.items()} == {
            key: result.token_ids for key, result in alone.items()
        }, batch_size
    assert len({len(result.token_ids) for result in alone.values()}) > 1  # studies end at different steps


def test_grouped_attention_equals_transformers_own():
    model = language_model(10, heads=4, key_heads=1)
    decoding = Decoding(num_beams=5, num_return_sequences=5, max_new_tokens=40)
    prompts = make_prompts(model, [5, 17, 9])
    before = decode(model, prompts, decoding, batch_size=3)
    attend_for_decoding(model)
    assert model.config._attn_implementation == GROUPED
    after = decode(model, prompts, decoding, batch_size=3)
    for key, result in before.items():
        for mine, other in zip(after[key].hypotheses, result.hypotheses, strict=True):
            assert mine.token_ids == other.token_ids
            assert mine.score == pytest.approx(other.score, rel=1e-5)


def test_attention_is_left_alone_where_every_head_has_its_keys():
    model = language_model(10, heads=4, key_heads=4)
    attend_for_decoding(model)
    assert model.config._attn_implementation == "sdpa"


def test_the_prompt_is_prefilled_once_and_finished_studies_leave():
    model = language_model(2)
    shapes = []
    model.register_forward_pre_hook(
        lambda _, __, given: shapes.append(
            given["inputs_embeds"].shape[:2] if given.get("inputs_embeds") is not None else given["input_ids"].shape
        ),
        with_kwargs=True,
    )
    prompts = make_prompts(model, [5, 17, 9, 9])
    results = decode(model, prompts, Decoding(num_beams=4, max_new_tokens=25), batch_size=4)
    assert [tuple(shape) for shape in shapes[:4]] == [(1, len(prompt.embeddings_SH)) for prompt in prompts]
    steps = [tuple(shape) for shape in shapes[4:]]
    assert {beams for _, beams in steps} == {4}
    assert steps[0] == (4, 4)
    longest = max(len(result.token_ids) for result in results.values())
    assert len(steps) <= 25
    assert steps[-1][0] < 4 or longest == 25


def test_ngrams_are_looked_for_in_prompt_and_text():
    sequences = np.array([[1, 2, 3, 9, 1, 2], [5, 1, 2, 1, 2, 1]])
    rows, tokens = repeated_ngrams(sequences, 3)
    assert list(zip(rows.tolist(), tokens.tolist(), strict=True)) == [(0, 3), (1, 2)]
    assert repeated_ngrams(sequences, 1)[1].tolist() == sequences.ravel().tolist()
    assert repeated_ngrams(sequences, 7)[1].tolist() == []
    assert repeated_ngrams(sequences, 0)[1].tolist() == []


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_ngram_filter_equals_transformers(size):
    from transformers.generation.logits_process import NoRepeatNGramLogitsProcessor

    random = np.random.default_rng(size)
    for length in (1, 2, 5, 40):
        ids = random.integers(0, 4, (6, length))
        scores = NoRepeatNGramLogitsProcessor(size)(torch.tensor(ids), torch.zeros(6, 4))
        expected = {tuple(place) for place in torch.isinf(scores).nonzero().tolist()}
        rows, tokens = repeated_ngrams(ids, size)
        assert set(zip(rows.tolist(), tokens.tolist(), strict=True)) == expected


def test_no_ngram_of_prompt_or_text_is_repeated():
    model = language_model(3)
    decoding = Decoding(num_beams=4, no_repeat_ngram_size=2, max_new_tokens=60)
    for result, prompt in zip(
        decode(model, make_prompts(model, [9, 9]), decoding, StopRule(())).values(),
        make_prompts(model, [9, 9]),
        strict=True,
    ):
        ids = [*prompt.token_ids, *result.token_ids]
        pairs = list(itertools.pairwise(ids))
        new = pairs[len(prompt.token_ids) - 1 :]
        assert len(set(new)) == len(new)
        assert not set(new) & set(pairs[: len(prompt.token_ids) - 1])


def test_sampling_does_not_depend_on_the_batch_or_the_order():
    model = language_model(4)
    decoding = Decoding(temperature=0.9, top_p=0.9, seed=5, max_new_tokens=20)
    prompts = make_prompts(model, [6, 9, 7, 6, 12])
    alone = decode(model, prompts, decoding)
    together = decode(model, prompts[::-1], decoding, batch_size=4)
    assert {key: result.token_ids for key, result in alone.items()} == {
        key: result.token_ids for key, result in together.items()
    }
    other_seed = decode(model, prompts, dataclasses.replace(decoding, seed=6))
    assert any(alone[key].token_ids != other_seed[key].token_ids for key in alone)
    assert len({result.token_ids for result in alone.values()}) == len(prompts)


@pytest.mark.slow
def test_sampling_frequencies_follow_the_model():
    model = language_model(5)
    [prompt] = make_prompts(model, [6])
    prompts = [Prompt(key, prompt.token_ids, prompt.embeddings_SH) for key in range(3000)]
    results = decode(model, prompts, Decoding(temperature=1.5, max_new_tokens=1), StopRule(()), batch_size=1)
    found = np.bincount([result.token_ids[0] for result in results.values()], minlength=VOCABULARY) / 3000
    with torch.inference_mode():
        logits = model(inputs_embeds=prompt.embeddings_SH[None]).logits[0, -1]
    expected = (logits / 1.5).softmax(-1).numpy()
    assert np.abs(found - expected).max() < 0.03


def test_a_tiny_top_p_is_greedy():
    model = language_model(6)
    prompts = make_prompts(model, [6, 9])
    greedy = decode(model, prompts, Decoding(max_new_tokens=12))
    sampled = decode(model, prompts, Decoding(max_new_tokens=12, temperature=0.7, top_p=1e-6))
    assert [greedy[key].token_ids for key in (0, 1)] == [sampled[key].token_ids for key in (0, 1)]


@pytest.mark.parametrize("beams", [1, 4])
def test_running_out_of_memory_halves_the_batch_and_loses_no_study(beams):
    model = language_model(7)
    prompts = make_prompts(model, [6, 9, 7, 6, 12, 8])
    decoding = Decoding(num_beams=beams, max_new_tokens=15)
    expected = {key: result.token_ids for key, result in decode(model, prompts, decoding).items()}

    def too_many(_, __, given):
        if given.get("input_ids") is not None and given["input_ids"].shape[0] > 2:
            raise torch.OutOfMemoryError("out of memory")

    handle = model.register_forward_pre_hook(too_many, with_kwargs=True)
    decoder = Decoder(model, decoding, StopRule((3,)), 5)
    assert {result.key: result.token_ids for result in decoder.run(prompts)} == expected
    assert decoder.timings.batch_size == 2
    handle.remove()


@pytest.mark.parametrize("beams", [1, 4])
def test_prompts_that_run_out_of_memory_get_room_from_the_batch(beams):
    model = language_model(1)
    prompts = make_prompts(model, [6, 9, 7, 6, 12, 8, 11, 5, 9])
    decoding, rule = Decoding(num_beams=beams, max_new_tokens=60), StopRule((3, 7, 11, 20, 33))
    expected = {key: result.token_ids for key, result in decode(model, prompts, decoding, rule).items()}

    def stream(decoder, made_room):
        made_room.append(decoder.make_room())  # nothing is decoded yet
        for prompt in prompts:
            if len(made_room) < 3 and decoder.timings.decode_tokens:
                made_room.append(decoder.make_room())
                made_room.append(decoder.make_room())  # the batch is empty now: the study that asked would fail
            yield prompt

    for batch_size in (3, 5):
        decoder, made_room = Decoder(model, decoding, rule, batch_size), []
        results = list(decoder.run(stream(decoder, made_room)))
        assert made_room == [False, True, False], batch_size
        assert decoder.timings.batch_size == batch_size // 2
        assert decoder.timings.prefill_tokens > sum(len(prompt.embeddings_SH) for prompt in prompts)  # some began again
        assert len(results) == len(prompts)  # begun again, but told once
        assert {result.key: result.token_ids for result in results} == expected, batch_size


def test_a_study_that_never_fits_is_reported_and_the_others_go_on():
    model = language_model(8)
    prompts = make_prompts(model, [6, 30, 7])
    length = len(prompts[1].embeddings_SH)

    def too_long(_, __, given):
        if given.get("inputs_embeds") is not None and given["inputs_embeds"].shape[1] == length:
            raise torch.OutOfMemoryError("out of memory")

    model.register_forward_pre_hook(too_long, with_kwargs=True)
    results = decode(model, prompts, Decoding(max_new_tokens=5), batch_size=2)
    assert isinstance(results[1].error, GenerationError)
    assert results[0].token_ids
    assert results[2].token_ids


@pytest.mark.parametrize("decoding", [Decoding(max_new_tokens=5), Decoding(num_beams=3), Decoding(temperature=1.0)])
def test_numbers_that_overflow_fail_one_study(decoding):
    model = language_model(8)
    prompts = make_prompts(model, [6, 9, 7])
    prompts[1].embeddings_SH[3] = torch.nan
    results = decode(model, prompts, dataclasses.replace(decoding, max_new_tokens=5), batch_size=3)
    assert "not finite" in str(results[1].error)
    assert results[0].token_ids
    assert results[2].token_ids


def test_other_errors_are_not_swallowed():
    model = language_model(8)

    def broken(*_):
        raise RuntimeError("shapes do not match")

    model.register_forward_pre_hook(broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        decode(model, make_prompts(model, [6]), Decoding(max_new_tokens=5))
