"""What figures call scores and reference points: words and units instead of column names."""

from __future__ import annotations

import re
import textwrap

PERCENT, PER_100 = "%", "per 100 reports"
LABELS = {
    "Bert_score": ("BERTScore", PERCENT),
    "Temporal_entity_score": ("Temporal F1", PERCENT),
    "Temporal_change_score": ("Change F1", PERCENT),
    "Temporal_direction_score": ("Change F1, direction", PERCENT),
    "Report-errors-score": ("Report errors, score", PERCENT),
    "Report-errors-precision": ("Report errors, precision", PERCENT),
    "Report-errors-recall": ("Report errors, recall", PERCENT),
    "METEOR": ("METEOR", PERCENT),
    "ROUGE-L": ("ROUGE-L", PERCENT),
    "CIDEr": ("CIDEr", ""),
    "RadCliQ-v0": ("RadCliQ-v0", "errors"),
    "RadCliQ-v1": ("RadCliQ-v1", ""),
}
"""Column -> name and unit; a column that is not here is named by the rules of `_by_rule`."""
POINTS = {
    "empty": "empty text",
    "shuffled-references": "shuffled",
    "constant": "constant",
}
LINE = 24
"""Letters of a line of a long name."""


def score_label(key: str) -> str:
    """`Temporal F1 (%)`: the name of a column and its unit."""
    name, unit = LABELS.get(key) or _by_rule(key)
    return f"{name} ({unit})" if unit else name


def _by_rule(key: str) -> tuple[str, str]:
    if found := re.fullmatch(r"BLEU(\d)(-sentence)?", key):
        return f"BLEU-{found[1]}{', sentence' if found[2] else ''}", PERCENT
    if key.startswith("Report-errors-"):
        return key.removeprefix("Report-errors-").replace("-", " ").capitalize() + " errors", PER_100
    if found := re.fullmatch(r"(CheX\w+)-?(rules)?-(micro|macro)(\d+)", key):
        return f"{' '.join(filter(None, found.groups()[:2]))}, {found[3]} F1 of {found[4]}", PERCENT
    return key.replace("_", " "), PERCENT if key.startswith(("CheXpert", "CheXbert", "RadGraph")) else ""


def wrapped(name: str, width: int = LINE) -> str:
    """A long name on several lines, broken at spaces, hyphens and underscores."""
    parts = re.sub(r"(?<=[_/])", "\u200b", name).split("\u200b")  # textwrap breaks at hyphens itself
    lines: list[str] = []
    for line in textwrap.wrap("\u200b".join(parts), width, break_long_words=False) or [name]:
        current = ""
        for part in line.split("\u200b"):
            if current and len(current) + len(part) > width:
                lines.append(current)
                current = ""
            current += part
        lines.append(current)
    return "\n".join(lines)
