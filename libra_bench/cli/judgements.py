"""`metrics judgements`: what judges replied, as a file that can be published."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from libra_bench.cli import output


def judgements(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="A JSON-lines file to write.")],
    model: Annotated[str | None, typer.Option("--model", metavar="NAME", help="Only this judge's.")] = None,
    no_text: Annotated[
        bool, typer.Option("--no-text", help="Leave the replies out, which quote reports: hashes and facts alone.")
    ] = False,
) -> None:
    """Write down the judgements that are kept in the cache: who judged which pair, how, and what was replied."""
    from benchmarks.errors import InputError
    from benchmarks.files import write_jsonl
    from libra_bench.metrics.judges.judgements import Judgements

    kept = Judgements()
    rows = [row for row in kept.rows(texts=not no_text) if model in (None, row["model"])]
    if not rows:
        whose = f" of {model}" if model else ""
        raise InputError(f"no judgement{whose} is kept", where=kept.path, hint="score with a judge first")
    write_jsonl(out, rows)
    output.message(f"{len(rows):,} judgements: {out}")
