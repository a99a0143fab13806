"""Record what RaTEScore and RadEval make of made-up reports: tests/golden/metrics/{ratescore,srr_bert}.json.

    python -m venv oracle
    oracle/bin/pip install torch==2.13.0 transformers==5.23.0 scikit-learn nltk pandas
    oracle/bin/pip install medspacy==1.3.1 PyRuSH==1.0.13 ratescore==0.6.0
    oracle/bin/pip install --no-deps radeval==2.2.1
    oracle/bin/pip install 'numpy<2' 'pandas<3'
    oracle/bin/python -m nltk.downloader punkt_tab
    oracle/bin/python scripts/record_sentence_metrics.py

An environment of its own, since medspacy needs numpy 1 on Python 3.11; nothing of libra-bench is imported. Pairs are
scored one by one: in a list, RaTEScore loses its place at an empty report. The weights: tests/support/tiny_encoders.py.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
import types
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import tiny_encoders as tiny  # noqa: E402
from made_up_reports import PAIRS  # noqa: E402

NER_SEEDS = (12, 6)
TEXTS = sorted({text for pair in PAIRS for text in pair})


def ratescore(scratch: Path) -> dict[str, Any]:
    """Sentences of every text, and the score of each pair with both tables of weights; None where the package fails."""
    from loguru import logger

    logger.remove()
    from RaTEScore import RaTEScore
    from RaTEScore.utils import nlp

    encoder = tiny.bert(scratch / "bert")
    cases = []
    for seed in NER_SEEDS:
        ner = tiny.rate_ner(scratch / f"ner-{seed}", seed)
        for matrix in ("long", "short"):
            scorer = RaTEScore(bert_model=str(ner), eval_model=str(encoder), use_gpu=False, affinity_matrix=matrix)
            scores = []
            for prediction, reference in PAIRS:
                try:
                    scores += [float(score) for score in scorer.compute_score([prediction], [reference])]
                except IndexError:  # no sentence on one side
                    scores.append(None)
            cases.append({"ner_seed": seed, "matrix": matrix, "scores": scores})
    spans = {text: [[sentence.start_char, sentence.end_char] for sentence in nlp(text).sents] for text in TEXTS}
    return {"sentences": spans, "cases": cases}


def srr_bert(scratch: Path) -> dict[str, Any]:
    """Labels of every text, the value of each pair, and the weighted F1 of all of them."""
    package = Path(importlib.util.find_spec("radeval").origin).parent  # type: ignore[union-attr,arg-type]
    sys.modules["radeval"] = types.ModuleType("radeval")  # its own __init__ imports packages that are not needed here
    sys.modules["radeval"].__path__ = [str(package)]
    from radeval.metrics.SRRBert.srr_bert import SRRBert, srr_bert_parse_sentences
    from transformers import BertTokenizer

    folder = tiny.srr_bert(scratch / "srr")
    labels = scratch / "labels.json"
    labels.write_text(json.dumps({f"label {index}": index for index in range(12)}))
    original = BertTokenizer.from_pretrained
    BertTokenizer.from_pretrained = lambda _name: original(folder)  # type: ignore[method-assign]
    SRRBert.MODEL_CONFIGS["tiny"] = {"model_path": str(folder), "mapping_file": str(labels)}
    scorer = SRRBert("tiny")
    predictions, references = (list(side) for side in zip(*PAIRS, strict=True))
    report, _, _, per_pair = scorer.evaluate(references, predictions)
    found = {text: scorer(srr_bert_parse_sentences(text))[0].max(axis=0).tolist() for text in TEXTS}
    return {
        "sentences": {text: srr_bert_parse_sentences(text) for text in TEXTS},
        "labels": found,
        "weighted_f1": float(report["weighted avg"]["f1-score"]),
        "f1": {name: row["f1-score"] for name, row in report.items() if name.startswith("label ")},
        "per_pair": [float(value) for value in per_pair],
    }


def main() -> None:
    """Write both files."""
    with tempfile.TemporaryDirectory() as scratch:
        _write(
            "ratescore", ratescore(Path(scratch)), ["ratescore", "medspacy", "PyRuSH", "spacy", "transformers", "torch"]
        )
        _write("srr_bert", srr_bert(Path(scratch)), ["radeval", "nltk", "scikit-learn", "transformers", "torch"])


def _write(name: str, expected: object, packages: list[str]) -> None:
    content = {
        "why": "the packages as published, pair by pair, on tiny checkpoints",
        "command": "python scripts/record_sentence_metrics.py",
        "packages": {package: version(package) for package in [*packages, "transformers", "torch"]},
        "cases": "PAIRS of tests/support/made_up_reports.py",
        "tolerance": 1e-6,
        "expected": expected,
    }
    file = ROOT / "tests" / "golden" / "metrics" / f"{name}.json"
    file.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
