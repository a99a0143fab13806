"""The published evaluation as one call: its keys and rounding, its file formats, and what it refuses."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from repository import GOLDEN

from benchmarks.errors import InputError
from libra_bench import evaluate_report

RECORDED = json.loads((GOLDEN / "metrics.json").read_text())
KEYS = ["BLEU1", "BLEU2", "BLEU3", "BLEU4", "METEOR", "ROUGE-L", "Temporal_entity_score"]


def write(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def evaluate(tmp_path: Path, predictions: list[dict], references: list[dict]) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return evaluate_report(
            predictions=write(tmp_path / "p.jsonl", predictions), references=write(tmp_path / "r.jsonl", references)
        )


def test_recorded_files(tmp_path: Path) -> None:
    recorded = RECORDED["evaluate_report"]
    result = evaluate(tmp_path, recorded["predictions_jsonl"], recorded["references_jsonl"])
    assert [key for key in recorded["result"] if key in result] == list(result)
    assert result["Temporal_entity_score"] == recorded["result"]["Temporal_entity_score"]
    assert result["BLEU1"] == round(100 * 5 / 6 * math.exp(1 - 13 / 6), 2)  # 5 of 6 words match; the references have 13


def test_texts_are_read_from_the_first_key_that_exists(tmp_path: Path) -> None:
    keyed = RECORDED["extract_sections"]
    rows = [row for row in keyed["items"] if set(row) & set(keyed["key_priority"])]
    plain = [{"question_id": row["question_id"], "text": text} for row, text in zip(rows, keyed["out"], strict=True)]
    assert evaluate(tmp_path, rows, plain)["ROUGE-L"] == evaluate(tmp_path, plain, plain)["ROUGE-L"]


def test_alternative_references(tmp_path: Path) -> None:
    references = [{"question_id": "a", "reference": ["worse effusion", "stable effusion today"]}]
    result = evaluate(tmp_path, [{"question_id": "a", "text": "Stable effusion today."}], references)
    assert result["ROUGE-L"] == 100.0
    assert result["Temporal_entity_score"] == 66.67


def test_without_bertscore_weights_one_warning_says_how_to_give_them(tmp_path: Path) -> None:
    rows = write(tmp_path / "rows.jsonl", [{"question_id": 1, "text": "The heart is normal in size."}])
    with pytest.warns(UserWarning, match="model=") as caught:
        result = evaluate_report(references=rows, predictions=rows, bertscore=tmp_path / "nowhere")
    assert len(caught) == 1
    assert list(result) == KEYS


@pytest.mark.parametrize(
    ("predictions", "references", "message"),
    [
        ([1, 2], [1, 2, 3], r"no prediction for 1 ids \(3\)"),
        ([1, 2, 9], [1, 2], r"no reference for 1 ids \(9\)"),
        ([2, 1], [1, 2], "the order differs from entry 1 on: 2, where"),
        ([1, 1], [1], r"1 ids \(1\) more than once"),
        ([1, 1], [1, 1], r"1 ids \(1\) more than once"),
        ([1, "1"], [1, "1"], r"2 ids \(1, '1'\) more than once"),
        (["1"], [1], "no prediction for"),
    ],
)
def test_ids_that_do_not_match_are_refused(tmp_path: Path, predictions: list, references: list, message: str) -> None:
    with pytest.raises(InputError, match=message):
        evaluate(
            tmp_path,
            [{"question_id": question_id, "text": "x"} for question_id in predictions],
            [{"question_id": question_id, "text": "x"} for question_id in references],
        )


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question_id": 1}, r"p\.jsonl:1: question_id 1 has no text"),
        ({"text": "x"}, r"p\.jsonl:1: no question_id"),
        ({"question_id": 1, "text": None}, r"p\.jsonl:1: text is not a text"),
        ({"question_id": 1, "text": ["a", "b"]}, r"p\.jsonl:1: text is not a text"),
    ],
)
def test_lines_that_cannot_be_scored_are_refused(tmp_path: Path, row: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        evaluate(tmp_path, [row], [{"question_id": 1, "text": "x"}])


def test_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the file is empty"):
        evaluate(tmp_path, [], [])


def test_lexical_scoring_imports_nothing_heavy() -> None:
    code = (
        "import sys; from libra_bench.metrics.registry import make_metric\n"
        "for name in ('bleu', 'meteor', 'rouge_l', 'temporal_f1', 'cider'):\n"
        "    make_metric(name).score(['no new effusion'], [['small effusion']])\n"
        "heavy = ('torch', 'transformers', 'pandas', 'nltk', 'scipy', 'matplotlib')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
