"""A metric by any of its names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from in_process import InProcess

from benchmarks.errors import UnknownNameError
from libra_bench.metrics.choice import choose_metrics
from libra_bench.metrics.registry import METRICS, column_among, make_metric, metric_among, metric_id, metric_name
from libra_bench.rewards import reward


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("rougeL", "rouge_l"), ("ROUGE-L", "rouge_l"), ("Rouge L", "rouge_l"), ("rouge", "rouge_l"),
        ("bert_score", "bertscore"), ("Bert_score", "bertscore"), ("BERTScore", "bertscore"),
        ("BLEU4", "bleu"), ("bleu-1", "bleu"), ("CIDEr", "cider"), ("F1-RadGraph", "radgraph"),
        ("RadGraph-partial", "radgraph"), ("CheXbert-micro14", "chexbert"), ("RadCliQ-v1", "radcliq_v1"),
        ("Temporal_entity_score", "temporal_f1"), ("Temporal_change_score", "temporal_change_f1"),
        ("EM", "exact_match"),
    ],
)  # fmt: skip
def test_spellings_aliases_and_columns(name: str, wanted: str) -> None:
    assert metric_id(name) == wanted


def test_every_metric_is_found_by_each_of_its_columns_or_by_one_before_it() -> None:
    order = list(METRICS)
    for name in METRICS:
        assert metric_id(name.upper()) == name
        for key in make_metric(name).keys:
            assert order.index(metric_id(key.name)) <= order.index(name)


def test_parameters_stay_and_unknown_names_are_refused() -> None:
    assert metric_name("BERTScore[num_layers=5]") == "bertscore[num_layers=5]"
    assert list(choose_metrics("BLEU1,BLEU4,rougeL[stem=yes]").metrics) == ["bleu", "rouge_l[stem=yes]"]
    assert reward("rougeL").terms[0].key == "ROUGE-L"
    with pytest.raises(UnknownNameError, match="did you mean 'rouge_l'"):
        metric_id("rouge_w")


def test_among_what_runs_have() -> None:
    stored = {"bleu": ["BLEU1", "BLEU4"], "bertscore[model=x]": ["Bert_score"]}
    assert metric_among("bertscore", stored) == "bertscore[model=x]"
    assert metric_among("bleu-4", stored) == "bleu"
    with pytest.raises(UnknownNameError):
        metric_among("rouge_l", stored)
    owners = {"BLEU1": "bleu", "BLEU4": "bleu", "ROUGE-L": "rouge_l", "Own": "plugged_in"}
    assert [column_among(name, owners) for name in ("bleu", "bleu4", "rougeL", "rouge", "plugged_in", "own")] == [
        "BLEU1", "BLEU4", "ROUGE-L", "ROUGE-L", "Own", "Own",
    ]  # fmt: skip
    with pytest.raises(UnknownNameError):
        column_among("meteor", owners)


def test_several_files_are_tested_as_runs_are(cli: InProcess) -> None:
    suite = cli.suite(12, subject_id="p")
    rows = [json.loads(line) for line in suite.read_text().splitlines()]
    for name, text in (("ours", "No change in the lungs."), ("theirs", "New effusion.")):
        texts = [text if row["question_id"] % 3 else "No change." for row in rows]
        (cli.folder / f"{name}.txt").write_text("\n".join(texts) + "\n")
        answers = [{"question_id": r["question_id"], "text": t} for r, t in zip(rows, texts, strict=True)]
        (cli.folder / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in answers))
    words = ("--references", suite, "--predictions", "theirs.txt", "ours.txt", "--metrics", "rougeL,temporal_f1")
    scored = json.loads(cli("score", *words, "--json").stdout)
    assert "comparison" not in scored[0]
    found = scored[1]["comparison"]["differences"]
    runs = []
    for name in ("theirs", "ours"):
        done = cli(
            "run", "--suite", suite, "--model", f"replay:{name}.jsonl", "--model-name", name, "--metrics",
            "rouge_l,temporal_f1", "--no-plots", "--no-report", "--json",
        )  # fmt: skip
        runs.append(Path(json.loads(done.stdout)["run"]))
    compared = json.loads(cli("compare", *runs, "--metrics", "ROUGE-L,temporal_f1", "--json").stdout)
    assert found == compared["differences"]
    assert {one["key"] for one in found} == {"ROUGE-L", "Temporal_entity_score"}
    shown = cli("score", *words)
    assert "ours against theirs" in shown.stdout
    alone = json.loads(cli("score", *words, "--no-tests", "--json").stdout)
    assert "comparison" not in alone[1]
