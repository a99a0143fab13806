"""`reproduce`: a run against a published table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from run_folders import score_entry, write_run

from benchmarks.errors import InputError, UnknownNameError
from libra_bench.experiments.published import read_target, target_names
from libra_bench.experiments.reproduce import reproduce
from libra_bench.metrics.registry import make_metric

PUBLISHED = {"BLEU1": 51.25, "BLEU4": 24.54, "ROUGE-L": 36.66}


def entry(key: str, value: float, **changes: object) -> dict[str, object]:
    made = score_entry(key, value)
    return {**made, "signature": make_metric(str(made["metric"])).signature, **changes}


def run_with(folder: Path, values: dict[str, float], *, model: str = "libra-v1.0-7b", n: int = 2461, **changes) -> Path:
    changes.setdefault("scores", [entry(key, value) for key, value in values.items()])
    changes.setdefault("protocol", {"name": "libra-v1", "overrides": {}})
    return write_run(folder / "run", model=model, suite="findings", n=n, **changes)


def verdicts(found) -> dict[str, str]:
    return {row.key: row.verdict for row in found.rows if row.verdict != "not scored"}


def test_the_published_numbers_reproduce_themselves(tmp_path):
    found = reproduce("libra-v1", run_with(tmp_path, {key: value + 0.004 for key, value in PUBLISHED.items()}))
    assert (found.comparable, list(found.why_not), list(found.causes)) == (True, [], [])
    assert verdicts(found) == dict.fromkeys(PUBLISHED, "within rounding")
    assert {row.key for row in found.rows if row.verdict == "not scored"} >= {"METEOR", "Temporal_entity_score"}


def test_within_the_interval_and_outside(tmp_path):
    found = reproduce("libra-v1", run_with(tmp_path, {"BLEU1": 50.0, "BLEU4": 20.0, "ROUGE-L": 36.66}))
    assert verdicts(found) == {"BLEU1": "within interval", "BLEU4": "outside", "ROUGE-L": "within rounding"}


def test_a_dialect_is_another_computation(tmp_path):
    scores = [entry("BLEU1", 51.25, signature=make_metric("bleu[scheme=coco]").signature)]
    assert verdicts(reproduce("libra-v1", run_with(tmp_path, {}, scores=scores))) == {"BLEU1": "other computation"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"n": 2347}, "2,347 studies, the table 2,461 image-level samples"),
        ({"protocol": {"name": "greedy", "overrides": {}}}, "protocol greedy"),
        ({"protocol": {"name": "libra-v1", "overrides": {"num_beams": 5}}}, "num_beams 5"),
        ({"model": "other"}, "no row for other"),
    ],
)
def test_what_is_not_comparable_says_why(tmp_path, changes, why):
    found = reproduce("libra-v1", run_with(tmp_path, PUBLISHED, **changes))
    assert not found.comparable
    assert why in "; ".join(found.why_not)


def test_another_row_is_chosen_by_name(tmp_path):
    folder = run_with(tmp_path, PUBLISHED, model="my-libra")
    found = reproduce("libra-v1", folder, model="libra-v1.0-7b")
    assert found.rows
    assert found.why_not == ["the run is of my-libra, the row of libra-v1.0-7b"]
    with pytest.raises(InputError, match="no row"):
        reproduce("libra-v1", folder, model="gpt")


def test_one_beam_is_named_as_the_cause(tmp_path):
    found = reproduce("libra-v1", run_with(tmp_path, {"BLEU1": 43.4}, decoding={"num_beams": 1}))
    assert any("without beam search" in cause for cause in found.causes)


def test_another_computation_of_the_same_texts_is_named(tmp_path, cli):
    """A table of sentence BLEU: the run's corpus BLEU is outside, and the program finds out why."""
    suite = cli.folder / "suite.jsonl"
    texts = [("no acute disease today", "no acute disease is seen today")] * 12
    lines = [{"question_id": i, "image": [], "text": a, "reference": b} for i, (a, b) in enumerate(texts)]
    suite.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = ("run", "--suite", suite, "--model", "echo", "--metrics", "bleu", "--out", "run", "--no-report", "--no-plots")
    assert cli(*run).returncode == 0
    answers, references = [a for a, _ in texts], [[b] for _, b in texts]
    published = make_metric("bleu[scheme=sentence]").score(answers, references).values["BLEU4"]
    table = {"title": "t", "source": "s", "suite": "suite", "n": 12, "models": {"echo": {"BLEU4": round(published, 2)}}}
    (cli.folder / "table.yaml").write_text(json.dumps(table))
    done = cli("reproduce", "table.yaml", "run", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["comparable"] is True
    assert found["rows"][0]["verdict"] == "outside"
    assert "bleu[scheme=sentence]" in found["causes"][0]
    assert "trying bleu[scheme=sentence]" in done.stderr
    shown = cli("reproduce", "table.yaml", "run", "--out", "out", COLUMNS="80")
    assert "A likely cause" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert {path.suffix for path in (cli.folder / "out").iterdir()} == {
        ".json",
        ".csv",
        ".tex",
        ".png",
        ".pdf",
        ".html",
    }


def test_every_shipped_table_can_be_read():
    assert target_names() == ["libra-v1"]
    table = read_target("libra-v1")
    assert table.models["libra-v1.0-7b"]["BLEU1"].value == 51.25


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("- 1", "valid"),
        ("title: [", "not a YAML"),
        ("title: t", "lacks"),
        ("models: {a: {BLEU1: many}}", "lacks|number"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_line(tmp_path, content, what):
    (tmp_path / "t.yaml").write_text(content)
    with pytest.raises(InputError, match=what) as caught:
        read_target(str(tmp_path / "t.yaml"))
    assert "\n" not in str(caught.value)


def test_unknown_tables_and_unscored_runs(tmp_path):
    with pytest.raises(UnknownNameError, match="libra-v1"):
        read_target("libra-v2")
    folder = run_with(tmp_path, PUBLISHED)
    (folder / "scores.json").unlink()
    with pytest.raises(InputError, match="score it first"):
        reproduce("libra-v1", folder)
