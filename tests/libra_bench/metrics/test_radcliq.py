"""RadCliQ: the published linear models over its four inputs, from given weights."""

from __future__ import annotations

import numpy as np
import pytest
import tiny_encoders as tiny
from made_up_reports import PAIRS

from libra_bench.metrics.bertscore import BertScore
from libra_bench.metrics.chexbert import CheXbert
from libra_bench.metrics.radcliq import V0, V1, RadCliQv0
from libra_bench.metrics.radgraph import RadGraph
from libra_bench.metrics.registry import make_metric

pytest.importorskip("radgraph", reason="the extra radgraph is not installed")
pytest.importorskip("bert_score", reason="the extra bertscore is not installed")

PREDICTIONS = [prediction for prediction, _ in PAIRS]
REFERENCES = [[reference] for _, reference in PAIRS]


@pytest.fixture(scope="module")
def setting(tmp_path_factory):
    """(parameters, inputs of each pair) with tiny weights."""
    folder = tmp_path_factory.mktemp("radcliq")
    encoder, table = tiny.roberta(folder / "roberta"), tiny.baseline(folder / "baseline.tsv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIBRA_BENCH_CACHE", str(folder / "cache"))
        parameters = (
            f"radgraph={tiny.RADGRAPH},radgraph_backbone={tiny.BERT},chexbert={tiny.CHEXBERT},"
            f"chexbert_backbone={tiny.BERT},bertscore={encoder},num_layers=2,baseline_path={table}"
        )
        yield parameters, encoder, table


def inputs(encoder, table, idf=False):
    from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

    def words(text):
        return [word for word in text.lower().replace(".", " .").split(" ") if word]

    radgraph = RadGraph(str(tiny.RADGRAPH), str(tiny.BERT)).score(PREDICTIONS, REFERENCES)
    bertscore = BertScore(str(encoder), 2, rescale=True, idf=idf, baseline_path=str(table), norm="none")
    chexbert = CheXbert(str(tiny.CHEXBERT), str(tiny.BERT)).score(PREDICTIONS, REFERENCES)
    smooth = SmoothingFunction().method1
    bleu = [sentence_bleu([words(r)], words(p), weights=(0.5, 0.5), smoothing_function=smooth) for p, r in PAIRS]
    single = [
        [" ".join(part for part in text.split(" ") if part) for text in side] for side in zip(*PAIRS, strict=True)
    ]
    return np.column_stack(
        [
            np.array(radgraph.samples["RadGraph-combined"]) / 100,
            np.array(bertscore.score(single[0], [[text] for text in single[1]]).samples["Bert_score"]) / 100,
            np.array(chexbert.samples["CheXbert-cosine"]) / 100,
            bleu,
        ]
    )


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("name", "constants"), [("radcliq_v0", V0), ("radcliq_v1", V1)])
def test_combines_its_inputs_with_the_published_constants(setting, name, constants):
    parameters, encoder, table = setting
    metric = make_metric(f"{name}[{parameters}]")
    assert metric.missing() is None
    result = metric.score(PREDICTIONS, REFERENCES)
    four = inputs(encoder, table)
    expected = sum(constants.coefficients[k] * (four[:, k] - constants.mean[k]) / constants.scale[k] for k in range(4))
    expected = expected + constants.intercept
    key = metric.keys[0].name
    np.testing.assert_allclose(result.samples[key], expected, atol=1e-9)
    assert result.values[key] == pytest.approx(np.mean(expected), abs=1e-9)
    assert not metric.keys[0].higher_is_better


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_idf_is_off_unless_asked_for(setting):
    parameters, encoder, table = setting
    with_idf = make_metric(f"radcliq_v1[{parameters},idf=yes]").score(PREDICTIONS, REFERENCES)
    four = inputs(encoder, table, idf=True)
    expected = V1.combine(four)
    np.testing.assert_allclose(with_idf.samples["RadCliQ-v1"], expected, atol=1e-9)
    without = make_metric(f"radcliq_v1[{parameters}]").score(PREDICTIONS, REFERENCES)
    assert without.values["RadCliQ-v1"] != pytest.approx(with_idf.values["RadCliQ-v1"], abs=1e-4)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_norm_decides_what_case_and_spaces_do(setting):
    texts, references = ["No  Effusion.  Stable Heart."], [["No  effusion . stable heart ."]]
    values = {
        norm: make_metric(f"radcliq_v1[{setting[0]},norm={norm}]").score(texts, references).details["inputs"]
        for norm in ("lower", "spaces", "none")
    }
    assert values["lower"]["RadGraph"] > values["spaces"]["RadGraph"] == values["none"]["RadGraph"]
    assert values["lower"]["BERTScore"] == values["spaces"]["BERTScore"] != values["none"]["BERTScore"]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_says_how_many_empty_texts_are_in_the_mean(setting):
    metric = make_metric(f"radcliq_v1[{setting[0]},reciprocal=yes]")
    full = [text for text in PREDICTIONS if text.strip()][:8]
    said, true = [*full, "", " \n"], REFERENCES[:10]
    result = metric.score(said, true)
    empty = result.details["empty_predictions"]
    assert (empty["n"], empty["share"]) == (2, 20.0)
    assert empty["mean_without"] == pytest.approx(metric.score(full, true[:8]).values["RadCliQ-v1"])
    assert empty["mean_without"] < result.values["RadCliQ-v1"]
    assert result.values["RadCliQ-v1-reciprocal"] == pytest.approx(1 / result.values["RadCliQ-v1"])
    assert metric.keys[1].higher_is_better


def test_scores_at_the_mean_are_the_intercept():
    assert V0.combine(np.array([V0.mean]))[0] == pytest.approx(1.641666666666666)
    assert V1.combine(np.array([V1.mean]))[0] == pytest.approx(0.0, abs=1e-9)


def test_a_better_report_scores_lower(setting):
    metric = make_metric(f"radcliq_v1[{setting[0]}]")
    texts = [text for group in REFERENCES for text in group]
    same = metric.score(texts, REFERENCES).values["RadCliQ-v1"]
    assert same < metric.score(PREDICTIONS, REFERENCES).values["RadCliQ-v1"]


def test_signature_holds_all_three_weights(setting):
    metric = make_metric(f"radcliq_v0[{setting[0]}]")
    weights = next(part for part in metric.signature.split("|") if part.startswith("weights:"))
    assert len(set(weights.removeprefix("weights:").split("+"))) == 3
    assert "unknown" not in weights
    assert "impl:radgraph-" in metric.signature
    assert "bert_score-" in metric.signature


def test_says_which_parameter_to_pass():
    missing = RadCliQv0(radgraph="/nowhere.tar.gz").missing()
    assert "radgraph=FOLDER" in missing.hint
    missing = RadCliQv0(radgraph=str(tiny.RADGRAPH), radgraph_backbone="/nowhere").missing()
    assert "radgraph_backbone=FOLDER" in missing.hint
