"""LLaVA-Med's numbers for question answering: its normalisation, its recall, its yes/no accuracy.

They are kept as its evaluation prints them, flaws included. Normalisation is that of the VQA challenge: punctuation
becomes a space ("x-ray" is two words), unless it is next to a space somewhere in the text; numerals become digits;
articles go; contractions get their apostrophe. Recall counts each repeat of a matched word in the prediction. Yes/no
accuracy looks for the letters "yes" and "no" anywhere ("normal" holds "no"), and a wrong answer that holds them is left
out of the denominator instead of being counted as wrong.

Source: LLaVA-Med (Li et al. 2023), `llava/eval/run_eval.py` and `eval_metrics`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_DIGITS_AROUND_COMMA = re.compile(r"\d,\d")
_STOP = re.compile(r"\.(?!\d)")
_MAX_STOPS = 32
"""Full stops that are removed: a flag of the regular expression is passed as the count."""
_NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMERALS = {word: str(number) for number, word in enumerate(_NUMBER_WORDS)} | {"none": "0"}
_ARTICLES = frozenset({"a", "an", "the"})


def _contractions() -> Mapping[str, str]:
    """The spellings without (all of) their apostrophes -> those with."""
    endings = {
        "n't": "ai are ca could did does do had has have is might must need ought sha should was were wo would",
        "'ve": "could might must not should they we what where who would you",
        "'re": "there they what why you",
        "'ll": "how it somebody someone something they what who why you",
        "'s": "he how somebody someone that there what when where who why",
        "'d": "he how it someone something there they where who you",
    }
    table = {stem + ending.replace("'", ""): stem + ending for ending, of in endings.items() for stem in of.split()}
    for stem in ("could", "had", "might", "should", "would"):
        table |= {f"{stem}nt've": f"{stem}n't've", f"{stem}n'tve": f"{stem}n't've"}
    for stem in ("he", "it", "she", "somebody", "someone", "something", "there", "they", "we", "who", "y'all", "you"):
        table |= {f"{stem}d've": f"{stem}'d've", f"{stem}'dve": f"{stem}'d've"}
    return table | {
        "maam": "ma'am", "oclock": "o'clock", "twas": "'twas", "somebody'd": "somebodyd",
        "ow's'at": "'ow's'at", "'ows'at": "'ow's'at", "'ow'sat": "'ow's'at", "yall": "y'all", "yall'll": "y'all'll",
        "y'allll": "y'all'll", "yall'd've": "y'all'd've",
    }  # fmt: skip


_CONTRACTIONS = _contractions()


def normalize_word(text: str) -> str:
    """LLaVA-Med's normalisation of an answer."""
    glued = bool(_DIGITS_AROUND_COMMA.search(text))
    cleaned = text
    for mark in _PUNCTUATION:
        beside_space = f"{mark} " in text or f" {mark}" in text
        cleaned = cleaned.replace(mark, "" if glued or beside_space else " ")
    words = _STOP.sub("", cleaned, count=_MAX_STOPS).lower().split()
    words = [word for word in (_NUMERALS.get(word, word) for word in words) if word not in _ARTICLES]
    return " ".join(_CONTRACTIONS.get(word, word) for word in words).replace(",", "")


def recall(prediction: str, reference: str) -> float:
    """The share of the reference's words that the prediction has; each repeat in the prediction counts as another."""
    said, true = _words(prediction), _words(reference)
    matched = sum(times for word, times in said.items() if word in true)
    if not matched:
        return 0.0
    return matched / (matched + sum(times for word, times in true.items() if word not in said))


def closed_hit(prediction: str, reference: str) -> bool | None:
    """Whether a closed answer is right; None where it is wrong and left out of the denominator."""
    said, true = (normalize_word(text.lower()) for text in (prediction, reference))
    if not ("yes" in said or "no" in said):
        return False
    return True if true in said else None


def _words(text: str) -> Counter[str]:
    """The words of a text, normalised twice, as there."""
    return Counter(normalize_word(normalize_word(text.lower())).split())
