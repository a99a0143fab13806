"""CheXbert against the unmodified f1chexbert on transformers 4 and scikit-learn 1.7 (recorded)."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import tiny_encoders as tiny
from made_up_reports import PAIRS

from benchmarks.errors import MetricUnavailableError
from libra_bench.metrics.chexbert import CheXbert
from libra_bench.metrics.extractors import batches
from libra_bench.metrics.extractors.chexbert import NEGATIVE, POSITIVE, UNCERTAIN, CheXbertExtractor
from libra_bench.metrics.extractors.first_states import first_states
from libra_bench.metrics.metric import corpus_values
from libra_bench.metrics.observation_f1 import OBSERVATIONS

PREDICTIONS = [prediction for prediction, _ in PAIRS]
REFERENCES = [[reference] for _, reference in PAIRS]
METRIC = CheXbert(model=str(tiny.CHEXBERT), backbone=str(tiny.BERT))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def golden():
    return json.loads((tiny.GOLDEN / "metrics" / "chexbert.json").read_text())


def test_f1_equals_f1chexbert(golden):
    expected = golden["expected"]
    result = METRIC.score(PREDICTIONS, REFERENCES)
    for average in ("micro", "macro", "weighted"):
        for classes, report in ((14, "f1"), (5, "f1_5")):
            value = result.values[f"CheXbert-{average}{classes}"] / 100
            assert value == pytest.approx(expected[report][f"{average} avg"], abs=golden["tolerance"])
    details = result.details["uncertain as positive"]
    assert details["exact_match_5"] == pytest.approx(expected["accuracy"], abs=1e-12)
    for name in OBSERVATIONS:
        assert details["classes"][name]["f1"] / 100 == pytest.approx(expected["f1"][name], abs=golden["tolerance"])
        assert details["classes"][name]["support"] == expected["support"][name]


def test_labels_equal_f1chexbert(golden):
    said = {"": 0, 1: POSITIVE, 0: NEGATIVE, -1: UNCERTAIN}
    expected = [[said[label] for label in row] for row in golden["expected"]["labels"]]
    readings = CheXbertExtractor.of(METRIC.model, METRIC.backbone).read(PREDICTIONS)
    assert [list(readings[text].labels) for text in PREDICTIONS] == expected


@pytest.mark.parametrize("space", ["\x0b", "\x0c", "\n\n", " \t ", "\x85", "\u2028"])
def test_any_white_space_is_one_space(space):
    """f1chexbert collapses it; BERT's tokenizer would drop some of it and join two words."""
    plain = "Small pleural effusion and edema."
    spaced = space + plain.replace(" ", space)
    result = METRIC.score([spaced], [[plain]])
    assert result.values["CheXbert-cosine"] == pytest.approx(100.0)
    assert result.details["uncertain as positive"]["exact_match_5"] == 1.0
    raw = CheXbert(model=METRIC.model, backbone=METRIC.backbone, norm="none")
    assert (raw.score([spaced], [[plain]]).values["CheXbert-cosine"] < 99.9) == (space in "\x0b\x0c\x85")


def test_uncertain_as_negative_counts_fewer_findings():
    result = METRIC.score(PREDICTIONS, REFERENCES)
    as_positive, as_negative = (
        sum(row["predicted"] for row in result.details[f"uncertain as {how}"]["classes"].values())
        for how in ("positive", "negative")
    )
    assert as_negative < as_positive
    assert result.values["CheXbert-neg-micro14"] != result.values["CheXbert-micro14"]


def test_identical_reports_have_cosine_one_whatever_the_batch():
    texts = [text for text in PREDICTIONS if text]
    result = METRIC.score(texts, [[text] for text in texts])
    assert result.samples["CheXbert-cosine"] == pytest.approx([100.0] * len(texts), abs=1e-9)
    assert result.values["CheXbert-micro14"] == 100.0


def test_batches_do_not_change_an_embedding(tmp_path, monkeypatch):
    together = CheXbertExtractor.of(METRIC.model, METRIC.backbone).read(PREDICTIONS)
    for index, text in enumerate(PREDICTIONS[:6]):
        monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path / f"cache-{index}"))
        alone = CheXbertExtractor.of(METRIC.model, METRIC.backbone).read([text])
        np.testing.assert_allclose(alone[text].embedding, together[text].embedding, atol=1e-5)


