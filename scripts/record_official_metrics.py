"""Record what the official packages make of made-up reports: tests/golden/metrics/{radgraph,chexbert,bertscore}.json.

    .venv/bin/libra-bench metrics install official
    .venv/bin/python scripts/record_official_metrics.py

The weights: the tiny checkpoints in tests/golden/tiny_checkpoints, and the encoders of tests/support/tiny_encoders.py.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

import tiny_encoders as tiny  # noqa: E402
from made_up_reports import PAIRS  # noqa: E402

from libra_bench.metrics.extractors.radgraph import RadGraphExtractor  # noqa: E402
from libra_bench.metrics.official.client import OfficialPackages  # noqa: E402
from libra_bench.metrics.official.environment import PACKAGES, python_of  # noqa: E402

COMMAND = "python scripts/record_official_metrics.py"


def main() -> None:
    """Write the three files."""
    python = python_of()
    if python is None:
        sys.exit("first: libra-bench metrics install official")
    official = OfficialPackages(python)
    predictions, references = (list(side) for side in zip(*PAIRS, strict=True))

    extractor = RadGraphExtractor.of(str(tiny.RADGRAPH), str(tiny.BERT))
    lowered = {"predictions": [p.lower() for p in predictions], "references": [r.lower() for r in references]}
    _write("radgraph", official.radgraph(extractor, **lowered), 1e-12, "F1RadGraph on lower-cased text")
    cased = official.radgraph(extractor, predictions=predictions, references=references)
    _write("radgraph_cased", cased, 1e-12, "F1RadGraph on the text as it is")

    labels = official.chexbert(tiny.CHEXBERT, tiny.BERT, predictions=predictions, references=references)
    _write("chexbert", labels, 1e-12, "F1CheXbert; labels: '' blank, 1 positive, 0 negative, -1 uncertain")

    groups = [[reference, predictions[index - 1]] for index, reference in enumerate(references)]
    cases = []
    with tempfile.TemporaryDirectory() as scratch:
        encoders = {"distilbert": tiny.distilbert(Path(scratch) / "a"), "roberta": tiny.roberta(Path(scratch) / "b")}
        table = tiny.baseline(Path(scratch) / "baseline.tsv")
        for name, folder in encoders.items():
            for several in (False, True):
                for idf, rescale in ((False, False), (True, False), (False, True), (True, True)):
                    f1 = official.bertscore(
                        folder,
                        predictions=predictions,
                        references=groups if several else [[reference] for reference in references],
                        num_layers=2,
                        idf=idf,
                        rescale=rescale,
                        baseline_path=table,
                    )
                    case = {"encoder": name, "several": several, "idf": idf, "rescale": rescale}
                    cases.append(case | {"f1": f1})
    _write("bertscore", cases, 1e-6, "bert_score.score, 2 layers, text as it is; several: a second reference a pair")


def _write(name: str, expected: object, tolerance: float, why: str) -> None:
    content = {
        "why": why,
        "command": COMMAND,
        "packages": PACKAGES,
        "cases": "PAIRS of tests/support/made_up_reports.py",
        "tolerance": tolerance,
        "expected": expected,
    }
    file = ROOT / "tests" / "golden" / "metrics" / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
