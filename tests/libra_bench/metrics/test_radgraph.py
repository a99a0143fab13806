"""RadGraph against the unmodified package on transformers 4 (recorded), from weights in files, offline."""

from __future__ import annotations

import json
import shutil
import tarfile

import numpy as np
import pytest
import tiny_encoders as tiny
from made_up_reports import PAIRS

from benchmarks.errors import MetricUnavailableError
from libra_bench.metrics.extractors import batches, radgraph
from libra_bench.metrics.extractors.radgraph import Entity, Graph, RadGraphExtractor
from libra_bench.metrics.extractors.radgraph_reading import BatchReader
from libra_bench.metrics.radgraph import RadGraph, entity_offsets, pair_scores
from libra_bench.metrics.registry import make_metric

pytest.importorskip("radgraph", reason="the extra radgraph is not installed")

PREDICTIONS = [prediction for prediction, _ in PAIRS]
REFERENCES = [[reference] for _, reference in PAIRS]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def tiny_metric(**parameters):
    return RadGraph(model=str(tiny.RADGRAPH), backbone=str(tiny.BERT), **parameters)


@pytest.mark.parametrize(("norm", "file"), [("lower", "radgraph"), ("none", "radgraph_cased")])
def test_equals_the_unmodified_package(norm, file):
    golden = json.loads((tiny.GOLDEN / "metrics" / f"{file}.json").read_text())
    result = tiny_metric(norm=norm).score(PREDICTIONS, REFERENCES)
    for level, expected in golden["expected"].items():
        got = np.array(result.samples[f"RadGraph-{level}"]) / 100
        np.testing.assert_allclose(got, expected, atol=golden["tolerance"])
        assert result.values[f"RadGraph-{level}"] == pytest.approx(100 * np.mean(expected), abs=1e-9)


def test_batches_are_read_as_the_package_here_reads_one_report_after_another(monkeypatch):
    monkeypatch.setattr(batches, "CPU_TOKENS", 2048)  # short reports and one of several segments in one batch
    extractor = RadGraphExtractor.of(str(tiny.RADGRAPH), str(tiny.BERT))
    package = radgraph._load(extractor.folder, extractor.model_type, extractor.backbone, "float32")
    texts = [text.lower() for pair in PAIRS[:9] for text in pair if text] + ["no effusion , " * 175]
    reader = BatchReader.of(package)
    found = reader.read([radgraph._tokens(text, extractor.model_type) for text in texts])
    assert found == radgraph._one_by_one(package, texts)
    assert sum(len(relations) for entities in found for *_, relations in entities) > 20


def test_a_model_that_propagates_coreference_is_read_by_the_package(monkeypatch):
    extractor = RadGraphExtractor.of(str(tiny.RADGRAPH), str(tiny.BERT))
    expected = extractor._compute(["small left effusion."])
    monkeypatch.setattr(BatchReader, "of", lambda package: None)
    assert extractor._compute(["small left effusion."]) == expected
    with pytest.raises(MetricUnavailableError, match="coreference"):
        RadGraphExtractor.of(str(tiny.RADGRAPH), str(tiny.BERT), "bfloat16")._compute(["small left effusion."])


def test_bfloat16_is_close_and_says_so():
    rough, exact = tiny_metric(precision="bfloat16"), tiny_metric()
    assert "precision" not in exact.signature
    assert "|precision:bfloat16|" in rough.signature
    found = rough.score(PREDICTIONS, REFERENCES).samples["RadGraph-simple"]
    expected = exact.score(PREDICTIONS, REFERENCES).samples["RadGraph-simple"]
    assert sum(abs(one - other) < 20 for one, other in zip(found, expected, strict=True)) > 0.8 * len(found)


def test_case_matters_to_the_package_and_not_to_us():
    upper, lower = ["NO EFFUSION. Heart is normal."], [["no effusion. heart is normal."]]
    assert tiny_metric().score(upper, lower).values["RadGraph-simple"] == 100.0
    assert tiny_metric(norm="none").score(upper, lower).values["RadGraph-simple"] < 100.0


def test_folder_and_archive_agree_and_are_not_written_to(tmp_path):
    folder = tmp_path / "model"
    with tarfile.open(tiny.RADGRAPH) as archive:
        archive.extractall(folder, filter="data")
    folder.chmod(0o555)
    before = sorted(path.name for path in folder.rglob("*"))
    metric = make_metric(f"radgraph[model={folder},backbone={tiny.BERT}]")
    assert metric.missing() is None
    assert metric.score(PREDICTIONS[:4], REFERENCES[:4]).samples == (
        tiny_metric().score(PREDICTIONS[:4], REFERENCES[:4]).samples
    )
    assert sorted(path.name for path in folder.rglob("*")) == before
    weights = [part for part in metric.signature.split("|") if part.startswith("weights:")]
    assert weights == [part for part in tiny_metric().signature.split("|") if part.startswith("weights:")]
    assert "impl:radgraph-" in metric.signature
    assert str(tmp_path) not in metric.signature


