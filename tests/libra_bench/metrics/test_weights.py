"""Weights: paths, the hub's cache, and what is said when there is neither."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import textwrap

import pytest
import tiny_encoders as tiny

from libra_bench.metrics.extractors.weights import digest, encoder_missing, is_path, label


@pytest.mark.parametrize(
    ("name", "path"),
    [("org/model", False), ("model", False), ("/a/model", True), ("./model", True), ("a/b/model", True), ("~/m", True)],
)
def test_tells_a_path_from_a_hub_id(name, path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert is_path(name) == path


def test_an_existing_folder_wins_over_a_hub_id(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "org" / "model").mkdir(parents=True)
    assert is_path("org/model")
    assert label("org/model") == "model"


def test_says_which_file_a_folder_lacks(tmp_path):
    assert encoder_missing(str(tiny.BERT), parameter="model", weights=False) is None
    assert "has no weights" in encoder_missing(str(tiny.BERT), parameter="model").reason
    assert "has no config.json" in encoder_missing(str(tmp_path), parameter="model").reason
    (tmp_path / "config.json").write_text("{}")
    assert "has no tokenizer files" in encoder_missing(str(tmp_path), parameter="model").reason


@pytest.mark.parametrize("name", ["no such folder", "model.pth", "--x--"])
def test_a_mistyped_path_is_a_message_and_no_traceback(name, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert name in encoder_missing(name, parameter="model").reason


def test_digest_follows_the_content_not_the_name(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"weights")
    other.write_bytes(b"weights")
    assert digest(one) == digest(other) == hashlib.sha256(b"weights").hexdigest()[:12]
    other.write_bytes(b"WEIGHTS!")
    assert digest(one) != digest(other)
    assert digest(None) == "unknown"


def hub_cache(folder, repository, files):
    """A repository as the hub's client stores it."""
    store = folder / f"models--{repository.replace('/', '--')}"
    (store / "refs").mkdir(parents=True)
    (store / "refs" / "main").write_text("0" * 40)
    snapshot = store / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    for name, content in files.items():
        (snapshot / name).write_bytes(content)
    return snapshot


def offline(code, hub):
    environment = {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(hub), "XDG_CACHE_HOME": str(hub), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], check=True, env=environment, capture_output=True, text=True
    ).stdout


def test_finds_what_the_hub_client_cached_under_the_old_name_or_the_new(tmp_path):
    files = {"config.json": b"{}", "tokenizer.json": b"{}", "model.safetensors": b"weights"}
    snapshot = hub_cache(tmp_path, "distilbert/distilbert-base-uncased", files)
    code = """
        from libra_bench.metrics.extractors.weights import encoder_folder
        print(encoder_folder("distilbert-base-uncased"))
        print(encoder_folder("distilroberta-base"))
    """
    assert offline(code, tmp_path).split() == [str(snapshot), "None"]


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Scores of one process that is offline and was told no weights, by key."""
    hub = tmp_path_factory.mktemp("hub")
    model = tiny.distilbert(tmp_path_factory.mktemp("made") / "model")
    hub_cache(hub, "distilbert-base-uncased", {file.name: file.read_bytes() for file in model.iterdir()})
    hub_cache(hub, "StanfordAIMI/RRG_scorers", {"radgraph-xl.tar.gz": tiny.RADGRAPH.read_bytes()})
    (hub / "chexbert").mkdir()
    (hub / "chexbert" / "chexbert.pth").write_bytes(tiny.CHEXBERT.read_bytes())
    code = f"""
        import importlib.util, json
        from libra_bench.metrics.bertscore import BertScore
        from libra_bench.metrics.chexbert import CheXbert
        from libra_bench.metrics.radgraph import RadGraph
        metrics = [BertScore(num_layers=2), CheXbert(backbone={str(tiny.BERT)!r})]
        if importlib.util.find_spec("radgraph"):
            metrics.append(RadGraph(backbone={str(tiny.BERT)!r}))
        assert [metric.missing() for metric in metrics] == [None] * len(metrics)
        text = "no effusion ."
        print(json.dumps({{k: v for metric in metrics for k, v in metric.score([text], [[text]]).values.items()}}))
    """
    return json.loads(offline(code, hub))


@pytest.mark.slow
def test_published_bertscore_runs_from_the_hub_cache_offline(published):
    assert published["Bert_score"] == pytest.approx(100.0, abs=1e-4)


@pytest.mark.slow
def test_published_chexbert_is_found_where_its_package_keeps_it(published):
    assert published["CheXbert-cosine"] == pytest.approx(100.0)


@pytest.mark.slow
def test_published_radgraph_is_found_in_the_hub_cache(published):
    pytest.importorskip("radgraph", reason="the extra radgraph is not installed")
    assert published["RadGraph-simple"] == pytest.approx(100.0)


def test_an_unreachable_hub_is_known_within_seconds(tmp_path):
    code = """
        import time
        from libra_bench.metrics.listing import list_metrics
        start = time.monotonic()
        listed = {metric["name"]: metric for metric in list_metrics()}
        assert time.monotonic() - start < 15
        assert "the hub does not answer" in listed["bertscore"]["reason"], listed["bertscore"]
        assert listed["bleu"]["available"]
    """
    environment = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_CACHE": str(tmp_path), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, env=environment)
