"""SRR-BERT against RadEval's own scorer (recorded), on a tiny checkpoint."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import tiny_encoders as tiny
from made_up_reports import PAIRS

from benchmarks.errors import InputError, MetricUnavailableError
from benchmarks.files import user_cache
from libra_bench.metrics.extractors.srr_bert import SrrBertExtractor, prepare
from libra_bench.metrics.metric import corpus_values
from libra_bench.metrics.nltk_words import punkt_installed
from libra_bench.metrics.registry import make_metric
from libra_bench.metrics.srr_bert import SrrBert

PREDICTIONS = [prediction for prediction, _ in PAIRS]
REFERENCES = [[reference] for _, reference in PAIRS]
GOLDEN = json.loads((tiny.GOLDEN / "metrics" / "srr_bert.json").read_text())
EXPECTED = GOLDEN["expected"]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.srr_bert(tmp_path_factory.mktemp("weights") / "srr")


@pytest.fixture
def recorded_sentences(monkeypatch):
    """nltk's sentences as they were recorded: its model is data that must not be shipped."""

    def split(texts, splitter):
        found = {}
        for text, sentences in EXPECTED["sentences"].items():
            prepared, start, spans = prepare(text), 0, []
            for sentence in sentences:
                start = prepared.index(sentence, start)
                spans.append((start, start + len(sentence)))
            found[prepared] = spans
        return {text: found[text] for text in texts}

    monkeypatch.setattr("libra_bench.metrics.extractors.srr_bert.split_sentences", split)


@pytest.mark.usefixtures("recorded_sentences")
def test_it_equals_radeval(folder):
    result = SrrBert(str(folder)).score(PREDICTIONS, REFERENCES)
    tolerance = GOLDEN["tolerance"]
    assert result.values["SRR-BERT-F1"] / 100 == pytest.approx(EXPECTED["weighted_f1"], abs=tolerance)
    assert [score / 100 for score in result.samples["SRR-BERT-F1"]] == pytest.approx(
        EXPECTED["per_pair"], abs=tolerance
    )
    for number, (name, row) in enumerate(sorted(EXPECTED["f1"].items(), key=lambda item: int(item[0].split()[1]))):
        assert name == f"label {number}"
        found = result.details["labels"].get(f"LABEL_{number}", {"f1": 0.0})
        assert found["f1"] / 100 == pytest.approx(row, abs=tolerance)


@pytest.mark.usefixtures("recorded_sentences")
def test_labels_equal_radeval_s_an_empty_report_s_too(folder):
    found = SrrBertExtractor.of(str(folder), None, "punkt").read(list(EXPECTED["labels"]))
    for text, labels in EXPECTED["labels"].items():
        assert found[text].astype(int).tolist() == labels, text


def test_numbers_of_a_list_are_taken_out():
    assert prepare("1. No edema.2. Small effusion 3. Cardiomegaly") == "No edema. Small effusion. Cardiomegaly."
    assert prepare("A 3.5 cm mass.No effusion") == "A 3.5 cm mass. No effusion."
    assert prepare("Seen in 2010.").strip() == "Seen in."
    assert prepare("") == "."


def test_of_several_references_the_best_counts(folder):
    metric = SrrBert(str(folder), sentences="rules")
    text, reference = PREDICTIONS[0], REFERENCES[0][0]
    assert metric.score([text], [[reference, text]]).values["SRR-BERT-F1"] == 100.0


def test_the_corpus_value_comes_from_the_statistics(folder):
    metric = SrrBert(str(folder), sentences="rules")
    result = metric.score(PREDICTIONS, REFERENCES)
    assert result.statistics is not None
    assert corpus_values(metric.keys, result.statistics) == dict(result.values)
    nothing = np.zeros((1, 36))
    assert metric.reduce(nothing, np.ones(1)).tolist() == [[0.0]]


def test_a_report_of_ten_thousand_tokens(folder):
    long = "no effusion " * 6_000
    assert SrrBert(str(folder), sentences="rules").score([long], [[long]]).values["SRR-BERT-F1"] == 100.0


def test_labels_are_named_by_a_file(folder, tmp_path):
    names = tmp_path / "labels.json"
    names.write_text(json.dumps({f"finding {index}": index for index in range(12)}))
    metric = SrrBert(str(folder), labels=str(names), sentences="rules")
    assert metric.missing() is None
    named = metric.score(PREDICTIONS, REFERENCES)
    plain = SrrBert(str(folder), sentences="rules").score(PREDICTIONS, REFERENCES)
    assert named.values == plain.values
    assert {name.replace("finding ", "LABEL_") for name in named.details["labels"]} == set(plain.details["labels"])
    for content in ('{"a": 0}', "[]", "{"):
        names.write_text(content)
        with pytest.raises(InputError, match=r"labels\.json"):
            metric.score(["a"], [["a"]])


def test_what_is_missing_is_one_line(folder, tmp_path, monkeypatch):
    assert SrrBert(str(folder), sentences="rules").missing() is None
    if not punkt_installed():
        absent = SrrBert(str(folder)).missing()
        assert absent is not None
        assert "nltk.downloader punkt_tab, or pass sentences=rules" in absent.hint
    bare = tmp_path / "bare"
    shutil.copytree(folder, bare, ignore=shutil.ignore_patterns("*token*", "vocab.txt"))
    assert SrrBert(str(bare), tokenizer=str(folder), sentences="rules").missing() is None
    own = SrrBert(str(bare), tokenizer=str(folder), sentences="rules").score(PREDICTIONS[:3], REFERENCES[:3])
    assert own.values == SrrBert(str(folder), sentences="rules").score(PREDICTIONS[:3], REFERENCES[:3]).values
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    absent = SrrBert(str(bare), sentences="rules").missing()
    assert absent is not None
    assert "pass tokenizer=FOLDER" in absent.hint
    (folder / "model.safetensors").rename(folder / "hidden")
    try:
        absent = SrrBert(str(folder), sentences="rules").missing()
        assert absent is not None
        assert absent.reason.endswith("has no weights")
    finally:
        (folder / "hidden").rename(folder / "model.safetensors")


def test_a_plain_encoder_is_refused(tmp_path):
    encoder = tiny.bert(tmp_path / "bert")
    with pytest.raises(MetricUnavailableError, match=r"do not fit its config\.json \(no classifier\.bias\)"):
        SrrBert(str(encoder), sentences="rules").score(["a"], [["a"]])


def test_the_brackets_of_the_command_line(folder):
    made = make_metric(f"srr_bert[model={folder},sentences=rules]")
    assert made.keys[0].name == "SRR-BERT-F1"
    assert str(folder) not in made.signature


def test_bfloat16_is_close_and_says_so(folder):
    exact, rough = (
        SrrBert(str(folder), sentences="rules"),
        SrrBert(str(folder), sentences="rules", precision="bfloat16"),
    )
    assert "precision" not in exact.signature
    assert "|precision:bfloat16|" in rough.signature
    value, found = (metric.score(PREDICTIONS, REFERENCES).values["SRR-BERT-F1"] for metric in (exact, rough))
    assert found == pytest.approx(value, abs=5)
    assert len(list((user_cache() / "extractions").glob("srr-bert-*.sqlite3"))) == 2
