"""`metrics agreement`: the arithmetic against scipy, and the command on made-up ratings."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from libra_bench.experiments.agreement import KeyValues, _resampled_taus, agreement
from libra_bench.experiments.judgements import Judged, Judgements, RankingTest


def made_up(n_studies: int = 20, seed: int = 0, missing: float = 0.0) -> tuple[Judgements, list[KeyValues]]:
    """Two candidates per study, three raters, a good and a bad metric, and a constant one."""
    generator = np.random.default_rng(seed)
    quality = generator.random(2 * n_studies)
    ratings = np.clip(np.round(1 + 4 * quality[:, None] + generator.normal(0, 0.4, (2 * n_studies, 3))), 1, 5)
    texts = [
        Judged(
            str(place // 2),
            "r",
            "p",
            [None if generator.random() < missing else one for one in ratings[place].tolist()],
        )
        for place in range(2 * n_studies)
    ]
    values = [
        KeyValues("Good", (quality + generator.normal(0, 0.1, len(quality))).tolist()),
        KeyValues("Bad", generator.random(len(quality)).tolist()),
        KeyValues("Constant", [1.0] * len(quality)),
    ]
    return Judgements("table", ["a", "b", "c"], texts), values


def test_correlations_are_scipys():
    judgements, values = made_up()
    found = agreement(judgements, values, resamples=200)
    mean = [np.mean(text.ratings) for text in judgements.texts]
    for key, entry in zip(values[:2], found.metrics, strict=False):
        assert entry.tau == pytest.approx(kendalltau(key.values, mean).statistic)
        assert entry.spearman == pytest.approx(spearmanr(key.values, mean).statistic)
        assert entry.low < entry.tau < entry.high
    constant = found.metrics[2]
    assert (constant.tau, constant.low, constant.spearman, constant.pairwise.accuracy) == (None, None, None, None)
    assert constant.pairwise.ties == constant.pairwise.n
    (difference,) = found.differences
    assert difference.difference == pytest.approx(found.metrics[0].tau - found.metrics[1].tau)
    assert difference.low > 0


def test_resampled_tau_is_that_of_the_copied_texts():
    generator = np.random.default_rng(3)
    ratings, values = np.round(generator.random(12) * 4), np.round(generator.random(12), 1)
    studies = [str(place // 2) for place in range(12)]
    drawn = np.random.default_rng(5).integers(6, size=(10, 6))
    expected = []
    for row in drawn:
        copies = [2 * study + candidate for study in row for candidate in (0, 1)]
        expected.append(kendalltau(values[copies], ratings[copies]).statistic)
    taus = _resampled_taus(values[None], ratings, studies, 10, 5)[:, 0]
    np.testing.assert_allclose(taus, expected, atol=1e-9)


def test_raters_and_their_ceiling():
    judgements, values = made_up()
    ratings = np.array([text.ratings for text in judgements.texts])
    raters = agreement(judgements, values, resamples=100).raters
    assert raters.n == 3
    assert raters.tau[0] == pytest.approx(kendalltau(ratings[:, 0], ratings[:, 1]).statistic)
    others = [kendalltau(ratings[:, one], np.delete(ratings, one, 1).mean(axis=1)).statistic for one in range(3)]
    assert raters.ceiling == pytest.approx(np.mean(others))


def test_pairs_within_a_study():
    texts = [Judged("1", "r", "p", [rating]) for rating in (5, 3, 3)] + [
        Judged("2", "r", "p", [rating]) for rating in (1, 2)
    ]
    values = [KeyValues("K", [0.9, 0.9, 0.1, 0.2, 0.8])]
    (entry,) = agreement(Judgements("table", ["a"], texts), values, resamples=100).metrics
    assert (entry.pairwise.n, entry.pairwise.ties, entry.pairwise.accuracy) == (3, 1, 1.0)
    assert (entry.low, entry.high) == (None, None)  # two studies


def test_missing_ratings_are_left_out_and_counted():
    judgements, values = made_up(missing=0.6)
    found = agreement(judgements, values, resamples=100)
    rated = [any(rating is not None for rating in text.ratings) for text in judgements.texts]
    assert 0 < found.n_unrated == len(rated) - sum(rated)
    assert found.n_texts == sum(rated)
    assert found.metrics[0].tau is not None


def test_ranking_tests():
    candidates = {"C1": "Left effusion.", "C2": "Mass."}
    test = RankingTest("1a", "False findings", "Left effusion.", candidates, [("C1", ">", "C2"), ("C1", "=", "C1")])
    judgements = Judgements("radjudge", tests=[test])
    passed, failed = agreement(judgements, [KeyValues("K", [1.0, 0.5]), KeyValues("Tie", [1.0, 1.0])]).metrics
    assert passed.tests.passed == 1
    assert failed.tests.by_category == {"False findings": {"n": 1, "passed": 0}}


def test_the_command_on_a_table(cli):
    generator = np.random.default_rng(0)
    words = ["the", "heart", "is", "enlarged", "with", "a", "small", "left", "effusion", "and", "no", "pneumothorax"]
    with (cli.folder / "ratings.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["study", "reference", "prediction", "anna", "ben"])
        for study in range(8):
            for kept in (4, 9):
                text = " ".join(words[: kept + int(generator.integers(2))])
                writer.writerow([study, " ".join(words), text, kept // 2, kept // 2 + int(generator.integers(2))])
    arguments = ("metrics", "agreement", "--data", "ratings.csv", "--metrics", "rouge_l,meteor,bleu", "--out", "out")
    done = cli(*arguments, COLUMNS="80")
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "scoring 16 texts with rouge_l" in done.stderr
    result = json.loads((cli.folder / "out" / "agreement.json").read_text())
    assert (result["format"], result["n_studies"], result["n_texts"]) == ("table", 8, 16)
    assert {entry["key"] for entry in result["metrics"]} >= {"ROUGE-L", "METEOR", "BLEU4-sentence"}
    for entry in result["metrics"]:
        assert entry["tau"] > 0.5
        assert set(entry["pairwise"]) == {"accuracy", "n", "ties"}
    assert set(result["raters"]) == {"n", "tau", "ceiling"}
    assert {path.name for path in (cli.folder / "out").iterdir()} >= {
        *("agreement.tex", "agreement.html", "agreement-tau.csv", "agreement-tau.table.png", "agreement-tau.table.pdf"),
    }
    again = cli(*arguments, "--json")
    assert "scoring" not in again.stderr  # the values of the texts were kept
    assert json.loads(again.stdout) == result
