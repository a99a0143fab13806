"""The dialect `radeval` against RadEval 2.2.1 run on tiny weights (recorded; the golden file says how)."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tiny_encoders as tiny

from libra_bench.metrics.dialects import in_dialect
from libra_bench.metrics.registry import make_metric

GOLDEN = json.loads((tiny.GOLDEN / "metrics" / "radeval.json").read_text())
PREDICTIONS = [prediction for prediction, _ in GOLDEN["pairs"]]
REFERENCES = [[reference] for _, reference in GOLDEN["pairs"]]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    pytest.importorskip("radgraph", reason="the extra radgraph is not installed")
    pytest.importorskip("bert_score", reason="the extra bertscore is not installed")
    folder = tmp_path_factory.mktemp("radeval")
    encoders = {
        "distilbert": tiny.distilbert(folder / "distilbert-base-uncased", layers=6),
        "roberta": tiny.roberta(folder / "distilroberta-base", layers=6),
        "radgraph": tiny.radgraph_of_type(folder / "radgraph", "radgraph"),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIBRA_BENCH_CACHE", str(folder / "cache"))
        yield encoders


def score(name):
    return make_metric(in_dialect("radeval", [name])[0]).score(PREDICTIONS, REFERENCES)


def test_words():
    bleu, rouge = score("bleu"), score("rouge_l")
    values = [bleu.values[f"BLEU{order}"] / 100 for order in range(1, 5)]
    assert values == pytest.approx(GOLDEN["expected"]["bleu"], abs=1e-12)
    theirs = GOLDEN["expected"]["rouge_l"]
    assert np.array(rouge.samples["ROUGE-L"]) / 100 == pytest.approx(theirs, abs=1e-12)


def test_bertscore(weights):
    result = score(f"bertscore[model={weights['distilbert']}]")
    theirs = GOLDEN["expected"]["bertscore"]
    assert np.array(result.samples["Bert_score"]) / 100 == pytest.approx(theirs, abs=3e-6)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_radgraph(weights):
    result = score(f"radgraph[model={tiny.RADGRAPH},backbone={tiny.BERT}]")
    for level, theirs in GOLDEN["expected"]["radgraph"].items():
        assert np.array(result.samples[f"RadGraph-{level}"]) / 100 == pytest.approx(theirs, abs=1e-12)
    combined = score(f"radgraph[model={weights['radgraph']},backbone={tiny.BERT}]")
    theirs = GOLDEN["expected"]["radgraph_radcliq"]
    assert np.array(combined.samples["RadGraph-combined"]) / 100 == pytest.approx(theirs, abs=1e-12)


def test_chexbert(weights):
    result = score(f"chexbert[model={tiny.CHEXBERT},backbone={tiny.BERT}]")
    for name, theirs in GOLDEN["expected"]["chexbert"].items():
        assert result.values[f"CheXbert-{name}"] / 100 == pytest.approx(theirs, abs=1e-12)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_radcliq(weights):
    """Its constants are rounded to 8 digits, its embeddings are of single precision."""
    result = score(
        f"radcliq_v1[radgraph={weights['radgraph']},radgraph_backbone={tiny.BERT},chexbert={tiny.CHEXBERT},"
        f"chexbert_backbone={tiny.BERT},bertscore={weights['roberta']}]"
    )
    theirs = GOLDEN["expected"]["radcliq_v1"]
    assert result.samples["RadCliQ-v1"] == pytest.approx(theirs["per_sample"], abs=1e-5)
    assert result.values["RadCliQ-v1-reciprocal"] == pytest.approx(theirs["aggregate"], abs=1e-4)
