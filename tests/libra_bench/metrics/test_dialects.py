"""Dialects: the parameters that reproduce other groups' numbers (their values: tests/golden/metrics)."""

from __future__ import annotations

import pytest

from benchmarks.errors import InputError, UnknownNameError
from libra_bench.metrics.dialects import DIALECTS, in_dialect
from libra_bench.metrics.registry import make_metric


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_name_makes_a_metric(dialect: str) -> None:
    metrics = [make_metric(name) for name in in_dialect(dialect)]
    assert [metric.id for metric in metrics] == list(DIALECTS[dialect].parameters)


def test_libra_is_every_default() -> None:
    assert in_dialect("libra", ["bleu", "cider"]) == ["bleu", "cider"]


def test_the_same_texts_score_otherwise() -> None:
    predictions, references = (
        ["There is no Effusion (small). Heart stable"],
        [["There is no effusion. The heart is stable."]],
    )
    with_bleu = [dialect for dialect in DIALECTS if "bleu" in DIALECTS[dialect].parameters]
    values = [
        make_metric(in_dialect(dialect, ["bleu"])[0]).score(predictions, references).values["BLEU2"]
        for dialect in with_bleu
    ]
    assert len({round(value, 6) for value in values}) == len(with_bleu) == 4


def test_own_parameters_win() -> None:
    assert in_dialect("coco", ["bleu[norm=none]"]) == ["bleu[tokenizer=ptb,scheme=coco,norm=none]"]
    assert in_dialect("radeval", ["radcliq_v1[idf=no]"]) == ["radcliq_v1[norm=none,reciprocal=yes,idf=no]"]


def test_both_groups_score_cased_text_and_only_radeval_weighs_by_idf():
    for dialect, idf in (("rexrank", "no"), ("radeval", "yes")):
        metrics = {name.partition("[")[0]: make_metric(name) for name in in_dialect(dialect)}
        assert "|norm:none|" in metrics["radgraph"].signature
        assert f"|idf:{idf}|" in metrics["radcliq_v1"].signature
        assert "RadCliQ-v1-reciprocal" in [key.name for key in metrics["radcliq_v1"].keys]
    assert "|norm:spaces|" in make_metric(in_dialect("rexrank", ["bertscore"])[0]).signature


def test_a_metric_that_the_group_does_not_have_is_refused() -> None:
    with pytest.raises(InputError, match="the coco dialect has no meteor: its METEOR is a Java program"):
        in_dialect("coco", ["meteor"])
    with pytest.raises(UnknownNameError, match="did you mean 'bleu'"):
        in_dialect("coco", ["blue"])
    with pytest.raises(UnknownNameError, match="did you mean 'radeval'"):
        in_dialect("radevil")
