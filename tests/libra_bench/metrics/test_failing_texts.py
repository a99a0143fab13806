"""No text ends a run: what a metric fails on counts as empty, by name; what no text causes is raised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from every_case import every_case

from benchmarks.errors import MetricUnavailableError
from benchmarks.schema import Answer, Sample
from libra_bench.metrics.choice import ChosenMetrics
from libra_bench.metrics.failing_texts import score_texts
from libra_bench.metrics.metric import Key, MetricResult, mean_of
from libra_bench.metrics.registry import METRICS, make_metric
from libra_bench.scores.scoring import score_answers

NEEDS_WEIGHTS = ("weights", "checkpoint", "radgraph", "a judge")
WEIGHTLESS = [name for name in METRICS if not any(word in make_metric(name).needs for word in NEEDS_WEIGHTS)]


@dataclass(frozen=True)
class Nested:
    """Recurses once per bracket, as a parser does: deep texts overflow the stack, whichever side they are on."""

    fault: Exception | None = None
    """Raised on any text at all."""

    id: ClassVar[str] = "nested"
    keys: ClassVar[Sequence[Key]] = (Key("Nested"),)
    signature: ClassVar[str] = "nested|v:1"

    def missing(self):
        return None

    def score(self, predictions, references, fields=None):
        if self.fault and any(predictions):
            raise self.fault
        pairs = [(self.depth(said), self.depth(true[0])) for said, true in zip(predictions, references, strict=True)]
        depths = [min(pair) for pair in pairs]
        statistics = mean_of(np.array(depths, dtype=float)[:, None])
        return MetricResult({"Nested": float(np.mean(depths))}, statistics, details={"known": True})

    def depth(self, text):
        return 1 + self.depth(text[1:]) if text.startswith("(") else int(bool(text))


DEEP = "(" * 5000


def test_what_a_metric_fails_on_counts_as_empty_and_is_named():
    said = ["a", DEEP, "b", "", DEEP + "c", "d"]
    true = [["x"], ["x"], [DEEP, "y"], ["x"], ["x"], ["x"]]
    result, failed = score_texts(Nested(), said, true)
    assert [(text.sample, text.side) for text in failed] == [(1, "prediction"), (2, "reference"), (4, "prediction")]
    assert all(text.error.startswith("RecursionError: ") for text in failed)
    blanked = Nested().score(["a", "", "b", "", "", "d"], [["x"], ["x"], ["", ""], ["x"], ["x"], ["x"]])
    assert result.values == blanked.values
    assert result.statistics.per_sample_NS.tolist() == blanked.statistics.per_sample_NS.tolist()


def test_both_sides_of_a_sample():
    _, failed = score_texts(Nested(), [DEEP, "a"], [[DEEP], ["x"]])
    assert [(text.sample, text.side) for text in failed] == [(0, "prediction"), (0, "reference")]


def test_nothing_is_blanked_where_nothing_fails():
    result, failed = score_texts(Nested(), ["a"], [["x"]])
    assert (result.values, failed) == ({"Nested": 1.0}, [])


@pytest.mark.parametrize("fault", [RuntimeError("no memory"), MetricUnavailableError("no weights", hint="pass")])
def test_what_no_text_causes_is_one_line(fault):
    with pytest.raises(MetricUnavailableError, match=str(fault)) as raised:
        score_texts(Nested(fault), ["a", "b"], [["x"], ["x"]])
    assert fault in (raised.value, raised.value.__cause__)


def test_an_empty_text_that_fails_is_not_blanked_for_ever():
    class Empty(Nested):
        def depth(self, text):
            return 1 / len(text)

    with pytest.raises(MetricUnavailableError, match="ZeroDivisionError"):
        score_texts(Empty(), ["a", ""], [["x"], ["x"]])


def test_what_fails_only_once_is_no_texts_fault():
    class Once(Nested):
        def score(self, predictions, references, fields=None):
            if len(set(predictions)) > 1 or (predictions == ["b"] and not asked):
                asked.append(1)
                raise RuntimeError("two at a time")
            return super().score(predictions, references, fields)

    asked: list[int] = []
    with pytest.raises(MetricUnavailableError, match="two at a time"):
        score_texts(Once(), ["a", "b"], [["x"], ["x"]])


def test_scores_json_and_stderr_name_it(capsys):
    samples = [Sample(f"study {k}", (), "", references=("x",)) for k in range(4)]
    texts = ["a", "b", DEEP, "c"]
    answers = [Answer(sample.question_id, "", text) for sample, text in zip(samples, texts, strict=True)]
    chosen = ChosenMetrics({"nested": Nested(), "bleu": make_metric("bleu")})
    scores = score_answers(samples, answers, chosen, suite="s", model="m").scores
    detail = scores.details["nested"]["failed_texts"]
    assert (detail["n"], detail["counted_as"]) == (1, "empty")
    assert (detail["texts"][0]["question_id"], detail["texts"][0]["side"]) == ("study 2", "prediction")
    assert scores.details["nested"]["known"] is True
    assert "failed_texts" not in scores.details.get("bleu", {})
    assert [row.value for row in scores.scores if row.key == "Nested"] == [0.75]
    note = capsys.readouterr().err
    assert note.count("nested fails on 1 text, which counts as empty: 'study 2' (prediction)") == 1


@every_case("name", WEIGHTLESS)
def test_a_degenerate_text_is_scored(name):
    """Beams that never end: one word, one clause, one character, over and over; and characters no report has."""
    texts = [
        "effusion, " * 2000,
        "no effusion and " * 2000,
        "." * 20000,
        "a" * 20000,
        "the " * 10000,
        "\x00\ud800\u202e\x0b" * 500,
        "1.2.3/" * 3000,
    ]
    normal = "The left effusion is larger."
    fields = [{"labels": ["effusion"], "answer_type": "open"}] * len(texts)
    for said, true in ((texts, [[normal]] * len(texts)), ([normal] * len(texts), [[text] for text in texts])):
        score_texts(make_metric(name), said, true, fields)
