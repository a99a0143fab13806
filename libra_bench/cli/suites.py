"""`suites`: what can be asked of a model, and where each suite's file comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from libra_bench.cli import options as o
from libra_bench.cli import output
from libra_bench.cli.listing import Facts, Item, Listing

if TYPE_CHECKING:
    from benchmarks.catalog import SuiteCard
    from benchmarks.suites import Suite

app = typer.Typer(help="List the suites: what each asks, and where its file comes from.", invoke_without_command=True)

SHIPPED, TO_BE_BUILT = "Shipped with libra-bench", "From your own files: --data FILE"


@app.callback()
def suites(context: typer.Context, as_json: o.Json = False) -> None:
    """List the suites: what each asks, how many studies it has, and where its file comes from."""
    if context.invoked_subcommand is not None:
        return
    from benchmarks.catalog import list_suites

    cards = list_suites()
    shipped = [card for card in cards if card.file]
    listing = Listing(
        f"{len(shipped)} of {len(cards)} suites can run here; the others need data that you provide.",
        {
            SHIPPED: [Item(card.name, about=card.description) for card in shipped],
            TO_BE_BUILT: [Item(card.name, about=card.description, dim=True) for card in cards if not card.file],
        },
        ("suite", "file", "published studies", "what it asks"),
        [
            (card.name, "shipped" if card.file else "--data FILE", card.published_samples or "", card.description)
            for card in cards
        ],
        ["`libra-bench suites show NAME` says how to get a suite's file. A JSONL, CSV or Parquet file works as well."],
    )
    output.result([_as_json(card) for card in cards], listing, as_json=as_json)


@app.command("show")
def show(
    suite: Annotated[str, typer.Argument(help="A suite's name, or its file.")],
    data: Annotated[Path | None, typer.Option("--data", help="The file of a named suite.")] = None,
    as_json: o.Json = False,
) -> None:
    """Show a suite's data card: source, licence, how it was built, how many samples it has, the hash of its file."""
    from benchmarks.catalog import suite_card, suite_names
    from benchmarks.suites import load_suite

    named = suite_card(suite) if suite in suite_names() and not Path(suite).is_file() else None
    if named is not None and named.file is None and data is None:
        card: dict[str, Any] = {
            "suite": named.name,
            "description": named.description,
            "homepage": named.homepage,
            "licence": named.licence,
            "published": named.published_samples,
            "how to get it": named.source,
        }
    else:
        card = _card(load_suite(suite, data=data))
    output.result(card, Facts({name: _in_words(value) for name, value in card.items()}), as_json=as_json)


def _card(suite: Suite) -> dict[str, Any]:
    """The card beside a suite's file, or what its file alone tells."""
    from collections import Counter

    from benchmarks.records.data_card import card_file, read_card

    stored = read_card(suite.path)
    if stored is not None and stored.sha256 != suite.sha256:
        output.message(
            f"warning: {suite.path} has changed since {card_file(suite.path).name} was written: what follows is of the "
            "file as it is now"
        )
        stored = None
    if stored is not None:
        return stored.as_json()
    samples = suite.samples
    patients = {sample.fields.get("subject_id") for sample in samples} - {None}
    return {
        "suite": suite.name,
        "description": suite.card.description,
        "homepage": suite.card.homepage,
        "licence": suite.card.licence or "unknown",
        "n": len(samples),
        "with_prior": sum(sample.has_prior for sample in samples),
        "with_lateral": sum(bool(sample.laterals) for sample in samples),
        "patients": len(patients),
        "fields": dict(Counter(name for sample in samples for name in sample.fields)),
        "sha256": suite.sha256,
    }


def _in_words(value: Any) -> str:
    """Numbers as people read them, mappings and lists one entry per line."""
    if isinstance(value, Mapping):
        return "\n".join(f"{name}: {number:,}" for name, number in value.items())
    if isinstance(value, list | tuple):
        return "\n".join(
            ", ".join(f"{part}" for part in one.values() if part is not None) if isinstance(one, dict) else str(one)
            for one in value
        )
    return "unknown" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _as_json(card: SuiteCard) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(card).items()}
