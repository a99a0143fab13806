"""How well the reader reads sentences that somebody has labelled: precision, recall, F1, with intervals.

    python scripts/measure_statements.py tests/golden/statements.txt
    python scripts/measure_statements.py mine.txt --errors

A line is `text | statement; statement; ...`; a statement is a finding's name, + (present), - (absent) or ? (uncertain),
and what else is told of it: L, R or B (both sides), mild, moderate or severe, and new, larger, smaller, resolved or
unchanged. Lines that begin with # are comments, and `\\n` in a text is a line break. Label before you run it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from libra_bench import report_statements
from libra_bench.metrics.statements.lexicon import ENTRIES, LEXICON_VERSION
from libra_bench.metrics.statements.statement import CHANGES

SIGNS = {"present": "+", "absent": "-", "uncertain": "?"}
SEVERITIES = {"mild", "moderate", "severe"}
SIDES: dict[str | None, tuple[str | None, ...]] = {
    "B": ("left", "right"), "L": ("left",), "R": ("right",), None: (None,),
}  # fmt: skip
CATEGORY = dict(pair for entry in ENTRIES for pair in [*entry.signs.values(), (entry.name, entry.category)])
"""Finding -> CheXpert's observation, or None."""


class Told(NamedTuple):
    """What a sentence says of one finding on one side."""

    finding: str
    presence: str
    side: str | None
    severity: str | None
    change: str | None


def labelled(path: Path) -> Iterator[tuple[str, list[Told]]]:
    """The sentences of a file, and what was labelled."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            text, _, labels = line.rpartition("|")
            yield text.strip().replace("\\n", "\n"), list(expand(labels))


def expand(labels: str) -> Iterator[Told]:
    """`pleural effusion + B mild new` -> one for each side."""
    for item in filter(str.strip, labels.split(";")):
        words = item.split()
        at = next(i for i, word in enumerate(words) if word in SIGNS.values())
        told = words[at + 1 :]
        side = next((word for word in told if word in SIDES), None)
        severity = next((word for word in told if word in SEVERITIES), None)
        change = next((word for word in told if word not in SIDES and word not in SEVERITIES), None)
        for one in SIDES[side]:
            yield Told(" ".join(words[:at]), words[at], one, severity, change)


def read(text: str) -> list[Told]:
    """What the reader says of a text."""
    return [Told(it.finding, SIGNS[it.presence], it.side, it.severity, it.change) for it in report_statements(text)]


Part = Callable[[set[Told], set[str]], set[tuple[str | None, ...]]]
"""(what is told, the findings that both name) -> what of it is compared."""

PARTS: dict[str, Part] = {
    "change": lambda told, _: {(it.finding, it.side, it.change) for it in told if it.change},
    **{
        f"  {name}": lambda told, _, name=name: {(it.finding, it.side) for it in told if it.change == name}
        for name in CHANGES
    },
    "presence": lambda told, _: {(CATEGORY[it.finding], it.presence) for it in told if CATEGORY[it.finding]},
    "findings": lambda told, _: {(it.finding, it.presence) for it in told},
    "side": lambda told, both: {(it.finding, it.side) for it in told if it.side and it.finding in both},
    "severity": lambda told, both: {(it.finding, it.severity) for it in told if it.severity and it.finding in both},
}


def main() -> None:
    """Print the table, and the sentences that are misread."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--errors", action="store_true", help="the sentences that are read otherwise than labelled")
    options = parser.parse_args()
    sentences = [(text, set(told), set(read(text))) for path in options.files for text, told in labelled(path)]
    exact = sum(told == said for _, told, said in sentences)
    print(f"lexicon {LEXICON_VERSION}: {exact} of {len(sentences)} sentences as labelled")
    print(f"{'':12}{'labels':>7}{'P':>8}{'R':>8}{'F1':>8}  95 % interval")
    for name, part in PARTS.items():
        counts = []
        for _, told, said in sentences:
            both = {it.finding for it in told} & {it.finding for it in said}
            true, found = part(told, both), part(said, both)
            counts.append((len(true & found), len(found), len(true)))
        print(f"{name:12}{row(np.array(counts))}")
    for text, told, said in sentences if options.errors else ():
        if told != said:
            print(f"\n{text}\n  only read:     {words(said - told)}\n  only labelled: {words(told - said)}")


def row(counts_N3: np.ndarray) -> str:
    """Precision, recall, F1, and its interval over resampled sentences, of (matched, found, true) for each sentence."""
    random = np.random.default_rng(0)
    matched, found, true = counts_N3.sum(axis=0)
    if not found + true:
        return f"{0:>7}"
    draws = (counts_N3[random.integers(0, len(counts_N3), len(counts_N3))].sum(axis=0) for _ in range(2000))
    low, high = np.percentile([f1(*draw) for draw in draws], [2.5, 97.5])
    scores = matched / max(found, 1), matched / max(true, 1), f1(matched, found, true)
    return f"{true:>7}" + "".join(f"{score:>8.3f}" for score in scores) + f"  [{low:.3f}, {high:.3f}]"


def f1(matched: float, found: float, true: float) -> float:
    """1 where there is nothing to find and nothing is found."""
    return 2 * matched / (found + true) if found + true else 1.0


def words(told: set[Told]) -> str:
    """Statements as they are labelled, one for each side."""
    return "; ".join(" ".join(filter(None, it)) for it in sorted(told, key=str)) or "-"


if __name__ == "__main__":
    main()
