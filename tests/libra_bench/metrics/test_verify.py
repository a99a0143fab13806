"""`verify`: ours against the official packages, here and in the side environment."""

from __future__ import annotations

import dataclasses
import json

import pytest
import tiny_encoders as tiny
from made_up_reports import PAIRS

from libra_bench.metrics.bertscore import BertScore
from libra_bench.metrics.bleu import Bleu
from libra_bench.metrics.chexbert import CheXbert
from libra_bench.metrics.official import OFFICIAL
from libra_bench.metrics.official.verify import verify
from libra_bench.metrics.radgraph import RadGraph
from libra_bench.metrics.rouge_l import RougeL
from libra_bench.metrics.temporal_f1 import TemporalF1

PREDICTIONS = [prediction for prediction, _ in PAIRS]
REFERENCES = [[reference] for _, reference in PAIRS]


def verified(metrics, references=REFERENCES):
    results = {metric.id: metric.score(PREDICTIONS, references) for metric in metrics}
    return verify(metrics, results, PREDICTIONS, references)


def test_lexical_metrics_equal_the_official_packages():
    checks, unverified = verified([Bleu(), RougeL()])
    assert unverified == []
    assert [check.key for check in checks] == ["BLEU1", "BLEU2", "BLEU3", "BLEU4", "ROUGE-L"]
    assert all(check.corpus_difference < 1e-9 for check in checks)
    assert checks[-1].sample_difference < 1e-9
    assert "rouge-score 0.1.2" in checks[-1].official


def test_a_wrong_number_is_found():
    metric = RougeL()
    result = metric.score(PREDICTIONS, REFERENCES)
    samples = {"ROUGE-L": list(result.samples["ROUGE-L"])}
    samples["ROUGE-L"][7] += 2.0
    wrong = dataclasses.replace(result, values={"ROUGE-L": result.values["ROUGE-L"] + 0.5}, samples=samples)
    (check,), _ = verify([metric], {"rouge_l": wrong}, PREDICTIONS, REFERENCES)
    assert check.corpus_difference == pytest.approx(0.5)
    assert check.sample_difference == pytest.approx(2.0)
    assert check.sample == 7


def test_says_what_was_not_verified_and_why(tmp_path, monkeypatch):
    monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path))
    metrics = [TemporalF1(), Bleu(scheme="sentence"), CheXbert(str(tiny.CHEXBERT), str(tiny.BERT))]
    checks, unverified = verified(metrics)
    assert checks == []
    assert [one.metric for one in unverified] == ["temporal_f1", "bleu", "chexbert"]
    assert "no official package" in unverified[0].reason
    assert unverified[2].remedy == "libra-bench metrics install official"


def test_an_environment_with_other_pins_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path))
    assert OFFICIAL.python() is None
    (tmp_path / "official" / "bin").mkdir(parents=True)
    (tmp_path / "official" / "bin" / "python").touch()
    stamp = tmp_path / "official" / OFFICIAL.stamp
    stamp.write_text(json.dumps({"packages": OFFICIAL.packages}))
    assert OFFICIAL.python() == tmp_path / "official" / "bin" / "python"
    stamp.write_text(json.dumps({"packages": {**OFFICIAL.packages, "transformers": "5.0.0"}}))
    assert OFFICIAL.python() is None


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_installs_the_official_packages_and_equals_them(tmp_path, monkeypatch):
    """The whole way: `metrics install official --dir`, then every model-based metric against the unmodified package."""
    monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path / "cache"))
    OFFICIAL.install(tmp_path / "elsewhere")
    assert OFFICIAL.python() == tmp_path / "cache" / "official" / "bin" / "python"
    table = tiny.baseline(tmp_path / "baseline.tsv")
    encoder = tiny.roberta(tmp_path / "roberta")
    two = [[*group, "no effusion. the heart is normal."] for group in REFERENCES]
    radgraph, chexbert = RadGraph(str(tiny.RADGRAPH), str(tiny.BERT)), CheXbert(str(tiny.CHEXBERT), str(tiny.BERT))
    bertscore = BertScore(str(encoder), 2, rescale=True, idf=True, baseline_path=str(table))
    checks, unverified = verified([radgraph, chexbert, bertscore])
    assert unverified == []
    assert [check.key for check in checks] == [
        *("RadGraph-simple", "RadGraph-partial", "RadGraph-complete"),
        *("CheXbert-micro14", "CheXbert-macro14", "CheXbert-micro5", "CheXbert-macro5"),
        "Bert_score",
    ]
    assert all(check.corpus_difference < 1e-9 for check in checks[:-1])
    assert checks[-1].corpus_difference < 1e-4
    assert all((check.sample_difference or 0) < 1e-4 for check in checks)
    checks, unverified = verified([radgraph, chexbert, bertscore], two)
    assert [one.metric for one in unverified] == ["chexbert"]
    assert all(check.corpus_difference < 1e-4 for check in checks)
