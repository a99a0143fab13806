"""Write built samples: an evaluation suite (`.jsonl`) or training data (`.json`), whole or not at all."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeAlias

from benchmarks.catalog import CONTEXT
from benchmarks.errors import InputError
from benchmarks.files import atomic_write, dump_json_line
from benchmarks.schema import PRIOR_REPORT, frontal_images

Built: TypeAlias = dict[str, Any]
"""A sample as a suite's line has it: question_id, image, text, reference (or labels), and whatever describes it."""


def refuse_overwriting(path: Path, force: bool) -> None:
    """Stop before any work if the output is there already.

    Raises:
        InputError: it is, and `force` is not set; or it is a folder.
    """
    if path.is_dir():
        raise InputError("is a folder", where=path, hint="name a file")
    if path.exists() and not force:
        raise InputError("exists already", where=path, hint="pass --force to replace it")


NO_LABELS = "none"
"""What a reference says where the true set of labels is empty; the labels themselves stay an empty list."""


@contextmanager
def open_table(path: Path) -> Iterator[IO[str]]:
    """Open a CSV to write, gzipped if its name ends in `.gz`; it appears when it is complete."""
    if path.suffix != ".gz":
        with atomic_write(path) as stream:
            yield stream
        return
    with (
        atomic_write(path, "wb") as stream,
        gzip.GzipFile(fileobj=stream, mode="wb", mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
    ):
        yield text


def is_training(out: Path) -> bool:
    """Whether this output holds training data (`.json`) and not an evaluation suite (`.jsonl`).

    Raises:
        InputError: it ends in neither.
    """
    if out.suffix not in (".json", ".jsonl"):
        raise InputError("cannot tell the format", where=out, hint="end it in .jsonl (evaluation) or .json (training)")
    return out.suffix == ".json"


def write_samples(samples: Iterable[Built], out: Path) -> int:
    """Write samples as the ending of `out` says, one at a time; returns how many."""
    training = is_training(out)
    count = 0
    with atomic_write(out, private=True) as stream:
        for sample in samples:
            if training:
                stream.write("[\n" if count == 0 else ",\n")
                stream.write(json.dumps(training_record(sample), ensure_ascii=False))
            else:
                stream.write(dump_json_line(sample))
            count += 1
        if training:
            stream.write("\n]\n" if count else "[]\n")
    return count


_NOT_TRAINED_ON = {
    "question_id", "image", "text", "reference", "labels", "indication", "history", "comparison", "technique",
    "study_date", "prior_date", PRIOR_REPORT,
}  # fmt: skip
"""Fields of a suite that a conversation has in other words, or that training does not read."""


def training_record(sample: Mapping[str, Any]) -> Built:
    """A sample as a conversation; its reference is what the model is to say.

    Raises:
        InputError: it has none.
    """
    if not sample.get("reference"):
        raise InputError(
            "training data need a reference", where=f"sample {sample['question_id']}", hint="drop it or fill it in"
        )
    kept = {key: sample[key] for key in sample if key not in _NOT_TRAINED_ON}
    conversation = [
        {"from": "human", "value": f"<image>\n{sample['text']}"},
        {"from": "gpt", "value": sample["reference"]},
    ]
    return {
        "id": sample["question_id"],
        "image": frontal_images(sample["image"]),
        "conversations": conversation,
        **kept,
    }


def one_line(text: str) -> str:
    """A section's text on one line, as published samples have it."""
    return " ".join(text.split())


def report_of(findings: str, impression: str) -> str:
    """A report on one line, as a field such as `prior_report` has it; empty where it has neither section."""
    parts = {"Findings": one_line(findings), "Impression": one_line(impression)}
    return " ".join(f"{heading}: {text}" for heading, text in parts.items() if text)


def with_context(prompt: str, context: Mapping[str, str]) -> str:
    """The prompt with the clinical context behind it: label and text of everything that is not empty."""
    parts = [f"{label}: {one_line(text)}" for label, text in context.items() if text.strip()]
    return " ".join([prompt, CONTEXT, *parts]) if parts else prompt


def image_list(current: str, prior: str) -> list[str]:
    """The images of a sample: current, and prior if there is one."""
    return [current, prior] if prior else [current]


def images_by_role(current: str, lateral: str = "", prior: str = "", prior_lateral: str = "") -> Any:
    """What stands under `image`: a list of the frontal images, or an object where there are lateral ones."""
    if not lateral and not prior_lateral:
        return image_list(current, prior)
    named = {"current": current, "lateral": lateral, "prior": prior, "prior_lateral": prior_lateral}
    return {role: path for role, path in named.items() if path}


def image_paths(sample: Mapping[str, Any]) -> list[str]:
    """Every image of a built sample."""
    images = sample["image"]
    return [*images.values()] if isinstance(images, dict) else list(images)
