"""Sentences of reports, for metrics that read a report sentence by sentence.

Three splitters:

- `pyrush`: medspacy's PyRuSH, as the package RaTEScore splits. On Python 3.11 medspacy needs numpy 1, so it runs in a
  side environment (`libra-bench metrics install ratescore`).
- `punkt`: nltk's English Punkt model, as SRR-BERT is scored (`python -m nltk.downloader punkt_tab`).
- `rules`: a pattern of our own, which needs neither. A sentence ends at ". ", "! " or "? " before a letter, a digit or
  a stray full stop, and at the end of a line; not after "Dr." or "a.m.", nor after the number of a list's item. On
  2,313 report texts of Indiana University it gives PyRuSH's sentences for 97.7 %, on 1,156 that were lower-cased for
  93.3 % (numbered lists are most of the rest); Punkt's for 99.1 %, once the numbers of lists are taken out.

Sentences are given as offsets into the text, white space at their ends left out.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, TypeAlias

from benchmarks.environments import SideEnvironment, Worker
from benchmarks.errors import LibraBenchError, MetricUnavailableError
from libra_bench.metrics.extractors.cache import ExtractionCache, extract
from libra_bench.metrics.metric import Missing
from libra_bench.metrics.nltk_words import punkt_installed

Splitter: TypeAlias = Literal["pyrush", "punkt", "rules"]
Span: TypeAlias = tuple[int, int]

PYRUSH = SideEnvironment("ratescore", {"medspacy": "1.3.1", "PyRuSH": "1.0.13"}, with_torch=False)
"""Measured on Python 3.11, where it brings spacy 3.7 and numpy 1.26."""
WORKER = Path(__file__).with_name("pyrush_worker.py")
PUNKT_HINT = "python -m nltk.downloader punkt_tab, or pass sentences=rules (other sentences in 1 % of reports)"
RULES_VERSION = 1
"""Part of signatures: raise it when the pattern changes."""

_BREAK = re.compile(
    r"(?<=[^\s.][.!?])(?<![.!?]\s\d\.)(?<!\b[Dd]r\.)(?<!\bMr\.)(?<!\b[ap]\.m\.)[\"')\]]*\s+(?=[\"'(\[]*[^\W_]|\.)|\n"
)


def splitter_missing(splitter: Splitter) -> Missing | None:
    """Why a splitter cannot run here, or None."""
    if splitter == "pyrush" and PYRUSH.python() is None:
        return Missing(
            "its sentence splitter (medspacy's PyRuSH) is not installed",
            "libra-bench metrics install ratescore, or pass sentences=rules (other sentences in 2 % of reports)",
        )
    if splitter == "punkt" and find_spec("nltk") is None:
        return Missing(
            "nltk, which splits sentences, is not installed", f"pip install 'libra-bench[verify]', then {PUNKT_HINT}"
        )
    if splitter == "punkt" and not punkt_installed():
        return Missing("nltk's English Punkt model is not installed", PUNKT_HINT)
    return None


def splitter_name(splitter: Splitter) -> str:
    """What a signature calls it."""
    if splitter == "pyrush":
        return "+".join(f"{name}-{release}" for name, release in PYRUSH.packages.items())
    if splitter == "rules":
        return f"rules-{RULES_VERSION}"
    return f"punkt-nltk-{version('nltk') if find_spec('nltk') else 'missing'}"


def split_sentences(texts: Sequence[str], splitter: Splitter) -> dict[str, list[Span]]:
    """The sentences of each distinct text.

    Raises:
        MetricUnavailableError: the splitter is not installed.
        LibraBenchError: the side environment failed.
    """
    if splitter == "rules":
        return {text: _by_rules(text) for text in dict.fromkeys(texts)}
    if splitter == "punkt":
        return {text: _by_punkt(text) for text in dict.fromkeys(texts)}
    cache = ExtractionCache("sentences", splitter_name(splitter))
    found = extract([text for text in texts if text.strip()], _pyrush, cache=cache, title="sentences (PyRuSH)")
    return {text: [(start, end) for start, end in json.loads(found.get(text, b"[]"))] for text in dict.fromkeys(texts)}


def _by_rules(text: str) -> list[Span]:
    starts = [0, *(match.end() for match in _BREAK.finditer(text))]
    ends = [*(match.start() for match in _BREAK.finditer(text)), len(text)]
    return _stripped(text, zip(starts, ends, strict=True))


def _by_punkt(text: str) -> list[Span]:
    return _stripped(text, _punkt().span_tokenize(text))


@functools.cache
def _punkt() -> Any:
    from nltk.tokenize import PunktTokenizer

    return PunktTokenizer("english")


def _pyrush(texts: Sequence[str]) -> list[bytes]:
    python = PYRUSH.python()
    if python is None:
        absent = splitter_missing("pyrush")
        assert absent
        raise MetricUnavailableError(absent.reason, hint=absent.hint)
    if python not in _workers:
        _workers[python] = Worker(python, WORKER)
    try:
        spans = _workers[python].ask(texts=list(texts))["sentences"]
    except LibraBenchError:
        _workers.pop(python).close()
        raise
    return [json.dumps(_stripped(text, of_text)).encode() for text, of_text in zip(texts, spans, strict=True)]


_workers: dict[Path, Worker] = {}
"""The program in the side environment, kept running: it takes ten seconds to start."""


def _stripped(text: str, spans: Iterable[Sequence[int]]) -> list[Span]:
    """The spans without white space at their ends; those of white space alone are left out."""
    found = []
    for start, end in spans:
        said = text[start:end]
        if said.strip():
            found.append((start + len(said) - len(said.lstrip()), start + len(said.rstrip())))
    return found
