"""`models`: what can be measured, whether it works here, side environments, plain checkpoints from LoRA folders."""

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
from libra_bench.runs.options import DECODING, MODEL, SUITE, RunOptions

if TYPE_CHECKING:
    from rich.console import RenderableType

    from libra_bench.runs.model_check import Check
    from libra_bench.runs.preview import Preview
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
        [OTHER_FORMS, "`libra-bench models show NAME` says the rest of a model."],
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
    if isinstance(value, dict):
        return "; ".join(f"{name}: {part}" for name, part in value.items())
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


@app.command("install")
def install(
    model: Annotated[str, typer.Argument(help="A model whose card names a side environment.")],
    folder: Annotated[Path | None, typer.Option("--dir", help="Folder to install into; default: the cache.")] = None,
    wheels: Annotated[
        Path | None, typer.Option("--wheels", help="Install from this folder of wheels, without a network.")
    ] = None,
    further: Annotated[
        list[str] | None, typer.Option("--with", metavar="PACKAGE", help="A further package; may be repeated.")
    ] = None,
    as_json: o.Json = False,
) -> None:
    """Make the side environment of a model that needs older packages than libra-bench's own."""
    from model_adapters.cards import read_card, shipped_card
    from model_adapters.side.environments import environment_of

    environment = environment_of(read_card(Path(model)) if model.endswith((".yaml", ".yml")) else shipped_card(model))
    python = environment.install(folder, wheels=wheels, further=further or ())
    pins = [*environment.pins(), *(further or ())]
    output.result(
        {"installed": environment.name, "python": str(python), "packages": pins},
        f"installed: {python} ({', '.join(pins)})",
        as_json=as_json,
    )


@app.command("try")
@run_options(SUITE, MODEL, DECODING, "cleaning", without=["limit"])
def try_(
    model: Annotated[str, typer.Argument(help="A name, a checkpoint folder, a card (.yaml) or a hub id.")],
    options: RunOptions,
    n: Annotated[int, typer.Option("--n", min=1, help="How many studies.")] = 8,
    suite: Annotated[str, typer.Option("--suite", help="A suite's name or a file.", rich_help_panel=SUITE)] = "demo",
    as_json: o.Json = False,
) -> None:
    """Before a long run: a few studies, the prompt as it is sent, the texts, and what looks wrong in them."""
    from dataclasses import replace

    from benchmarks.suites import load_suite
    from libra_bench.runs.plan import plan_suite
    from libra_bench.runs.preview import preview, spread

    whole = load_suite(suite, data=options.data, image_root=options.image_root)
    few = replace(whole, samples=tuple(whole.samples[place] for place in spread(whole, n)))
    plan = plan_suite(few, model, options)
    for warning in plan.warnings:
        output.message(f"warning: {warning}")
    output.message(f"loading {plan.spec.name}")
    found = preview(plan)
    output.result(asdict(found), _previewed(found), as_json=as_json)


def _previewed(found: Preview) -> RenderableType:
    from rich.console import Group
    from rich.text import Text

    from benchmarks.predictions.cleaning import NO_CLEANING
    from benchmarks.schema import parts_in_words

    tokens = "" if found.prompt_tokens is None else f" ({found.prompt_tokens} tokens)"
    lines = [
        f"{found.model} on {len(found.studies)} studies of {found.suite}; {found.decoding}; cleaning {found.cleaning}",
        *([f"not read: {parts_in_words(found.left_out)}"] if found.left_out else []),
        f"first prompt as sent{tokens}:",
        *(f"  {line}" for line in found.prompt.splitlines()),
        "",
    ]
    for study in found.studies:
        wrong = f"  <- {', '.join(study.looks_wrong)}" if study.looks_wrong else ""
        lines.append(f"{study.question_id} ({', '.join(study.images) or 'no image'}){wrong}")
        lines += [f"  {line}" for line in (study.error or study.text or "(nothing)").splitlines()]
        if found.cleaning != NO_CLEANING and study.scored_as != study.text:
            lines.append(f"  scored as: {study.scored_as}")
    counts = ", ".join(f"{name} {count}" for name, count in found.looks_wrong.items())
    lines += ["", f"looks wrong: {counts}" if counts else "nothing looks wrong"]
    if {"Markdown", "heading", "chat tokens", "JSON"} & found.looks_wrong.keys() and found.cleaning == NO_CLEANING:
        lines.append("--cleaning report-1 takes Markdown, headings, chat tokens and JSON away before scoring")
    return Group(*map(Text, lines))


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
