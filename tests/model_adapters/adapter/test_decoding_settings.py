"""Decoding settings: what is refused, what samples, what decides the answers."""

from __future__ import annotations

import math

import pytest
from every_case import every_case

from benchmarks.errors import InputError
from model_adapters.adapter import Decoding


@every_case(
    ("settings", "words"),
    [
        ({"num_beams": 0}, "--num-beams: must be at least 1"),
        ({"num_beams": 100_000_000}, "--num-beams: must be at most 1,000"),
        ({"num_beams": 2.0}, "--num-beams: must be a whole number"),
        ({"num_beams": True}, "--num-beams: must be a whole number"),
        ({"num_beams": 10**5000}, "--num-beams: must be at most"),
        ({"max_new_tokens": 0}, "--max-new-tokens: must be at least 1"),
        ({"max_new_tokens": 10**9}, "--max-new-tokens: must be at most 100,000"),
        ({"length_penalty": math.nan}, "--length-penalty: must be a number, not nan"),
        ({"length_penalty": math.inf}, "--length-penalty: must be at most"),
        ({"length_penalty": 10**400}, "--length-penalty: must be at most"),
        ({"temperature": math.nan}, "--temperature: must be a number"),
        ({"temperature": -1.0}, "--temperature: must be at least 0"),
        ({"temperature": 1e-30}, "--temperature: must be 0 or at least 0.0001"),
        ({"temperature": "0.5"}, "--temperature: must be a number, not '0.5'"),
        ({"temperature": 0.5, "top_p": 0}, "--top-p: must be above 0"),
        ({"temperature": 0.5, "top_p": 1.01}, "--top-p: must be at most 1"),
        ({"no_repeat_ngram_size": -1}, "--no-repeat-ngram-size: must be at least 0"),
        ({"seed": 2**63}, "--seed: must be at most"),
        ({"num_return_sequences": 2}, "--num-return-sequences: 2 sequences cannot come from 1 beam; add --num-beams 2"),
        ({"num_beams": 3, "num_return_sequences": 5}, "5 sequences cannot come from 3 beams"),
        ({"num_beams": 3, "num_return_sequences": 5, "temperature": 0.5}, "5 sequences cannot come from 3 beams"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_flag(settings, words):
    with pytest.raises(InputError) as caught:
        Decoding(**settings)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "is_sampling", "without_effect", "words"),
    [
        ({}, False, (), "greedy, at most 1024 new tokens"),
        ({"num_beams": 10, "length_penalty": 2, "no_repeat_ngram_size": 3}, False, (),
         "beam search, 10 beams, length penalty 2.0, no repeated 3-grams, at most 1024 new tokens"),
        ({"temperature": 0.5, "top_p": 0.9, "seed": 4, "max_new_tokens": 1}, True, (),
         "sampling at temperature 0.5, top-p 0.9, seed 4, at most 1 new token"),
        ({"temperature": 0.5, "num_beams": 3}, False, ("temperature",),
         "beam search, 3 beams, length penalty 1.0, at most 1024 new tokens"),
        ({"top_p": 0.5}, False, ("top_p",), "greedy, at most 1024 new tokens"),
        ({"temperature": 0.5, "top_p": 0.5, "num_beams": 2}, False, ("temperature", "top_p"),
         "beam search, 2 beams, length penalty 1.0, at most 1024 new tokens"),
        ({"temperature": 1, "num_return_sequences": 4}, True, (),
         "sampling at temperature 1.0, seed 0, at most 1024 new tokens"),
    ],
)  # fmt: skip
def test_one_property_says_whether_tokens_are_drawn(settings, is_sampling, without_effect, words):
    decoding = Decoding(**settings)
    assert decoding.is_sampling is is_sampling
    assert decoding.without_effect == without_effect
    assert str(decoding) == words


def test_what_does_nothing_decides_nothing():
    beams = Decoding(num_beams=3).deciding()
    assert Decoding(num_beams=3, temperature=0.5, top_p=0.9, seed=7).deciding() == beams
    assert "seed" not in beams
    drawn = [Decoding(temperature=0.5, seed=seed).deciding() for seed in (1, 2)]
    assert drawn[0] != drawn[1]


def test_a_whole_number_and_its_fraction_are_one_setting():
    assert repr(Decoding(length_penalty=2, temperature=1)) == repr(Decoding(length_penalty=2.0, temperature=1.0))
