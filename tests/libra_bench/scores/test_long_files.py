"""Files too long for memory give what short ones give."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.files import stored
from libra_bench.metrics import many_texts, workers
from libra_bench.metrics.choice import choose_metrics
from libra_bench.scores import scoring
from libra_bench.scores.scored_files import write_scored
from libra_bench.scores.scoring import score_files

TEXTS = [
    "No effusion. The heart is enlarged.",
    "Small left effusion, larger than before.",
    "",
    "Größe unverändert (2.5 cm): “new” opacity; İ\u00a0Σ.",
    "No effusion. The heart is enlarged.",
    "  \n",
    "The nodule is unchanged since 3.1.2020. Dr. Who agrees.",
]
N = 160


@pytest.fixture(params=["same order", "another order", "some without a reference", "without ids"])
def files(request, tmp_path):
    references, predictions = tmp_path / "suite.jsonl", tmp_path / "model.jsonl"
    rows = [
        {
            "question_id": n if n % 2 else str(n),
            "reference": [TEXTS[n % 7], TEXTS[n % 5]] if n % 3 else TEXTS[n % 6],
            "view": "PA" if n % 4 else None,
            "subject_id": n // 3,
        }
        for n in range(N)
    ]
    if request.param == "some without a reference":
        rows = [{key: value for key, value in row.items() if key != "reference" or n % 5} for n, row in enumerate(rows)]
    answers = [{"question_id": str(n), "text": TEXTS[(3 * n + 1) % 7]} for n in range(N)]
    if request.param == "another order":
        answers = answers[::-1]
    if request.param == "without ids":
        answers = [{"text": answer["text"]} for answer in answers]
    references.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    predictions.write_text("".join(f"{json.dumps(row)}\n" for row in answers))
    return references, predictions, request.param == "some without a reference"


def test_a_long_file_is_scored_like_a_short_one(files, tmp_path, monkeypatch):
    references, predictions, partial = files
    chosen = choose_metrics("bleu,rouge_l,temporal_f1,cider")
    monkeypatch.setattr(scoring, "STRATA_RESAMPLES", 20)
    found = {}
    for many in (1_000, 5):
        monkeypatch.setattr(stored, "MANY", many)
        monkeypatch.setattr(many_texts, "MANY", many)
        monkeypatch.setattr(many_texts, "CHUNK", 32)
        for module in (many_texts, workers):
            monkeypatch.setattr(module, "core_count", lambda many=many: 2 if many == 5 and partial else 1)
        monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path / f"cache-{many}"))
        (scored,) = score_files(references, [predictions], ["model"], chosen, partial=partial)
        folder = tmp_path / str(many)
        folder.mkdir()
        write_scored(folder, scored)
        found[many] = scored, {name: (folder / name).read_text() for name in ("samples.csv", "spans.jsonl")}
    (short, written), (long, also_written) = found.values()
    assert flat(long.scores.as_json()) == pytest.approx(flat(short.scores.as_json()), abs=1e-9)
    assert also_written == written
    for name, result in short.results.items():
        np.testing.assert_array_equal(
            long.results[name].statistics.per_sample_NS, result.statistics.per_sample_NS, err_msg=name
        )


def flat(value, path=""):
    """Nested JSON -> path -> number or text; None and the empty are texts."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    inner = {inside: leaf for key, part in parts for inside, leaf in flat(part, f"{path}/{key}").items()}
    return inner or {path: value if isinstance(value, int | float) else repr(value)}
