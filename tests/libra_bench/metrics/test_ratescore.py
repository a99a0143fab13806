"""RaTEScore against the package itself (recorded): pair by pair, sentences split by medspacy's PyRuSH."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import tiny_encoders as tiny
from made_up_reports import PAIRS

from benchmarks.errors import InputError, MetricUnavailableError
from benchmarks.files import user_cache
from libra_bench.metrics.extractors.cache import ExtractionCache
from libra_bench.metrics.extractors.rate_entities import RateExtractor, entity_spans
from libra_bench.metrics.extractors.sentences import PYRUSH, split_sentences, splitter_name
from libra_bench.metrics.metric import corpus_values
from libra_bench.metrics.ratescore import RaTEScore, read_affinity
from libra_bench.metrics.registry import make_metric

PREDICTIONS = [prediction for prediction, _ in PAIRS]
REFERENCES = [[reference] for _, reference in PAIRS]
GOLDEN = json.loads((tiny.GOLDEN / "metrics" / "ratescore.json").read_text())
EXPECTED = GOLDEN["expected"]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def _known_sentences(_own_cache):
    """What the side environment would say of the made-up reports, in the cache where its answers are kept."""
    known = {text: json.dumps(spans).encode() for text, spans in EXPECTED["sentences"].items() if text}
    ExtractionCache("sentences", splitter_name("pyrush")).put(known)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    seeds = {case["ner_seed"] for case in EXPECTED["cases"]}
    return {"bert": tiny.bert(folder / "bert")} | {s: tiny.rate_ner(folder / f"ner-{s}", s) for s in seeds}


def metric(weights: dict[Any, Any], seed: int = 12, **parameters: str) -> RaTEScore:
    return RaTEScore(str(weights[seed]), str(weights["bert"]), **({"sentences": "rules"} | parameters))  # type: ignore[arg-type]


@pytest.mark.usefixtures("_known_sentences")
@pytest.mark.parametrize("case", EXPECTED["cases"], ids=lambda case: f"{case['ner_seed']}-{case['matrix']}")
def test_it_equals_the_package_pair_by_pair(weights, case):
    result = metric(weights, case["ner_seed"], matrix=case["matrix"], sentences="pyrush").score(PREDICTIONS, REFERENCES)
    found = [score / 100 for score in result.samples["RaTEScore"]]
    # The package raises where a report has no sentence; such a pair has no entity on one side, which is 0.5.
    expected = [0.5 if score is None else score for score in case["scores"]]
    tied = pairs_with_ties(weights, case["ner_seed"])
    both = enumerate(zip(found, expected, strict=True))
    differs = {n for n, (ours, theirs) in both if ours != pytest.approx(theirs, abs=GOLDEN["tolerance"])}
    assert differs <= tied
    assert len(differs) <= 3
    assert result.values["RaTEScore"] == pytest.approx(100 * sum(found) / len(found), abs=1e-4)
    assert sum(score not in {0.5, 1.0} for score in expected) > 15  # the tiny reader finds entities


def pairs_with_ties(weights: dict[Any, Any], seed: int) -> set[int]:
    """Pairs in which a text is an entity of two types: the last bit of a product decides between them, in the package,
    too, and processors differ there."""
    asked = metric(weights, seed, sentences="pyrush")
    extractor = RateExtractor.of(asked.ner, asked.embedding, asked.sentences, asked.precision)
    read = extractor.read([text for pair in PAIRS for text in pair])

    def ties(text: str) -> bool:
        return len({entity.text for entity in read[text]}) < len({(entity.text, entity.kind) for entity in read[text]})

    return {number for number, pair in enumerate(PAIRS) if any(map(ties, pair))}


def test_an_empty_report_does_not_shift_the_others(weights):
    texts = ["", *PREDICTIONS[:3]]
    alone = metric(weights).score(texts[1:], REFERENCES[:3]).samples["RaTEScore"]
    shifted = metric(weights).score(texts, [["The lungs are clear."], *REFERENCES[:3]])
    assert shifted.samples["RaTEScore"] == [50.0, *alone]
    assert shifted.details["without_entities"]["predictions"] >= 1
    both = metric(weights).score(["", "?!"], [[""], [""]])
    assert both.samples["RaTEScore"] == [50.0, 50.0]


def test_what_is_cached_gives_the_same_and_holds_no_text(weights, tmp_path):
    first = metric(weights).score(PREDICTIONS[:8], REFERENCES[:8]).samples
    assert metric(weights).score(PREDICTIONS[:8], REFERENCES[:8]).samples == first
    for file in (tmp_path / "cache" / "extractions").iterdir():
        assert b"effusion" not in file.read_bytes()


def test_of_several_references_the_best_counts(weights):
    text, reference = PREDICTIONS[0], REFERENCES[0][0]
    one, two = (metric(weights).score([text], [[r]]).values["RaTEScore"] for r in (reference, PREDICTIONS[2]))
    assert metric(weights).score([text], [[reference, PREDICTIONS[2]]]).values["RaTEScore"] == max(one, two)


def test_the_corpus_value_comes_from_the_statistics(weights):
    result = metric(weights).score(PREDICTIONS, REFERENCES)
    assert result.statistics is not None
    assert corpus_values(metric(weights).keys, result.statistics) == dict(result.values)


def test_a_report_of_ten_thousand_tokens(weights):
    long = "No left pleural effusion is seen in the lung. " * 1_000 + "clear " * 1_000
    (value,) = metric(weights).score([long], [[long]]).samples["RaTEScore"]
    assert value == pytest.approx(100.0, abs=15)  # contradictions inside a report cost it


@pytest.mark.parametrize(
    ("labels", "spans"),
    [
        ("B-X I-X O", [(1, 2, "X")]),
        ("I-X I-X O", []),
        ("B-X O B-Y", [(1, 1, "X"), (3, 3, "Y")]),
        ("B-X I-X B-Y O", [(1, 2, "X"), (3, 3, "Y")]),
        ("B-X B-Y I-Y O", [(1, 1, "X"), (2, 3, "Y")]),
        ("O O O", []),
        ("", []),
    ],
)
def test_entities_in_iob_labels(labels, spans):
    row = ["O", *labels.split(), "O"]
    assert list(entity_spans(row, [True, *[False] * (len(row) - 2), True])) == spans


def test_a_file_of_weights_counts_as_the_package_s(weights, tmp_path):
    pairs = {f"{a}_{b}".lower(): 1.0 for a in tiny.RATE_TYPES for b in tiny.RATE_TYPES}
    file = tmp_path / "matrix.json"
    file.write_text(json.dumps(pairs | {"neg_weight": 0.25}))
    affinity = read_affinity(str(file))
    assert affinity.contradiction("DISEASE", "NON-ABNORMALITY") == 0.25
    assert affinity.contradiction("DISEASE", "ANATOMY") == 1.0
    long, own = metric(weights), metric(weights, matrix=str(file))
    assert own.missing() is None
    assert own.score(PREDICTIONS, REFERENCES).values != long.score(PREDICTIONS, REFERENCES).values
    assert own.signature != long.signature


@pytest.mark.parametrize("content", ["[]", "{", '{"a_b": 1}', '{"a_b": "x", "neg_weight": 1}'])
def test_a_file_that_is_no_table_of_weights(tmp_path, content):
    file = tmp_path / "matrix.json"
    file.write_text(content)
    with pytest.raises(InputError, match=r"matrix\.json: "):
        read_affinity(str(file))


def test_what_is_missing_is_one_line_with_the_command(weights, monkeypatch):
    assert metric(weights).missing() is None
    absent = metric(weights, sentences="pyrush").missing()
    assert absent is not None
    assert absent.hint.startswith("libra-bench metrics install ratescore, or pass sentences=rules")
    with pytest.raises(MetricUnavailableError, match="PyRuSH"):
        metric(weights, sentences="pyrush").score(["Never seen."], [["Nor this."]])
    assert "matrix=FILE.json" in metric(weights, matrix="medium").missing().hint  # type: ignore[union-attr]
    monkeypatch.setattr("libra_bench.metrics.ratescore.find_spec", lambda name: None)
    assert "pip install ratescore==0.6.0" in metric(weights).missing().hint  # type: ignore[union-attr]


def test_folders_that_are_no_models_are_named(weights, tmp_path):
    for parameters, name in (({"ner": str(tmp_path)}, "ner"), ({"embedding": str(tmp_path)}, "embedding")):
        absent = RaTEScore(**({"ner": str(weights[12]), "embedding": str(weights["bert"])} | parameters)).missing()
        assert absent is not None
        assert absent.reason == f"{tmp_path} has no config.json"
        assert absent.hint.startswith(f"pass {name}=FOLDER")


def test_another_model_is_not_taken_for_a_reader(weights, tmp_path):
    with pytest.raises(MetricUnavailableError, match="no reader of RaTEScore's entities"):
        RaTEScore(str(weights["bert"]), str(weights["bert"]), sentences="rules").score(["a b c"], [["a b c"]])


def test_the_brackets_of_the_command_line(weights):
    made = make_metric(f"ratescore[ner={weights[12]},embedding={weights['bert']},matrix=short,sentences=rules]")
    assert made.keys[0].name == "RaTEScore"
    assert "|sentences:rules-1|" in made.signature
    assert str(weights["bert"]) not in made.signature


def test_the_rules_split_as_one_would():
    text = "1. No edema. 2. Small (3.5 cm) effusion, seen by Dr. Who.\nHeart: normal. lungs clear"
    (spans,) = split_sentences([text], "rules").values()
    assert [text[start:end] for start, end in spans] == [
        "1.",
        "No edema.",
        "2. Small (3.5 cm) effusion, seen by Dr. Who.",
        "Heart: normal.",
        "lungs clear",
    ]
    assert split_sentences(["", " \n "], "rules") == {"": [], " \n ": []}


@pytest.mark.slow
def test_the_side_environment_splits_as_recorded(tmp_path, weights):
    program = [sys.executable, "-m", "libra_bench"]
    subprocess.run([*program, "metrics", "install", "ratescore"], check=True)
    assert PYRUSH.python() is not None
    texts = [text for text in EXPECTED["sentences"] if text]
    found = split_sentences(texts, "pyrush")
    assert found == {t: [(a, b) for a, b in EXPECTED["sentences"][t] if t[a:b].strip()] for t in texts}
    assert metric(weights, sentences="pyrush").missing() is None


def test_bfloat16_is_close_and_says_so(weights):
    exact, rough = metric(weights), metric(weights, precision="bfloat16")
    assert "precision" not in exact.signature
    assert "|precision:bfloat16|" in rough.signature
    value, found = (one.score(PREDICTIONS, REFERENCES).values["RaTEScore"] for one in (exact, rough))
    assert found != value
    assert found == pytest.approx(value, abs=5)
    assert len(list((user_cache() / "extractions").glob("ratescore-*.sqlite3"))) == 4
