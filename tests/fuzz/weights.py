"""Weights that the user names: folders and files of metrics, and folders of other vision-language models."""

from __future__ import annotations

import functools
import json
import os
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from inputs import INSIDE, TESTS, answers, asked, jsonl, studies, tried, unpacked
from mutations import Files

sys.path.insert(0, str(TESTS / "support"))
import tiny_encoders as tiny
import tiny_vlms

METRICS = {
    "bert": "bertscore[model={0},num_layers=1]",
    "distilbert": "bertscore[model={0},num_layers=2]",
    "radgraph": f"radgraph[model={{0}},backbone={tiny.BERT}]",
    "radgraph-alone": "radgraph[model={0}]",
    "chexbert": f"chexbert[model={{0}}/chexbert.pth,backbone={tiny.BERT}]",
    "backbone": f"chexbert[model={tiny.CHEXBERT},backbone={{0}}]",
    "ner": "ratescore[ner={0},embedding={1},matrix={0}/matrix.json,sentences=rules]",
    "srr": "srr_bert[model={0},tokenizer={0},sentences=rules,labels={0}/labels.json]",
}
"""Name of a folder -> the metric that reads it; a second file of the user's is in the same folder."""
MATRIX = json.dumps({**{f"{kind}_{kind}".lower(): 1.0 for kind in tiny.RATE_TYPES}, "neg_weight": 0.8}).encode()


def weights() -> Sequence[Files]:
    """A tiny one of each kind."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        tiny.bert(folder / "bert")
        tiny.distilbert(folder / "distilbert")
        for kind in ("radgraph", "radgraph-alone"):
            with tarfile.open(tiny.RADGRAPH) as tar:
                tar.extractall(folder / kind, filter="data")
        config = folder / "radgraph-alone" / "config.json"
        config.write_text(config.read_text().replace('"model_name": "bert"', f'"model_name": "{tiny.BERT}"'))
        tiny.rate_ner(folder / "ner")
        (folder / "ner" / "matrix.json").write_bytes(MATRIX)
        tiny.srr_bert(folder / "srr", labels=3)
        (folder / "srr" / "labels.json").write_bytes(b'{"edema": 0, "effusion": 1, "mass": 2}')
        found = [
            {f"{kind}{INSIDE}{path.relative_to(folder / kind)}".replace("/", INSIDE): path.read_bytes()
             for path in (folder / kind).rglob("*") if path.is_file()}
            for kind in ("bert", "distilbert", "radgraph", "radgraph-alone", "ner", "srr")
        ]  # fmt: skip
    backbone = {f"backbone{INSIDE}{path.name}": path.read_bytes() for path in tiny.BERT.iterdir()}
    return [*found, backbone, {f"chexbert{INSIDE}chexbert.pth": tiny.CHEXBERT.read_bytes()}]


@functools.cache
def _encoder() -> tempfile.TemporaryDirectory[str]:
    """One that is right, and stays."""
    place = tempfile.TemporaryDirectory()
    tiny.bert(Path(place.name))
    return place


def read_weights(folder: Path) -> None:
    """Score a few reports with the metric of these weights."""
    os.environ["LIBRA_BENCH_CACHE"] = str(folder / "out" / "cache")
    (folder / "suite.jsonl").write_bytes(jsonl(studies()))
    (folder / "predictions.jsonl").write_bytes(jsonl(answers()))
    out = unpacked(folder, folder / "out")
    for kind, metric in METRICS.items():
        if (out / kind).is_dir():
            named = metric.format(out / kind, _encoder().name)
            tried(
                "score", "--references", folder / "suite.jsonl", "--predictions", folder / "predictions.jsonl",
                "--metrics", named, "--csv", out / "board.csv",
            )  # fmt: skip


def vlms() -> Sequence[Files]:
    """Tiny vision-language models of three families."""
    with tempfile.TemporaryDirectory() as place:
        folders = [
            tiny_vlms.llava(Path(place, "a")),
            tiny_vlms.gemma3(Path(place, "b")),
            tiny_vlms.qwen2_5_vl(Path(place, "c")),
        ]
        return [{path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} for folder in folders]


def read_vlm(folder: Path) -> None:
    """Ask one study with an image, and one without."""
    asked(folder, "--model", unpacked(folder, folder / "out" / "model", "*"), "--batch-size", 2)