def test_the_config_may_name_a_backbone_beside_the_archive(tmp_path):
    shutil.copy(tiny.RADGRAPH, tmp_path)
    metric = RadGraph(model=str(tmp_path / tiny.RADGRAPH.name))
    assert "bert" in metric.missing().reason  # the tiny config says `bert`, and there is no such folder yet
    shutil.copytree(tiny.BERT, tmp_path / "bert")
    assert metric.missing() is None
    assert metric.score(PREDICTIONS[:2], REFERENCES[:2]).values == (
        tiny_metric().score(PREDICTIONS[:2], REFERENCES[:2]).values
    )


def test_several_references_take_the_best_of_each_key():
    both = tiny_metric().score(PREDICTIONS[:3], [[REFERENCES[k][0], REFERENCES[k + 1][0]] for k in range(3)])
    first = tiny_metric().score(PREDICTIONS[:3], REFERENCES[:3])
    second = tiny_metric().score(PREDICTIONS[:3], REFERENCES[1:4])
    for key, values in both.samples.items():
        assert values == [max(pair) for pair in zip(first.samples[key], second.samples[key], strict=True)]


def test_texts_without_a_token_score_zero():
    result = tiny_metric().score(["", " \n ", "no effusion."], [["no effusion."], ["no effusion."], [""]])
    assert result.values["RadGraph-simple"] == 0.0


def test_the_second_time_nothing_is_extracted(monkeypatch):
    first = tiny_metric().score(PREDICTIONS[:5], REFERENCES[:5])
    monkeypatch.setattr(
        "libra_bench.metrics.extractors.radgraph._load",
        lambda *_: pytest.fail("the model was loaded though all is cached"),
    )
    assert tiny_metric().score(PREDICTIONS[:5], REFERENCES[:5]).samples == first.samples


def test_no_text_is_stored(tmp_path):
    tiny_metric().score(["small left effusion xylophone"], [["no effusion."]])
    stored = b"".join(file.read_bytes() for file in (tmp_path / "cache" / "extractions").iterdir())
    assert b"Observation" in stored
    assert b"effusion" not in stored
    assert b"xylophone" not in stored


def test_spans_point_into_the_text_as_given():
    result = tiny_metric().score(["Small LEFT Effusion."], [["No effusion."]])
    words = {"Small LEFT Effusion."[s.start : s.end] for s in result.spans if s.side == "prediction"}
    assert words
    assert words <= {"Small", "LEFT", "Effusion", "Small LEFT", "LEFT Effusion"}
    graph = Graph(("i̇", "x"), (Entity(0, 0, "i̇", "label", ()),))
    assert list(entity_offsets("İ x", graph)) == []  # its lower case is longer: no offsets rather than wrong ones


def test_combined_is_the_mean_of_entity_and_relation_f1():
    def graph(*labels):
        entities = [Entity(0, 0, "effusion", labels[0], (("located_at", 1),)), Entity(1, 1, "left", labels[1], ())]
        return Graph(("effusion", "left"), tuple(entities))

    assert pair_scores(graph("O", "A"), graph("O", "A")) == (1.0, 1.0, 1.0, 1.0)
    simple, _, complete, combined = pair_scores(graph("O", "A"), graph("O", "B"))
    assert simple == 0.5
    assert complete == 0.5  # the relation looks at the other's words only
    assert combined == 0.25  # and here at its label, too: entity F1 0.5, relation F1 0


@pytest.mark.parametrize(
    ("parameters", "reason", "hint"),
    [
        ({"model": "/nowhere/model.tar.gz"}, "does not exist", "FILE.tar.gz"),
        ({"model": "radgraf"}, "is no RadGraph model", "radgraph-xl"),
        ({"model": str(tiny.BERT)}, "is not a RadGraph model", "weights.th"),
        ({"model": str(tiny.RADGRAPH), "backbone": "/nowhere"}, "/nowhere", "backbone="),
    ],
)
def test_says_what_is_missing(parameters, reason, hint):
    missing = RadGraph(**parameters).missing()
    assert reason in missing.reason
    assert hint in missing.hint
