"""`models`: what can be measured, whether it works here, and plain checkpoints from LoRA folders."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from libra_bench.cli import options as o
from libra_bench.cli import output
from libra_bench.cli.flags import run_options
from libra_bench.runs.options import MODEL, RunOptions

if TYPE_CHECKING:
    from rich.console import RenderableType

    from libra_bench.runs.model_check import Check

app = typer.Typer(help="List the models; check and merge checkpoints.", invoke_without_command=True)

OTHER_FORMS = (
    "Besides: a checkpoint's folder, a card of your own (.yaml), a hub id (owner/name), replay:FILE, "
    "openai:NAME with --base-url, module:function."
)


@app.callback()
def models(context: typer.Context, as_json: o.Json = False) -> None:
    """List the models, and what each needs."""
    if context.invoked_subcommand is not None:
        return
    from rich.console import Group
    from rich.markup import escape
    from rich.table import Column, Table

    from model_adapters.models import list_models

    listed = list_models()
    names = (Column(name, no_wrap=True) for name in ("model", "adapter"))  # to be typed as they are
    texts = (Column(name, overflow="fold") for name in ("what it is", "here?", "to use it"))
    table = Table(*names, *texts)
    for model in listed:
        adapter = "" if model.adapter == model.name else model.adapter
        table.add_row(*map(escape, (model.name, adapter, model.description, model.state, model.remedy)))
    output.result([asdict(model) for model in listed], Group(table, OTHER_FORMS), as_json=as_json)


@app.command("check")
@run_options(MODEL, without=["batch_size"])
def check(
    model: Annotated[str, typer.Argument(help="A name, a checkpoint folder, a card (.yaml) or a hub id.")],
    options: RunOptions,
    as_json: o.Json = False,
) -> None:
    """Load a model, list keys that do not fit, show one prompt and its first token, and say what is wrong."""
    from libra_bench.runs.model_check import check_model

    found = check_model(model, options)
    output.result(asdict(found), _as_table(found), as_json=as_json)
    if found.error:
        output.error(found.error)
        raise typer.Exit(found.exit_status)


def _as_table(found: Check) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False)
    loaded = f"yes, in {found.seconds_to_load} s" if found.loads else "no"
    rows = [("model", found.model), ("adapter", found.adapter), ("path", found.path), ("loads", loaded)]
    keys = (found.missing_keys, found.unexpected_keys, found.misshapen_keys)
    for name, listed in zip(("missing keys", "unexpected keys", "of another shape"), keys, strict=True):
        rows.append((name, "\n".join(listed) or ("none" if found.loads else None)))
    tokens = "" if found.prompt_tokens is None else f" ({found.prompt_tokens} tokens)"
    rows.append((f"prompt{tokens}", found.prompt))
    if found.works:
        rows.append(("first token", found.first_token or "(none that shows: the end, or part of a character)"))
    for name, words in rows:
        if words is not None:
            table.add_row(name, Text(words))
    return table


@app.command("merge")
def merge(
    base: Annotated[str, typer.Argument(help="The base model: a folder or a hub id.")],
    lora: Annotated[Path, typer.Argument(help="The LoRA folder (or one with a projector alone).")],
    out: Annotated[Path, typer.Argument(help="The new folder.")],
    dtype: Annotated[
        str | None, typer.Option("--dtype", help="float32, bfloat16 or float16; default: the base's.")
    ] = None,
    as_json: o.Json = False,
) -> None:
    """Merge a LoRA or a projector into its base model and write a plain checkpoint.

    The weights keep the base's type unless --dtype names another.
    """
    from benchmarks.errors import ModelError
    from libra_bench.runs.model_check import default_dtype
    from model_adapters.adapter import ModelSpec
    from model_adapters.checkpoints.locate import find_checkpoint
    from model_adapters.checkpoints.precision import dtype_name, torch_dtype
    from model_adapters.libra.checkpoint.export import save_merged
    from model_adapters.libra.checkpoint.loading import load_checkpoint

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ModelError("is not empty", where=out, hint="name a new folder")
    folder = find_checkpoint(base)
    name = dtype_name(ModelSpec(str(lora), "libra", device="cpu", dtype=dtype or default_dtype(folder)))
    output.message(f"merging {lora} into {folder} as {name}")
    save_merged(load_checkpoint(lora, model_base=folder, dtype=torch_dtype(name)), out)
    output.result({"checkpoint": str(out), "dtype": name}, f"a plain checkpoint in {out}", as_json=as_json)
