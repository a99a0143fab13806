"""`suites`: what can be asked of a model, and where each suite's file comes from."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from libra_bench.cli import options as o
from libra_bench.cli import output
from libra_bench.cli.listing import Facts, Item, Listing

if TYPE_CHECKING:
    from benchmarks.catalog import SuiteCard

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
def show(name: Annotated[str, typer.Argument(help="A suite's name.")], as_json: o.Json = False) -> None:
    """Show one suite: what it asks, its prompt, its metrics, and how to get its file."""
    from benchmarks.catalog import suite_card

    card = suite_card(name)
    facts = {
        "suite": card.name,
        "what it asks": card.description,
        "file": "shipped with libra-bench" if card.file else "yours: --data FILE",
        "how to get it": card.source,
        "published studies": "" if card.published_samples is None else f"{card.published_samples:,}",
        "prompt": card.prompt or "each line has its own",
        "references": ", ".join(card.sections),
        "data sets": ", ".join(card.data_sets),
        "metrics": ", ".join(card.metrics),
        "run it": f"libra-bench run --suite {card.name} --model MODEL" + ("" if card.file else " --data FILE"),
    }
    output.result(_as_json(card), Facts(facts), as_json=as_json)


def _as_json(card: SuiteCard) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(card).items()}
