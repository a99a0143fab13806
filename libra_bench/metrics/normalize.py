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


@lru_cache(maxsize=1 << 16)
def normalize(text: str, norm: Norm = "libra") -> str:
    """Normalise a text; remembered, since every lexical metric asks for the same texts."""
    match norm:
        case "libra":
            return clean_text(text.lower())
        case "lower":
            return text.lower()
        case "spaces":
            return _SPACES.sub(" ", text)
        case "whitespace":
            return " ".join(text.split())
    return text