@pytest.mark.parametrize("threads", [1, 3])
def test_neither_the_order_nor_the_cores_matter(tmp_path, monkeypatch, threads):
    import torch

    monkeypatch.setattr(batches, "PACKED_TOKENS", 64)
    texts = list(dict.fromkeys(PREDICTIONS))
    extractor = CheXbertExtractor.of(METRIC.model, METRIC.backbone)
    expected = extractor.read(texts)
    monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path / f"another {threads}"))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = extractor.read(texts[::-1])
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    for text in texts:
        assert found[text].labels == expected[text].labels
        np.testing.assert_allclose(found[text].embedding, expected[text].embedding, rtol=1e-6, atol=1e-6)


def test_the_first_token_is_all_that_the_last_layer_computes():
    import torch
    from transformers import BertConfig, BertModel

    bert = BertModel(BertConfig.from_pretrained(tiny.BERT)).eval()
    tokens_BT = torch.randint(5, 200, (3, 17))
    mask_BT = (torch.arange(17) < torch.tensor([[17], [9], [2]])).long()
    with torch.inference_mode():
        for mask in (mask_BT, None):
            expected = bert(tokens_BT, attention_mask=mask).last_hidden_state[:, 0]
            torch.testing.assert_close(first_states(bert, tokens_BT, mask), expected, rtol=0, atol=1e-6)


def test_bfloat16_is_close_and_says_so():
    rough = CheXbert(model=METRIC.model, backbone=METRIC.backbone, precision="bfloat16")
    assert "precision" not in METRIC.signature
    assert "|precision:bfloat16|" in rough.signature
    exact = METRIC.score(PREDICTIONS, REFERENCES).samples["CheXbert-cosine"]
    found = rough.score(PREDICTIONS, REFERENCES).samples["CheXbert-cosine"]
    assert found != exact
    np.testing.assert_allclose(found, exact, atol=2.0)


def test_of_several_references_the_nearest_counts():
    text = "small pleural effusion . no pneumothorax ."
    far = "there is edema . possible pneumonia . fracture ."
    for group in ([far, text], [text, far]):
        result = METRIC.score([text], [group])
        assert result.values["CheXbert-cosine"] == pytest.approx(100.0)
        assert result.details["uncertain as positive"]["exact_match_5"] == 1.0


def test_the_sum_of_statistics_gives_the_corpus_value():
    result = METRIC.score(PREDICTIONS, REFERENCES)
    rows = result.statistics.per_sample_NS
    assert corpus_values(METRIC.keys, result.statistics) == dict(result.values)
    twice = METRIC.reduce(2 * rows.sum(axis=0, keepdims=True), np.array([2.0 * len(rows)]))
    np.testing.assert_allclose(twice[0], list(result.values.values()), rtol=1e-12)


def test_refuses_a_file_that_is_no_checkpoint(tmp_path):
    file = tmp_path / "chexbert.pth"
    file.write_bytes(b"not a checkpoint")
    with pytest.raises(MetricUnavailableError, match="not a CheXbert checkpoint"):
        CheXbert(model=str(file), backbone=str(tiny.BERT)).score(["a"], [["b"]])


def test_refuses_code_in_a_checkpoint(tmp_path):
    import torch

    file, trap = tmp_path / "chexbert.pth", tmp_path / "ran"

    class Trap:
        def __reduce__(self):
            return (open, (str(trap), "w"))

    torch.save({"model_state_dict": Trap()}, file)
    with pytest.raises(MetricUnavailableError):
        CheXbert(model=str(file), backbone=str(tiny.BERT)).score(["a"], [["b"]])
    assert not trap.exists()


def test_says_what_is_missing_offline():
    code = (
        "from libra_bench.metrics.chexbert import CheXbert\n"
        "missing = CheXbert().missing()\n"
        "assert 'HF_HUB_OFFLINE' in missing.reason, missing\n"
        "assert 'model=FILE.pth' in missing.hint, missing\n"
        f"missing = CheXbert(model={str(tiny.CHEXBERT)!r}).missing()\n"
        "assert 'bert-base-uncased' in missing.reason and 'backbone=' in missing.hint, missing\n"
        "import sys; assert 'torch' not in sys.modules and 'transformers' not in sys.modules\n"
    )
    environment = {"HF_HUB_OFFLINE": "1", "HF_HOME": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent", "PATH": "/bin"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
