"""The Penn-Treebank words of the caption evaluation: as the Java program gives them (recorded, made-up texts)."""

from __future__ import annotations

import json

import pytest
from every_case import every_case
from repository import GOLDEN

from libra_bench.metrics.ptb import ptb_words
from libra_bench.metrics.registry import make_metric

CASES = json.loads((GOLDEN / "metrics" / "ptb.json").read_text(encoding="utf-8"))["cases"]


@every_case("case", CASES)
def test_equals_the_java_program(case):
    assert list(ptb_words(case["text"])) == case["words"]


def test_a_mixed_number_is_two_words_where_coco_splits_at_white_space():
    assert ptb_words("1 1/2 inch") == ("1\xa01/2", "inch")
    said, true = ["1 1/2 inch", "left"], [["1 x 1/2 inch"], ["right"]]
    assert make_metric("bleu[tokenizer=ptb,scheme=coco]").score(said, true).values["BLEU1"] > 50
    assert make_metric("cider[tokenizer=ptb]").score(said, true).samples["CIDEr"][0] > 0


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", ["effusion, ", ".", "a", "1.2.3/", "<!a ", "<a b=", "a,", "a-", "'s", "(", "\x0b"])
def test_a_degenerate_text_ends(piece):
    ptb_words(piece * (20_000 // len(piece)))
