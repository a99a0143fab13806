"""`libra-bench metrics`, the real program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).with_name("libra-bench")
OFFLINE = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent"}


def run(*arguments, **options):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, env=OFFLINE, check=False, **options)


@pytest.fixture(scope="module")
def listed():
    finished = run("metrics", "--json")
    assert finished.returncode == 0, finished.stderr
    return {metric["name"]: metric for metric in json.loads(finished.stdout)}


def test_json_says_everything_about_a_metric(listed):
    bleu = listed["bleu"]
    assert bleu["available"]
    assert bleu["signature"].startswith("bleu|")
    assert [key["name"] for key in bleu["keys"]] == ["BLEU1", "BLEU2", "BLEU3", "BLEU4"]
    assert bleu["keys"][0] == {"name": "BLEU1", "higher_is_better": True, "range": [0.0, 100.0], "published": True}


def test_every_metric_says_what_it_sees_and_what_was_measured(listed):
    from libra_bench.metrics.listing import MEASURED, SEES

    assert {name: metric["sees"] for name, metric in listed.items() if metric["sees"] not in SEES} == {}
    seen = {name: listed[name]["sees"] for name in ("bleu", "bertscore", "ratescore", "srr_bert", "report_errors")}
    assert list(seen.values()) == ["words", "embeddings", "entities", "labels", "statements"]
    assert listed["rouge_l"]["measured"].keys() == set(MEASURED)
    assert listed["rouge_l"]["measured"]["ms_per_report"] < listed["chexbert"]["measured"]["ms_per_report"]


def test_a_line_that_was_measured_is_shown(monkeypatch, capsys):
    from libra_bench.cli.app import app
    from libra_bench.metrics import listing

    table = {"ms_per_report": {}, "agreement": {"rouge_l": "tau 0.44 (made up)"}, "sensitivity": {"rouge_l": "sees it"}}
    monkeypatch.setattr(listing, "_measured", lambda: table)
    monkeypatch.setattr(listing, "metric_targets", lambda: {"rouge_l": "libra_bench.metrics.rouge_l:RougeL"})
    app(["metrics", "show", "rouge_l"], standalone_mode=False)
    shown = capsys.readouterr().out
    assert "agreement\ttau 0.44 (made up)" in shown
    assert "sees\tWords: which words and phrases two texts share" in shown


def test_the_stored_table_names_known_metrics():
    from libra_bench.metrics import listing
    from libra_bench.metrics.registry import METRICS

    for table in listing.MEASURED:
        assert set(listing._measured()[table]) - {"why"} <= set(METRICS)


def test_radcliq_is_better_when_lower(listed):
    assert listed["radcliq_v1"]["keys"] == [
        {"name": "RadCliQ-v1", "higher_is_better": False, "range": [None, None], "published": False}
    ]


@pytest.mark.parametrize("name", ["bertscore", "radgraph", "chexbert", "radcliq_v0", "radcliq_v1"])
def test_what_cannot_run_says_what_to_pass(listed, name):
    assert not listed[name]["available"]
    assert listed[name]["reason"]
    assert "=" in listed[name]["remedy"] or "pip install" in listed[name]["remedy"]


def test_lists_without_loading_torch():
    code = (
        "import sys\n"
        "from libra_bench.metrics.listing import list_metrics\n"
        "list_metrics()\n"
        "heavy = {'torch', 'transformers', 'pandas', 'nltk', 'radgraph', 'bert_score'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=OFFLINE)


def test_a_named_metric_that_cannot_run_is_one_line(tmp_path):
    for side in ("reference", "text"):
        (tmp_path / f"{side}.jsonl").write_text(json.dumps({"question_id": 1, side: "no effusion"}) + "\n")
    finished = run(
        *("score", "--references", "reference.jsonl", "--predictions", "text.jsonl", "--metrics", "radgraph"),
        cwd=tmp_path,
    )
    assert finished.returncode == 2
    assert finished.stderr.startswith("error: radgraph: ")
    assert "pass --metrics 'radgraph[model=FOLDER]'" in finished.stderr
    assert len(finished.stderr.splitlines()) == 1


def test_install_takes_a_known_name():
    finished = run("metrics", "install", "unofficial")
    assert finished.returncode == 2
    assert "official" in finished.stderr
