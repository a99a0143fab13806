"""Weights that metrics read: folders and files that the user names."""

from __future__ import annotations

import os
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from folders import INSIDE, tried
from inputs import SENTENCES, TESTS, answers, jsonl, studies
from mutations import Files

sys.path.insert(0, str(TESTS / "support"))
import tiny_encoders as tiny

METRICS = {
    "bert": "bertscore[model={0},num_layers=1]",
    "distilbert": "bertscore[model={0}]",
    "radgraph": f"radgraph[model={{0}},backbone={tiny.BERT}]",
    "radgraph-alone": "radgraph[model={0}]",
    "chexbert": f"chexbert[model={{0}}/chexbert.pth,backbone={tiny.BERT}]",
    "backbone": f"chexbert[model={tiny.CHEXBERT},backbone={{0}}]",
    "ner": f"ratescore[ner={{0}},embedding={tiny.BERT},matrix={{0}}/matrix.json,sentences=rules]",
    "srr": "srr_bert[model={0},tokenizer={0},sentences=rules,labels={0}/labels.json]",
}
"""Name of a folder -> the metric that reads it; a second file of the user's is in the same folder."""
MATRIX = b'{"disease_anatomy": 0.9, "anatomy_disease": 0.9, "abnormality_disease": 0.5, "neg_value": 0.8}'


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


def read_weights(folder: Path) -> None:
    """Score a few reports with the metric of these weights."""
    os.environ["LIBRA_BENCH_CACHE"] = str(folder / "out" / "cache")
    (folder / "suite.jsonl").write_bytes(jsonl(studies()))
    (folder / "predictions.jsonl").write_bytes(jsonl(answers(len(SENTENCES[:3]))))
    for file in sorted(folder.glob(f"*{INSIDE}*")):
        place = folder / "out" / file.name.replace(INSIDE, "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        file.rename(place)
    for kind, metric in METRICS.items():
        if (folder / "out" / kind).is_dir():
            tried(
                "score", "--references", folder / "suite.jsonl", "--predictions", folder / "predictions.jsonl",
                "--metrics", metric.format(folder / "out" / kind), "--csv", folder / "out" / "board.csv",
            )  # fmt: skip
