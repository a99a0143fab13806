"""Short answers: normalisation, tokens, yes and no; and the floor of a constant answer.

Normalisation is SQuAD's (Rajpurkar et al. 2016): lower case, punctuation removed, the articles a, an and the removed,
white space collapsed. Several references: the best one counts, a sample at a time.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from libra_bench.metrics.metric import References

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")

YesNoAnswer: TypeAlias = Literal["yes", "no"]

_MARKUP = re.compile(r"[*_`#\"'<>]|</?answer>", re.IGNORECASE)
_PREAMBLE = re.compile(
    r"^\W*(?:(?:the )?(?:final |correct |short )?answer(?: to (?:the|this) question)?(?: is\b)?|a:)\s*[:\-]?\s*(?=\S)",
    re.IGNORECASE,
)
_CHOICE = re.compile(r"\(?\byes\s*(?:or|/)\s*no\b\)?\s*[?:.]?|\(?\bno\s*(?:or|/)\s*yes\b\)?\s*[?:.]?", re.IGNORECASE)
_FIRST = re.compile(r"^\W*(yes|yeah|yep|no|nope|true|false)\b", re.IGNORECASE)
_UNCERTAIN = re.compile(
    r"\b(?:cannot|can not|can't|unable|not (?:sure|certain|clear|possible|known|enough)|no(?:t enough)? information|"
    r"unclear|uncertain|unknown|do(?:es)? not know|don't know|indeterminate|maybe|perhaps)\b",
    re.IGNORECASE,
)
_YES_WORDS = frozenset({"yes", "yeah", "yep", "true"})
_NO_WORDS = frozenset({"no", "nope", "not", "false", "none", "without", "isn't", "aren't"})
QUESTION_TYPES = ("question_type", "semantic_type", "content_type", "answer_type")
"""Where a suite says of what type a question is; the first of these that is there counts."""


def normalize_answer(text: str) -> str:
    """SQuAD's normalisation."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def same_answer(prediction: str, references: Sequence[str]) -> bool:
    """Whether a prediction equals a reference after normalisation."""
    return normalize_answer(prediction) in {normalize_answer(text) for text in references}


def token_overlap(prediction: str, reference: str) -> tuple[float, float, float]:
    """(precision, recall, F1) of normalised tokens as a multiset; two empty texts agree, one empty text does not."""
    said, true = normalize_answer(prediction).split(), normalize_answer(reference).split()
    if not said or not true:
        same = float(said == true)
        return same, same, same
    common = (Counter(said) & Counter(true)).total()
    precision, recall = common / len(said), common / len(true)
    return precision, recall, 2 * common / (len(said) + len(true))


def parse_yes_no(text: str) -> YesNoAnswer | None:
    """Read yes or no from an answer, or None where it is neither or both.

    "Yes, there is.", "The answer is: no", "**No**" and "There is no effusion" can be read. The first word decides; else
    the only polarity that occurs. "Cannot be determined", a repeated "yes or no?" and a plain description are None.
    """
    words = _PREAMBLE.sub("", _CHOICE.sub(" ", _MARKUP.sub("", text)), count=1)
    first = _FIRST.match(words)
    if first:
        return "yes" if first[1].lower() in _YES_WORDS else "no"
    if _UNCERTAIN.search(words):
        return None
    found = set(re.findall(r"[a-z']+", words.lower()))
    yes, no = bool(found & _YES_WORDS), bool(found & _NO_WORDS)
    if yes == no:
        return None
    return "yes" if yes else "no"


def reference_yes_no(references: Sequence[str]) -> YesNoAnswer | None:
    """The true answer of a yes/no question: a reference that is nothing but yes or no."""
    for text in references:
        match normalize_answer(text):
            case "yes":
                return "yes"
            case "no":
                return "no"
    return None


def question_types(fields: Sequence[Mapping[str, Any]] | None, n: int) -> list[str]:
    """The question type of each sample; "all" where the suite has none."""
    if fields is None:
        return ["all"] * n
    name = next((name for name in QUESTION_TYPES if any(name in item for item in fields)), None)
    return ["all" if name is None else str(item.get(name, "unknown")) for item in fields]


def constant_answer_floor(
    references: References,
    types: Sequence[str],
    correct: Callable[[str, Sequence[str]], float],
) -> dict[str, dict[str, Any]]:
    """By question type: what always giving the most frequent reference would score, x100.

    The answer is chosen with the references in hand: no constant answer does better by exact match.
    """
    floor: dict[str, dict[str, Any]] = {}
    for kind in dict.fromkeys(types):
        members = [texts for texts, its in zip(references, types, strict=True) if its == kind]
        counts = Counter(texts[0] if texts else "" for texts in members)
        answer = counts.most_common(1)[0][0]
        value = sum(correct(answer, texts) for texts in members) / len(members)
        floor[kind] = {"answer": answer, "value": 100.0 * value, "n": len(members)}
    return floor


def mean_by_type(values: Sequence[float], types: Sequence[str]) -> dict[str, dict[str, float | int]]:
    """By question type: the mean of a value a sample, x100, and how many samples there are."""
    table: dict[str, dict[str, float | int]] = {}
    for kind in dict.fromkeys(types):
        members = [value for value, its in zip(values, types, strict=True) if its == kind]
        table[kind] = {"value": 100.0 * sum(members) / len(members), "n": len(members)}
    return table


def not_applicable(reason: str) -> dict[str, str]:
    """`details` of a metric that this suite gives nothing to measure; its `values` are empty then."""
    return {"not_applicable": reason}
