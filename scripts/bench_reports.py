"""Reports for measurements: made up here, or a column of a CSV file."""

from __future__ import annotations

import argparse
import csv
import random
from pathlib import Path

FINDINGS = [
    "pleural effusion", "atelectasis", "consolidation", "pulmonary edema", "pneumothorax", "airspace opacity",
    "interstitial markings", "nodule", "vascular congestion", "pneumonia", "scarring", "hilar enlargement",
]  # fmt: skip
SIZES = ["small", "moderate", "large", "trace", "mild", "minimal", "subtle", "severe", "patchy", "streaky"]
SIDES = ["left", "right", "bilateral", "left basilar", "right upper lobe", "retrocardiac", "bibasilar", "perihilar"]
CHANGES = ["increased", "decreased", "unchanged", "stable", "slightly worse", "improved", "new", "not well seen"]
TIMES = ["since the prior study", "compared to previous radiograph", "from earlier today", "in the interval", ""]
FRAMES = [
    "There is a {size} {side} {finding}, {change} {time}.",
    "{size} {side} {finding} has {change} {time}.",
    "No {finding} or {other} is identified.",
    "The {side} {finding} is {change} {time}, which may represent {other}.",
    "Endotracheal tube terminates {number} cm above the carina.",
    "The cardiomediastinal silhouette is {change}; heart size is {size}ly enlarged.",
    "Lungs are otherwise clear without {finding}.",
    "{side} picc line tip projects over the SVC (approximately {number} cm from the cavoatrial junction).",
    "Degenerative changes of the thoracic spine are {change}.",
    "Low lung volumes accentuate the bronchovascular markings, with {size} {finding}.",
]


def made_up_report(source: random.Random) -> str:
    """A report of 4 to 8 sentences."""
    return " ".join(
        source.choice(FRAMES).format(
            size=source.choice(SIZES), side=source.choice(SIDES), finding=source.choice(FINDINGS),
            other=source.choice(FINDINGS), change=source.choice(CHANGES), time=source.choice(TIMES),
            number=f"{source.uniform(1, 9):.1f}",
        )
        for _ in range(source.randint(4, 8))
    )  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How many pairs, of what."""
    parser.add_argument("--pairs", type=int, default=2461)
    parser.add_argument("--reports", type=Path, help="a CSV file of real reports")
    parser.add_argument("--column", default="report")


def load_reports(arguments: argparse.Namespace) -> list[str]:
    """Made-up reports, or those of a CSV column."""
    if arguments.reports is None:
        source = random.Random(0)
        return [made_up_report(source) for _ in range(2 * arguments.pairs)]
    with arguments.reports.open(newline="", encoding="utf-8") as stream:
        return [row[arguments.column] for row in csv.DictReader(stream) if row[arguments.column].strip()]


def made_pairs(arguments: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Predictions and references; every other prediction shares sentences with its reference."""
    texts = load_reports(arguments)
    random.Random(1).shuffle(texts)
    half = min(arguments.pairs, len(texts) // 2)
    predictions, references = texts[:half], texts[half : 2 * half]
    for number in range(0, half, 2):
        kept = references[number].split(". ")
        predictions[number] = ". ".join([*kept[: len(kept) // 2], predictions[number]])
    return predictions, references
