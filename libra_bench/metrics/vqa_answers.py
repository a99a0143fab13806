"""Short answers: normalisation, tokens, yes and no; and what a constant answer scores.

Normalisation is SQuAD's (Rajpurkar et al. 2016): lower case, punctuation removed, the articles a, an and the removed,
white space collapsed; but a text of nothing else keeps its articles, else its punctuation, so that the answer "A" of a
multiple choice is not the empty text. Several references: the best one counts, a sample at a time.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from benchmarks.records.scores import NOT_APPLICABLE
from libra_bench.metrics.metric import References

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")

YesNoAnswer: TypeAlias = Literal["yes", "no"]

_MARKUP = re.compile(r"[*_`#\"<>]|(?<![a-z])'|'(?![a-z])|</?answer>", re.IGNORECASE)
"""What surrounds words; an apostrophe inside one stays ("isn't")."""
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
_NO_WORDS = frozenset({"no", "nope", "not", "false", "none", "without"})
_STATE = re.compile(
    r"^\W*(absent|negative|present|positive)\b(?=\W*$| for\b)"
    r"|\b(?:is|are|was|were)\s+(?:\w+ly\s+)?(absent|negative|present|positive)\b",
    re.IGNORECASE,
)
_DOUBLE_NEGATIVE = re.compile(
    r"(?:\bnot|n't)\s+(?:\w+ly\s+)?(?:abnormal|absent|negative|without|false|no)\b", re.IGNORECASE
)
_SEGMENT = re.compile(r"[.,;:!?\n]+|\band\b", re.IGNORECASE)
QUESTION_TYPES = ("question_type", "semantic_type", "content_type", "answer_type")
"""Where a suite says of what type a question is; the first of these that is there counts."""


def normalize_answer(text: str) -> str:
    """SQuAD's normalisation, but never of a text that holds something to nothing."""
    lowered = text.lower()
    bare = lowered.translate(_PUNCTUATION)
    for candidate in (_ARTICLES.sub(" ", bare), bare, lowered):
        if words := " ".join(candidate.split()):
            return words
    return ""


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


def without_preamble(text: str) -> str:
    """An answer without marks of emphasis and without "The answer is:" before it."""
    return _PREAMBLE.sub("", _MARKUP.sub("", text.replace("’", "'")), count=1)


def parse_yes_no(text: str) -> YesNoAnswer | None:
    """Read yes or no from an answer, or None where it is neither or both.

    "Yes, there is.", "The answer is: no", "**No**", "Absent." and "There is no effusion" can be read. The first word
    decides, unless a bare "yes" and a bare "no" are next to each other; else the only polarity that occurs. None are:
    "Cannot be determined", a repeated "yes or no?", "Yes. No.", "Yes and no", a plain description, and a double
    negative ("It is not abnormal"), which answers "Is it normal?" with yes and "Is it abnormal?" with no.
    """
    words = _PREAMBLE.sub("", _CHOICE.sub(" ", _MARKUP.sub("", text.replace("’", "'"))), count=1)
    first = _FIRST.match(words)
    if first:
        bare = {segment.strip().lower() for segment in _SEGMENT.split(words)}
        if bare & _YES_WORDS and bare & _NO_WORDS:
            return None
        return "yes" if first[1].lower() in _YES_WORDS else "no"
    if _UNCERTAIN.search(words) or _DOUBLE_NEGATIVE.search(words):
        return None
    found = set(re.findall(r"[a-z']+", words.lower()))
    states = {(match[1] or match[2]).lower() for match in _STATE.finditer(words)}
    denied = bool(found & _NO_WORDS) or any(word.endswith("n't") for word in found)
    yes = bool(found & _YES_WORDS) or (not denied and bool(states & {"present", "positive"}))
    no = denied or bool(states & {"absent", "negative"})
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


def constant_answer_scores(
    references: References,
    types: Sequence[str],
    correct: Callable[[str, Sequence[str]], float],
) -> dict[str, dict[str, Any]]:
    """By question type: what always giving the most frequent reference would score, x100.

    The answer is chosen knowing the references: no constant answer has a better exact match. References that
    are equal after normalisation ("No", "no.") count together; each study counts once for each of its references.
    """
    scores: dict[str, dict[str, Any]] = {}
    for kind in dict.fromkeys(types):
        members = [texts for texts, its in zip(references, types, strict=True) if its == kind]
        counts = Counter(name for texts in members for name in dict.fromkeys(map(normalize_answer, texts)))
        most = counts.most_common(1)[0][0] if counts else ""
        spelled = Counter(text for texts in members for text in texts if normalize_answer(text) == most)
        answer = spelled.most_common(1)[0][0] if spelled else ""
        value = sum(correct(answer, texts) for texts in members) / len(members)
        scores[kind] = {"answer": answer, "value": 100.0 * value, "n": len(members)}
    return scores


def mean_by_type(values: Sequence[float], types: Sequence[str]) -> dict[str, dict[str, float | int]]:
    """By question type: the mean of the values per sample, x100, and how many samples there are."""
    table: dict[str, dict[str, float | int]] = {}
    for kind in dict.fromkeys(types):
        members = [value for value, its in zip(values, types, strict=True) if its == kind]
        table[kind] = {"value": 100.0 * sum(members) / len(members), "n": len(members)}
    return table


def not_applicable(reason: str) -> dict[str, str]:
    """`details` of a metric that this suite gives nothing to measure; its `values` are empty then."""
    return {NOT_APPLICABLE: reason}
