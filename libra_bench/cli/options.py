"""The options that several commands share, declared once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

SUITE, MODEL, DECODING, RUN = "Suite", "Model", "Decoding (overrides the protocol)", "Run"

Suite = Annotated[
    str, typer.Option("--suite", help="A suite's name (see `libra-bench suites`) or a file.", rich_help_panel=SUITE)
]
Data = Annotated[
    Path | None,
    typer.Option("--data", help="The suite's file, where its data cannot be shipped.", rich_help_panel=SUITE),
]
ImageRoot = Annotated[
    Path | None,
    typer.Option("--image-root", help="Folder of the images; default: the suite file's.", rich_help_panel=SUITE),
]
Limit = Annotated[
    int | None, typer.Option("--limit", help="Only the first N studies of the suite.", rich_help_panel=SUITE)
]
FollowLinks = Annotated[
    bool,
    typer.Option("--follow-links", help="Read images through links that leave the root.", rich_help_panel=SUITE),
]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        help="A name (see `libra-bench models`), a checkpoint folder, a card (.yaml), a hub id, replay:FILE, "
        "openai:NAME or module:function.",
        rich_help_panel=MODEL,
    ),
]
AdapterName = Annotated[
    str | None,
    typer.Option("--adapter", help="Default: the card's, or inferred; vllm: run by vLLM.", rich_help_panel=MODEL),
]
Weights = Annotated[
    Path | None,
    typer.Option("--weights", help="Folder of a named model's checkpoint.", metavar="DIR", rich_help_panel=MODEL),
]
ModelBase = Annotated[
    str | None,
    typer.Option("--model-base", help="Base model of a LoRA or projector checkpoint.", rich_help_panel=MODEL),
]
ConvMode = Annotated[str | None, typer.Option("--conv-mode", help="Conversation template.", rich_help_panel=MODEL)]
Device = Annotated[
    str | None, typer.Option("--device", help="cpu, cuda, cuda:1; default: what is there.", rich_help_panel=MODEL)
]
Dtype = Annotated[
    str | None,
    typer.Option("--dtype", help="float32, bfloat16 or float16; default: by device.", rich_help_panel=MODEL),
]
BatchSize = Annotated[
    str | None,
    typer.Option("--batch-size", help="Studies decoded together, or auto.", rich_help_panel=MODEL),
]
AdapterOption = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="NAME=VALUE", help="An option of the adapter itself.", rich_help_panel=MODEL),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        "--base-url", help="Endpoint of openai:NAME (images are sent there).", metavar="URL", rich_help_panel=MODEL
    ),
]
Concurrency = Annotated[
    str | None,
    typer.Option("--concurrency", help="Questions at an endpoint at once.", metavar="N", rich_help_panel=MODEL),
]
Train = Annotated[
    str | None,
    typer.Option("--train", help="What floors learn from; like a suite file.", metavar="FILE", rich_help_panel=MODEL),
]
LoadIn = Annotated[
    str | None,
    typer.Option("--load-in", help="Quantise to 4bit or 8bit (bitsandbytes, CUDA).", rich_help_panel=MODEL),
]
DeviceMap = Annotated[
    str | None,
    typer.Option(
        "--device-map", help="auto: one model spread over all devices.", metavar="auto", rich_help_panel=MODEL
    ),
]
TrustRemoteCode = Annotated[
    bool,
    typer.Option("--trust-remote-code", help="Run code that comes with the checkpoint.", rich_help_panel=MODEL),
]
Protocol = Annotated[
    str | None,
    typer.Option(
        "--protocol",
        help="Named decoding: libra-v1, libra-script, rexrank, greedy; default: the model card's, else libra-v1.",
        rich_help_panel=DECODING,
    ),
]
NumBeams = Annotated[int | None, typer.Option("--num-beams", rich_help_panel=DECODING)]
LengthPenalty = Annotated[float | None, typer.Option("--length-penalty", rich_help_panel=DECODING)]
NoRepeatNgramSize = Annotated[
    int | None,
    typer.Option("--no-repeat-ngram-size", help="Over prompt and output; 0 is off.", rich_help_panel=DECODING),
]
NumReturnSequences = Annotated[
    int | None,
    typer.Option("--num-return-sequences", help="How many beams to keep as alternatives.", rich_help_panel=DECODING),
]
MaxNewTokens = Annotated[int | None, typer.Option("--max-new-tokens", rich_help_panel=DECODING)]
Temperature = Annotated[float | None, typer.Option("--temperature", help="0: no sampling.", rich_help_panel=DECODING)]
TopP = Annotated[float | None, typer.Option("--top-p", rich_help_panel=DECODING)]
Seed = Annotated[
    int | None, typer.Option("--seed", help="Decides answers only when sampling.", rich_help_panel=DECODING)
]
Metrics = Annotated[
    str | None,
    typer.Option(
        "--metrics",
        help="a,b,c or all; default: the suite's, else the published ones, report_errors, chexpert_rules. "
        "Parameters in brackets: bertscore[model=DIR,num_layers=5].",
        rich_help_panel=RUN,
    ),
]
Dialect = Annotated[
    str | None,
    typer.Option(
        "--dialect",
        help="Score as another group does: libra (default), rexrank, radeval or coco.",
        rich_help_panel=RUN,
    ),
]
By = Annotated[
    list[str] | None,
    typer.Option("--by", help="A field to stratify by; several times for several fields.", rich_help_panel=RUN),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", help="Run folder; default: runs/<suite>/<model>/<fingerprint>.", rich_help_panel=RUN),
]
OnError = Annotated[
    str,
    typer.Option(
        "--on-error",
        help="A study that fails: stop, or record it (it counts as an empty text; exit status 3).",
        rich_help_panel=RUN,
    ),
]
RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="Ask again what a finished run recorded as failed.", rich_help_panel=RUN)
]
Report = Annotated[
    bool, typer.Option("--report/--no-report", help="Write report.html with every case.", rich_help_panel=RUN)
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


ADAPTER_FLAGS = ("base_url", "concurrency", "train", "device_map")
"""Flags that are options of some adapters; the others refuse them. So are `--load-in` and `--trust-remote-code`."""
BITS = {"4bit": 4, "8bit": 8}


def adapter_options(pairs: list[str] | None, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The adapter's options: `--option NAME=VALUE` pairs, and the flags among a command's parameters.

    Raises:
        InputError: a pair without "=", or another --load-in than 4bit and 8bit.
    """
    from benchmarks.errors import InputError

    flags = given or {}
    options: dict[str, Any] = {name: flags[name] for name in ADAPTER_FLAGS if flags.get(name) is not None}
    if flags.get("trust_remote_code"):
        options["trust_remote_code"] = True
    if (load_in := flags.get("load_in")) is not None:
        if load_in not in BITS:
            raise InputError(f"takes 4bit or 8bit, not {load_in!r}", where="--load-in")
        options["bits"] = BITS[load_in]
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise InputError(f"{pair!r} is not NAME=VALUE", where="--option")
        options[name.replace("-", "_")] = value
    return options


def batch_size(text: str | None) -> int | None:
    """The `--batch-size` value: a number, or None for auto.

    Raises:
        InputError: neither a positive number nor "auto".
    """
    from benchmarks.errors import InputError

    if text is None or text == "auto":
        return None
    if not text.isdigit() or int(text) < 1:
        raise InputError(f"takes a positive number or auto, not {text!r}", where="--batch-size")
    return int(text)
