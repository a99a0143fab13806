"""Options that several commands share and that belong to no run: suite, model, `--json`."""

from __future__ import annotations

from typing import Annotated

import typer

from libra_bench.cli import completion
from libra_bench.runs.options import MODEL, SUITE

MOST_RESAMPLES = 1_000_000
"""More take hours, and tell no p-value or interval better than anybody reads it."""

Suite = Annotated[
    str,
    typer.Option(
        "--suite",
        help="A suite's name (see `libra-bench suites`) or a file.",
        rich_help_panel=SUITE,
        autocompletion=completion.suites,
    ),
]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        help="A name (see `libra-bench models`), a checkpoint folder, a card (.yaml), a hub id, replay:FILE, "
        "openai:NAME or module:function.",
        rich_help_panel=MODEL,
        autocompletion=completion.models,
    ),
]
Suites = Annotated[
    list[str] | None,
    typer.Option(
        "--suite",
        help="A suite's name (see `libra-bench suites`), a file, or a folder of images. Several: repeated, or a,b.",
        rich_help_panel=SUITE,
        autocompletion=completion.suites,
    ),
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        help="A name (see `libra-bench models`), a checkpoint folder, a card (.yaml), a hub id, replay:FILE, "
        "openai:NAME or module:function. Several: repeated, or a,b.",
        rich_help_panel=MODEL,
        autocompletion=completion.models,
    ),
]
FollowLinks = Annotated[bool, typer.Option("--follow-links", help="Read images through links that leave the root.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only the result, and errors.")]
