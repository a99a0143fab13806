"""What a user may say about a run besides suite and model. One field is one flag of the command line."""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge

from benchmarks.errors import InputError
from benchmarks.files import is_folder_name
from benchmarks.values import converted
from model_adapters.adapter import Decoding

OnError = Literal["stop", "record"]
SUITE, MODEL, DECODING, RUN = "Suite", "Model", "Decoding (overrides the protocol)", "Run"
"""The panels of `--help`; a command takes whole panels, or fields by name."""


@dataclass(frozen=True, slots=True)
class Flag:
    """How a field is typed on the command line. Its docstring is the help."""

    panel: str
    name: str = ""
    """"--option"; default: from the field's name."""
    metavar: str = ""
    """The placeholder for the value in the help; default: by type."""
    none: tuple[str, ...] = ()
    """Words for None."""
    adapter_option: str = ""
    """The adapter's own option that the field is; adapters without it refuse the flag."""
    documented_in: type | None = None
    """The class whose field of the same name has the docstring."""


def _flag(panel: str, **settings: Any) -> Mapping[str, Flag]:
    return {"flag": Flag(panel, **settings)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Options of a run; text is read as on the command line.

    Raises:
        InputError: a value of another type or out of range; names the flag.
    """

    data: Path | None = field(default=None, metadata=_flag(SUITE))
    """The suite's file, for suites whose data cannot be shipped."""
    image_root: Path | None = field(default=None, metadata=_flag(SUITE))
    """Folder of the images; default: the suite file's."""
    limit: Annotated[int, Ge(1)] | None = field(default=None, metadata=_flag(SUITE))
    """Only the first N studies of the suite."""
    follow_links: bool = field(default=False, metadata=_flag(SUITE))
    """Read images through links that leave the root."""

    adapter: str | None = field(default=None, metadata=_flag(MODEL))
    """The adapter that runs the model, such as vllm; default: the card's, or inferred from the checkpoint."""
    weights: Path | None = field(default=None, metadata=_flag(MODEL, metavar="DIR"))
    """Folder of a named model's checkpoint."""
    model_base: str | None = field(default=None, metadata=_flag(MODEL))
    """Base model of a LoRA or projector checkpoint."""
    conv_mode: str | None = field(default=None, metadata=_flag(MODEL))
    """Conversation template."""
    device: str | None = field(default=None, metadata=_flag(MODEL))
    """cpu, cuda, cuda:1; default: the accelerator, else the CPU."""
    dtype: str | None = field(default=None, metadata=_flag(MODEL))
    """float32, bfloat16 or float16; default: by device."""
    batch_size: Annotated[int, Ge(1)] | None = field(
        default=None, metadata=_flag(MODEL, metavar="N|auto", none=("auto",))
    )
    """Studies decoded together; default: auto."""
    base_url: str | None = field(default=None, metadata=_flag(MODEL, metavar="URL", adapter_option="base_url"))
    """Endpoint of openai:NAME (images are sent there)."""
    concurrency: Annotated[int, Ge(1)] | None = field(default=None, metadata=_flag(MODEL, adapter_option="concurrency"))
    """Number of simultaneous requests to an endpoint."""
    train: str | None = field(default=None, metadata=_flag(MODEL, metavar="FILE", adapter_option="train"))
    """Training reports for baselines such as retrieval; a file in the format of a suite."""
    load_in: Literal["4bit", "8bit"] | None = field(default=None, metadata=_flag(MODEL, adapter_option="bits"))
    """Quantise the weights (bitsandbytes, CUDA)."""
    device_map: str | None = field(default=None, metadata=_flag(MODEL, metavar="auto", adapter_option="device_map"))
    """auto: spread one model over all devices."""
    trust_remote_code: bool = field(default=False, metadata=_flag(MODEL, adapter_option="trust_remote_code"))
    """Run code that comes with the checkpoint."""
    adapter_options: Mapping[str, Any] = field(
        default_factory=dict, metadata=_flag(MODEL, name="--option", metavar="NAME=VALUE")
    )
    """An option of the adapter itself; may be repeated."""

    protocol: str | None = field(default=None, metadata=_flag(DECODING))
    """Named decoding: libra-v1, libra-script, rexrank, greedy, or card (the model card's settings); default: the card's
    choice; without a card libra-v1 for Libra checkpoints, else greedy."""
    num_beams: int | None = field(default=None, metadata=_flag(DECODING, documented_in=Decoding))
    length_penalty: float | None = field(default=None, metadata=_flag(DECODING, documented_in=Decoding))
    no_repeat_ngram_size: int | None = field(default=None, metadata=_flag(DECODING, documented_in=Decoding))
    num_return_sequences: int | None = field(default=None, metadata=_flag(DECODING, documented_in=Decoding))
    max_new_tokens: int | None = field(default=None, metadata=_flag(DECODING, documented_in=Decoding))
    temperature: float | None = field(default=None, metadata=_flag(DECODING, documented_in=Decoding))
    top_p: float | None = field(default=None, metadata=_flag(DECODING, documented_in=Decoding))
    seed: int | None = field(default=None, metadata=_flag(DECODING, documented_in=Decoding))

    metrics: str | Sequence[str] | None = field(default=None, metadata=_flag(RUN, metavar="NAMES"))
    """a,b,c or all; default: the suite's, else the published ones, report_errors, chexpert_rules. Parameters in
    brackets: bertscore[num_layers=5]."""
    dialect: str | None = field(default=None, metadata=_flag(RUN))
    """Score in the way of another group: libra (default), rexrank, radeval, coco or llava-med."""
    cleaning: str | None = field(default=None, metadata=_flag(RUN))
    """How texts are cleaned before they are scored: none, or report-1 (chat tokens, Markdown, headings); default: the
    model card's, else none."""
    by: Sequence[str] = field(default=(), metadata=_flag(RUN, metavar="FIELD"))
    """A field of the suite to stratify by; may be repeated."""
    references: Literal["all", "partial"] = field(default="all", metadata=_flag(RUN))
    """partial: score the studies that have a reference, and count the others."""
    replace: bool = field(default=False, metadata=_flag(RUN))
    """Replace existing scores that were computed in another way."""
    model_name: str | None = field(default=None, metadata=_flag(RUN, metavar="NAME"))
    """What the model is called in folders, tables and plots; default: as it is known."""
    out: Path | None = field(default=None, metadata=_flag(RUN, metavar="DIR"))
    """Run folder; default: a folder of its own in runs/."""
    on_error: OnError = field(default="stop", metadata=_flag(RUN))
    """A study that fails: stop, or record it (it counts as an empty text; exit status 3)."""
    retry_failed: bool = field(default=False, metadata=_flag(RUN))
    """Ask again the questions that a finished run recorded as failed."""
    plots: bool = field(default=True, metadata=_flag(RUN))
    """Draw the plots."""
    report: bool = field(default=True, metadata=_flag(RUN))
    """Write report.html with every case."""

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            flag = flag_of(item)
            value = converted(getattr(self, item.name), types()[item.name], where=flag.name, none=flag.none)
            object.__setattr__(self, item.name, value)
        if self.model_name is not None and not is_folder_name(self.model_name):
            raise InputError(f"{self.model_name!r} cannot be the name of a folder", where="--model-name")

    @property
    def given(self) -> dict[str, Any]:
        """The fields that are not as by default."""
        defaults = RunOptions()
        values = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if value != getattr(defaults, name)}

    @property
    def decoding_overrides(self) -> dict[str, Any]:
        """The decoding flags, by their Decoding field."""
        return {item.name: getattr(self, item.name) for item in dataclasses.fields(Decoding)}

    @property
    def all_adapter_options(self) -> dict[str, Any]:
        """The adapter's options: those that have a flag, then the pairs of `--option`, which win."""
        flags = {flag_of(item).adapter_option: getattr(self, item.name) for item in dataclasses.fields(self)}
        given = {name: value for name, value in flags.items() if name and value not in (None, False)}
        if self.load_in:
            given["bits"] = int(self.load_in.removesuffix("bit"))
        return given | dict(self.adapter_options)


def flag_of(item: dataclasses.Field[Any]) -> Flag:
    """A field's flag, with its name."""
    flag: Flag = item.metadata["flag"]
    return dataclasses.replace(flag, name=flag.name or "--" + item.name.replace("_", "-"))


@functools.cache
def types() -> dict[str, Any]:
    """Field -> type."""
    return typing.get_type_hints(RunOptions, include_extras=True)
