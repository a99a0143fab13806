"""When a stop string ends a text: the original's truth table, and what it means for beams."""

from __future__ import annotations

import json

import numpy as np
import pytest
from repository import GOLDEN

from model_adapters.adapter import Decoding
from model_adapters.generation.search import BeamSearch, SingleSearch
from model_adapters.generation.stopping import StopRule
from model_adapters.libra.inputs.tokenizer import LibraTokenizer

TABLE = json.loads((GOLDEN / "prompts.json").read_text(encoding="utf-8"))["stopping_criteria"]


@pytest.fixture(scope="module")
def rule_of():
    tokenizer = LibraTokenizer.load(GOLDEN / "models" / "tiny-libra-tac", {"mm_use_im_patch_token": False})
    return lambda stop: StopRule((), tokenizer.stop_ids(stop), stop, tokenizer.decode)


@pytest.mark.parametrize(
    "case", [case for case in TABLE if "output_ids" in case], ids=lambda case: str(case["output_ids"])
)
def test_truth_table(rule_of, case):
    ids = case["output_ids"]
    rule = rule_of(case["keyword"])
    num_new = len(ids) - case["start_len"]
    assert rule.hits_string(ids[-rule.tail :], num_new) is case["stop"]


def test_a_study_stops_on_its_own_text_whatever_its_neighbours_do(rule_of):
    """The original waits for every row of the batch (`stop_all_rows` false in the table); one row suffices here."""
    [rows] = [case["batch_output_ids"] for case in TABLE if case.get("start_len") == 4 and "batch_output_ids" in case]
    finished = []
    for row in rows:
        search = SingleSearch(row[:4], Decoding(max_new_tokens=9), rule_of("</s>"))
        for token in row[4:]:
            search.advance(token, -0.1)
        finished.append(search.done)
    assert finished == [True, False]
    assert finished == [row[-1] == 2 for row in rows]


@pytest.mark.parametrize(("tokens", "stops"), [([39, 39, 39, 39], True), ([39, 39, 7, 39], False)])
def test_beams_stop_on_a_string_only_when_every_candidate_has_it(rule_of, tokens, stops):
    search = BeamSearch([1, 1631, 39, 39], Decoding(num_beams=2, max_new_tokens=9), rule_of("###"))
    totals = np.array([-1, -2, -3, -4], np.float32)
    search.advance(totals, np.array(tokens), np.zeros(4, np.int64))
    assert search.done is stops
    assert [hypothesis.finish for hypothesis in search.results()] == ["stop"] * stops


def test_without_a_stop_string_nothing_stops():
    assert StopRule((2,)).hits_string([1, 2, 3], 1) is False
