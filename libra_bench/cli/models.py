"""`models`: what can be measured, whether it works here, and plain checkpoints from LoRA folders."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks.wording import counted
from libra_bench.cli import options as o
from libra_bench.cli import output
from libra_bench.cli.flags import run_options
from libra_bench.cli.listing import Facts, Item, Listing, grouped
from libra_bench.runs.options import MODEL, RunOptions

if TYPE_CHECKING:
    from rich.console import RenderableType

    from libra_bench.runs.model_check import Check
    from model_adapters.models import ListedModel

app = typer.Typer(help="List the models; check and merge checkpoints.", invoke_without_command=True)

OTHER_FORMS = (
    "Besides: a checkpoint's folder, a card of your own (.yaml), a hub id (owner/name), replay:FILE, "
    "openai:NAME with --base-url, module:function."
)


HERE, ON_THE_HUB, PACKAGES = "Ready", "Fetched from the hub when first used", "Need a package first"
WITHOUT_WEIGHTS, WITH_A_PATH = "Baselines, without weights", "Named with a path, a file or a served model"
FIRST_COLUMN = 50
"""Characters of a command beside a name; of a longer one, the list says what is lacking."""


@app.callback()
def models(context: typer.Context, as_json: o.Json = False) -> None:
    """List the models, and what each needs."""
    if context.invoked_subcommand is not None:
        return
    from model_adapters.models import list_models

    listed = list_models()
    ready = sum(model.here for model in listed)
    items = grouped(map(_item, listed), (HERE, ON_THE_HUB, PACKAGES, WITHOUT_WEIGHTS, WITH_A_PATH))
    fetched = len(items[ON_THE_HUB])
    listing = Listing(
        f"{ready} of {counted(len(listed), 'model')} can run here; {fetched} more are fetched from the hub when first "
        "used, or read from --weights DIR.",
        items,
        ("model", "adapter", "here", "hub id", "state", "to use it", "what it is"),
        [
            (
                *(model.name, model.adapter, "yes" if model.here else "no", model.card.get("hub_id") or ""),
                *(model.state, model.remedy, model.description),
            )
            for model in listed
        ],
        [f"{OTHER_FORMS}", "`libra-bench models show NAME` says the rest of a model."],
    )
    output.result([asdict(model) for model in listed], listing, as_json=as_json)


def _item(model: ListedModel) -> tuple[str, Item]:
    """The heading that a model is under, and its line."""
    if not model.card:
        if model.here:
            return WITHOUT_WEIGHTS, Item(model.name, about=model.description)
        heading = WITH_A_PATH if model.remedy.startswith("--model") else PACKAGES
        return heading, Item(model.name, model.remedy or model.state, model.description)
    if model.here:
        return HERE, Item(model.name, about=model.description)
    if model.needs_packages:
        shown = model.remedy if len(model.remedy) <= FIRST_COLUMN else model.state
        return PACKAGES, Item(model.name, shown, model.description, dim=True)
    return ON_THE_HUB, Item(model.name, model.card.get("hub_id") or model.remedy, model.description, dim=True)


@app.command("show")
def show(name: Annotated[str, typer.Argument(help="A model's name.")], as_json: o.Json = False) -> None:
    """Show one model: what it is made of, what it needs, how it is asked."""
    from benchmarks.errors import UnknownNameError
    from model_adapters.models import list_models

    listed = {model.name: model for model in list_models()}
    if name not in listed:
        raise UnknownNameError("model", name, listed)
    model = listed[name]
    facts = {
        "model": model.name,
        "adapter": model.adapter,
        "runs here": "yes" if model.here else "no",
        "state": model.state,
        "to use it": model.remedy,
    }
    if model.card:
        facts |= {name.replace("_", " "): _in_words(value) for name, value in model.card.items() if name not in SAID}
    else:
        facts["what it is"] = model.description
    output.result(asdict(model), Facts(facts), as_json=as_json)


SAID = ("id", "adapter")
"""Fields of a card that are said in other words."""


def _in_words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


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
