"""What must hold for any text: identity, order of samples, several references, odd and long texts."""

from __future__ import annotations

import math
import os
import subprocess
import sys

import pytest
from every_case import every_case
from hypothesis import given, settings
from hypothesis import strategies as st

from libra_bench.metrics.bleu import words_13a
from libra_bench.metrics.normalize import clean_text, normalize
from libra_bench.metrics.registry import make_metric

WORDS = [
    "the",
    "heart",
    "lungs",
    "are",
    "clear",
    "is",
    "stable",
    "effusion",
    "opacities",
    "opacity",
    "no",
    "3.5",
    "a.m.",
]
REPORT = st.lists(st.sampled_from([*WORDS, ".", ",", "(", ")"]), max_size=30).map(" ".join)
ANY_TEXT = REPORT | st.text(max_size=60)
CORPUS = st.lists(st.tuples(ANY_TEXT, st.lists(ANY_TEXT, min_size=1, max_size=3)), min_size=1, max_size=6)
METRICS = [
    "bleu", "bleu[scheme=coco,tokenizer=ptb,norm=lower]", "bleu[scheme=sentence,tokenizer=period]", "meteor",
    "rouge_l", "rouge_l[scheme=coco,tokenizer=ptb]", "rouge_l[stem=yes,norm=none]", "temporal_f1", "cider",
]  # fmt: skip


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=60, deadline=None)
@given(corpus=CORPUS)
def test_any_text_has_a_finite_value_in_range(name: str, corpus: list[tuple[str, list[str]]]) -> None:
    metric = make_metric(name)
    result = metric.score([text for text, _ in corpus], [references for _, references in corpus])
    assert list(result.values) == [key.name for key in metric.keys]
    for key in metric.keys:
        low, high = key.range
        assert low - 1e-9 <= result.values[key.name] <= high + 1e-9
    for column in result.samples.values():
        assert len(column) == len(corpus)
        assert all(math.isfinite(value) for value in column)


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=30, deadline=None)
@given(corpus=CORPUS, order=st.randoms(use_true_random=False))
def test_the_order_of_samples_does_not_matter(name: str, corpus: list, order: object) -> None:
    shuffled = list(corpus)
    order.shuffle(shuffled)
    values = [
        make_metric(name).score([text for text, _ in rows], [refs for _, refs in rows]).values
        for rows in (corpus, shuffled)
    ]
    assert values[0] == pytest.approx(values[1], abs=1e-9)


@every_case("name", METRICS)
def test_a_text_against_itself_is_best(name: str) -> None:
    texts = ["The heart is enlarged, unchanged from before.", "New left effusion; lungs are otherwise clear today."]
    metric = make_metric(name)
    result = metric.score(texts, [[text] for text in texts])
    best = {"meteor": 99.9, "cider": 9.9, "temporal_f1": 99.99}.get(metric.id, 99.9999)
    assert min(result.values.values()) >= best


@pytest.mark.parametrize("name", ["meteor", "rouge_l"])
@settings(max_examples=40, deadline=None)
@given(text=REPORT, references=st.lists(REPORT, min_size=1, max_size=4))
def test_several_references_are_as_good_as_the_best(name: str, text: str, references: list[str]) -> None:
    metric = make_metric(name)
    together = metric.score([text], [references]).values
    alone = [metric.score([text], [[reference]]).values for reference in references]
    for key in together:
        assert together[key] == pytest.approx(max(values[key] for values in alone), abs=1e-12)


@every_case("name", METRICS)
def test_statistics_give_the_corpus_value(name: str) -> None:
    metric = make_metric(name)
    result = metric.score(["no effusion", "", "stable heart size today"], [["no new effusion"], ["x"], ["heart size"]])
    sums = result.statistics.per_sample_NS.sum(axis=0, keepdims=True)
    values = result.statistics.reduce(sums, sums[:, 0] * 0 + 3)[0]
    assert list(values) == pytest.approx(list(result.values.values()), abs=1e-12)
    assert all(key in metric.signature for key in ("impl:", "norm:", "|v:"))


@every_case("name", METRICS)
def test_an_empty_prediction_scores_nothing_and_keeps_its_place(name: str) -> None:
    result = make_metric(name).score(
        ["", "clear lungs are seen here"], [["stable heart"], ["clear lungs are seen here"]]
    )
    assert all(column[0] == pytest.approx(0.0, abs=1e-6) for column in result.samples.values())


@settings(max_examples=300, deadline=None)
@given(text=st.text(alphabet="aB1é_-\n \t\u00a0\x1f.,:;()*'ΣİǅΩ", max_size=30) | st.text(max_size=20))
def test_a_text_is_cleaned_the_same_word_by_word(text: str) -> None:
    assert normalize(text) == clean_text(text.lower())


@every_case("name", METRICS)
def test_very_long_texts(name: str) -> None:
    long = "The heart is stable. No new effusion, 3.5 cm (unchanged). " * 1000
    result = make_metric(name).score([long, "short"], [[long + "end"], ["shorter"]])
    assert all(math.isfinite(value) for value in result.values.values())


def test_each_text_has_a_bleu_of_its_own_beside_the_corpus_value() -> None:
    """nltk's smoothed sentence BLEU, under a name that is no key: the corpus value has no share per text."""
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

    predictions = ["the heart is normal in size.", "no effusion", "", "left effusion is larger than before ."]
    references = [["the heart is normal."], ["clear lungs"], ["stable"], ["left effusion is larger .", "larger left"]]
    result = make_metric("bleu").score(predictions, references)
    assert set(result.samples) == {"BLEU4-sentence"}
    assert "BLEU4-sentence" not in result.values
    smooth = SmoothingFunction().method1
    for said, true, value in zip(predictions, references, result.samples["BLEU4-sentence"], strict=True):
        words = [words_13a(normalize(text)) for text in true]
        own = words_13a(normalize(said))
        known = any(word in text for text in words for word in own)
        expected = 100 * sentence_bleu(words, own, smoothing_function=smooth) if known else 0.0
        assert value == pytest.approx(expected)


def test_meteor_as_published_needs_no_nltk_and_other_text_says_that_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libra_bench.metrics.meteor.find_spec", lambda name: None)
    assert make_metric("meteor").missing() is None
    for norm in ("lower", "none", "spaces"):
        missing = make_metric(f"meteor[norm={norm}]").missing()
        assert missing is not None
        assert "libra-bench[verify]" in missing.hint


def test_the_last_digit_is_the_same_in_every_process() -> None:
    """A sum over a set would depend on Python's hash seed."""
    program = (
        "from libra_bench.metrics.registry import make_metric\n"
        "text = ' '.join(f'word{i} mild effusion {i * i % 7} of the left lung' for i in range(40))\n"
        "texts = [text, text[:500], text[300:], 'clear lungs']\n"
        f"for name in {METRICS!r}:\n"
        "    result = make_metric(name).score(texts[::-1], [[text] for text in texts])\n"
        "    print(name, result.values, result.samples)\n"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(printed) == 1
