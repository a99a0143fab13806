"""What happens to a text before a metric sees it.

`libra`, the published way: lower case, then newlines, hyphens and underscores become spaces, everything but word
characters, white space and ``.,:;()`` goes, and white space is collapsed. The published cleaning also names three
patterns such as ``(___, __, __)``; they can never match, since underscores are gone by then.
Source: the published evaluation of Libra (arXiv 2411.19378).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, TypeAlias

Norm: TypeAlias = Literal["libra", "lower", "spaces", "whitespace", "none"]
"""`libra`: lower case and clean; `lower`: lower case only; `spaces`: runs of spaces become one; `whitespace`: runs of
any white space become one space, none at the ends; `none`: the text as it is."""
LOWERING: frozenset[Norm] = frozenset({"libra", "lower"})
"""Those after which no capitals are left."""

_TO_SPACE = re.compile(r"[\n_-]+")
_TO_DELETE = re.compile(r"[^\w\s.,:;()]+")
_WIDE = re.compile(r"\s{2,}")
_SPACES = re.compile(" +")


def clean_text(text: str) -> str:
    """The published cleaning, letter case kept."""
    return _WIDE.sub(" ", _TO_DELETE.sub("", _TO_SPACE.sub(" ", text))).strip()


class _CleanWords(dict[str, str]):
    """A piece of text without a space -> what cleaning leaves of it; each is cleaned once."""

    def __missing__(self, word: str) -> str:
        if word and word.split() != [word]:
            raise ValueError("white space other than a space, which may count together with its neighbours")
        if len(self) >= _MOST_WORDS:
            self.clear()
        self[word] = clean_text(word)
        return self[word]


_clean_words = _CleanWords()
_MOST_WORDS = 1 << 16


def _cleaned(text: str) -> str:
    """What `clean_text` says, word by word, since words recur: no rule of it looks beyond a space."""
    try:
        return " ".join(filter(None, map(_clean_words.__getitem__, text.replace("\n", " ").split(" "))))
    except ValueError:
        return clean_text(text)


@lru_cache(maxsize=1 << 13)
def normalize(text: str, norm: Norm = "libra") -> str:
    """Normalise a text; remembered, since every lexical metric asks for the same texts."""
    match norm:
        case "libra":
            return _cleaned(text.lower())
        case "lower":
            return text.lower()
        case "spaces":
            return _SPACES.sub(" ", text)
        case "whitespace":
            return " ".join(text.split())
    return text
