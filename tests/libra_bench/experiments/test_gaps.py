"""`compare --by`: gaps between subgroups, with intervals."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.schema import Sample
from libra_bench.experiments.gaps import levels_of, subgroup_gaps
from libra_bench.metrics.registry import make_metric

STUDIES = 40
SPARE = ("--out", "run", "--no-report", "--no-plots")


def suite_with(program, **fields) -> None:
    """Studies of 20 patients; the answers to women's are wrong more often."""
    rows = [
        {
            "question_id": number,
            "image": [],
            "text": "no acute disease is seen" if number % 2 or number % 8 == 0 else "opacity",
            "reference": "no acute disease is seen",
            "subject_id": f"p{number // 2}",
            "sex": "M" if number % 2 else "F",
            "age": 20 + number,
            **fields,
        }
        for number in range(STUDIES)
    ]
    (program.folder / "suite.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def run(cli):
    suite_with(cli)
    done = cli("run", "--suite", "suite.jsonl", "--model", "echo", "--metrics", "exact_match,bleu", *SPARE)
    assert done.returncode == 0, done.stderr
    return cli.folder / "run"


def test_a_gap_is_the_difference_of_the_levels(run):
    found = subgroup_gaps([run], "sex", resamples=500)
    rows = {(one.key, one.level): one for one in found.gaps}
    women, men = rows["Exact-match", "F"], rows["Exact-match", "M"]
    assert (women.value, men.value, women.n) == (25, 100, 20)
    assert women.reference == "M" or men.reference == "F"
    gap = women if women.level != women.reference else men
    assert abs(gap.gap) == 75
    assert gap.low < gap.gap < gap.high
    assert not gap.low <= 0 <= gap.high
    texts = [row for row in map(json.loads, (run.parent / "suite.jsonl").read_text().splitlines()) if row["sex"] == "F"]
    bleu = make_metric("bleu").score([row["text"] for row in texts], [[row["reference"]] for row in texts]).values
    assert rows["BLEU1", "F"].value == pytest.approx(bleu["BLEU1"])


def test_numbers_are_cut_into_quarters():
    samples = [Sample(place, (), "x", fields={"age": age}) for place, age in enumerate([*range(20, 60), None])]
    levels = levels_of(samples, "age")
    assert list(levels) == ["20 to 29", "30 to 39", "40 to 49", "50 to 59", "(none)"]
    assert [len(members) for members in levels.values()] == [10, 10, 10, 10, 1]
    few = [Sample(place, (), "x", fields={"grade": place % 3}) for place in range(9)]
    assert list(levels_of(few, "grade")) == ["0", "1", "2"]


def test_no_interval_with_few_patients(cli):
    suite_with(cli, subject_id=None)
    rows = [json.loads(line) for line in (cli.folder / "suite.jsonl").read_text().splitlines()]
    for row in rows:
        row["subject_id"] = f"p{row['question_id'] % 3}"
    (cli.folder / "suite.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    cli("run", "--suite", "suite.jsonl", "--model", "echo", "--metrics", "exact_match", *SPARE)
    for one in subgroup_gaps([cli.folder / "run"], "sex", resamples=200).gaps:
        assert (one.low, one.high) == (None, None)


def test_the_command(run, cli):
    done = cli("compare", run, "--by", "sex", "--resamples", 500, COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "worse than" in done.stdout or "better than" in done.stdout
    result = json.loads(cli("compare", run, "--by", "age", "--resamples", 500, "--json").stdout)
    assert result["by"] == "age"
    assert len({one["level"] for one in result["gaps"]}) == 4
    assert np.isfinite([one["value"] for one in result["gaps"]]).all()
    for arguments, words in (
        (("--by", "height"), "unknown field"),
        (("--by", "sex", "--metrics", "meteor"), "unknown metric of these runs"),
    ):
        wrong = cli("compare", run, *arguments)
        assert wrong.returncode == 2
        assert words in wrong.stderr
        assert wrong.stderr.count("\n") == 1
