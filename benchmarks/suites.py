"""Suites: a file of studies becomes Samples, a Sample becomes the Question that an adapter sees."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.catalog import SuiteCard, list_suites, suite_card, suite_names
from benchmarks.errors import InputError, SuiteError
from benchmarks.files import is_folder_name, sha256_file
from benchmarks.schema import HIDDEN_KEYS, REFERENCE_KEYS, Question, QuestionId, Sample
from benchmarks.tables import read_rows

__all__ = ["Suite", "SuiteCard", "list_suites", "load_suite", "read_samples", "sample_of"]

SUITE_ENDINGS = (".jsonl", ".csv", ".parquet")
TEXT_FIELDS = frozenset(
    {"prior_report", "indication", "technique", "comparison", "history", "view", "question_type", "answer_type"}
)
"""Fields with one meaning everywhere, by which adapters and metrics go."""


@dataclass(frozen=True, slots=True)
class Suite:
    """The studies of a run, and where they come from."""

    name: str
    """The suite's name, or the stem of its file."""
    samples: tuple[Sample, ...]
    """In the order of the file; never empty."""
    path: Path
    image_root: Path
    """The folder that image paths are relative to."""
    sha256: str
    """Of the whole file's bytes, whatever the limit."""
    card: SuiteCard
    """Description, prompt, sections, published number of samples, source, default metrics."""

    def question(self, sample: Sample, *, follow_links: bool = False) -> Question:
        """What an adapter may see of a sample: its images as existing files, and no reference or label.

        Raises:
            ImageError: an image is missing, or lies outside the image root (also through a link, unless followed).
        """
        from benchmarks.images import resolve_images

        images = resolve_images(sample.images, self.image_root, follow_links=follow_links)
        metadata = {key: value for key, value in sample.fields.items() if key not in HIDDEN_KEYS}
        return Question(sample.question_id, sample.text, images, metadata)


def load_suite(
    name_or_path: str | Path,
    *,
    data: str | Path | None = None,
    image_root: str | Path | None = None,
    limit: int | None = None,
) -> Suite:
    """Load a suite by its name, or any suite file by its path (an existing file wins over a name).

    Args:
        name_or_path: one of `list_suites()`, or a `.jsonl`, `.csv` or `.parquet` file.
        data: the file of a named suite whose data cannot be shipped.
        image_root: the folder that image paths are relative to; None: the file's own folder.
        limit: keep the first so many samples; the whole file is checked all the same.

    Raises:
        UnknownNameError: neither a file nor a suite's name.
        SuiteError: the suite has no file here, or its file cannot be used (names file and line).
    """
    card, path = _locate(name_or_path, data)
    if not is_folder_name(card.name):
        what = f"{card.name!r}, its name without the ending, cannot be the name of a folder of runs"
        raise SuiteError(what, where=path, hint="rename it")
    root = path.parent if image_root is None else Path(image_root).expanduser()
    if not root.is_dir():
        raise SuiteError("no such folder", where=f"image root {root}", hint="give the folder of the images")
    if limit is not None and limit < 1:
        raise InputError(f"the limit must be at least 1, not {limit}", where="--limit", hint="leave it out to take all")
    samples = read_samples(path)
    return Suite(card.name, tuple(samples[:limit]), path, root, sha256_file(path), card)


def _locate(name_or_path: str | Path, data: str | Path | None) -> tuple[SuiteCard, Path]:
    """The card and the file of what the user asked for."""
    path = Path(name_or_path).expanduser()
    name = str(name_or_path)
    if data is not None:
        if name not in suite_names() and path.is_file():
            raise SuiteError(
                "a suite file and a data file were given", where=f"{path}, {data}", hint="give the file once"
            )
        card = suite_card(name)
        return dataclasses.replace(card, file=Path(data).expanduser()), Path(data).expanduser()
    if path.is_file():
        return SuiteCard(path.stem, f"the studies of {path}", file=path), path
    if name not in suite_names() and (path.is_dir() or path.suffix.lower() in SUITE_ENDINGS or len(path.parts) > 1):
        what = "is a folder, not a suite file" if path.is_dir() else "no such suite file"
        raise SuiteError(
            what, where=path, hint=f"give one of {', '.join(SUITE_ENDINGS)}, or one of `libra-bench suites`"
        )
    card = suite_card(name)
    if card.file is None:
        raise SuiteError(
            f"suite {name!r} needs its file, which cannot be shipped",
            where=f"--suite {name}",
            hint=f"{card.source or 'get it from its authors'}; then pass `--data FILE --image-root DIR`",
        )
    return card, card.file


def read_samples(path: Path, *, prompts_required: bool = True) -> list[Sample]:
    """Read and check every sample of a suite file.

    Args:
        path: a JSON-lines, CSV or Parquet file.
        prompts_required: False for files that only hold references to score against.

    Raises:
        InputError: the file cannot be read. SuiteError: a sample is not as it must be; names file and line.
    """
    samples = []
    places: dict[str, str] = {}
    for place, row in read_rows(path):
        sample = sample_of(row, place, prompts_required=prompts_required)
        check_unique(sample.question_id, place, places)
        samples.append(sample)
    if not samples:
        raise SuiteError("holds no samples", where=path, hint="give a file with at least one line")
    return samples


def check_unique(question_id: QuestionId, place: str, places: dict[str, str]) -> None:
    """Note where an id occurs; 17 and "17" are one id, since CSV cannot tell them apart.

    Raises:
        SuiteError: it has occurred before; names both places.
    """
    first = places.setdefault(str(question_id), place)
    if first != place:
        raise SuiteError(
            f"duplicate question_id {question_id!r}, first at {first}", where=place, hint="make ids unique"
        )


def question_id_of(row: Mapping[str, Any], place: str) -> QuestionId:
    """The id of a row, as it is typed there.

    Raises:
        SuiteError: there is none, or it is neither a whole number nor a text.
    """
    question_id = row.get("question_id")
    if question_id is None or question_id == "":
        raise SuiteError("missing question_id", where=place, hint="give every line a unique question_id")
    if isinstance(question_id, bool) or not isinstance(question_id, int | str):
        raise _wrong_type("question_id", question_id, "a whole number or a text", place)
    return question_id


def sample_of(row: Mapping[str, Any], place: str, *, prompts_required: bool = True) -> Sample:
    """One row of a suite as a Sample.

    Raises:
        SuiteError: it is not as a sample must be; names the place.
    """
    question_id = question_id_of(row, place)
    present = {key: value for key, value in row.items() if value is not None}
    text = present.get("text", "")
    if not isinstance(text, str):
        raise _wrong_type("text", text, "a text", place)
    if prompts_required and not text.strip():
        raise SuiteError("the prompt (text) is empty", where=place, hint="give every sample a prompt under `text`")
    images = _texts("image", present.get("image", ""), place)
    images = () if images == ("",) else images
    if len(images) > 2:
        raise SuiteError(f"{len(images)} images, at most two are possible", where=place, hint="give [current, prior]")
    if "" in images:
        raise SuiteError("an image path is empty", where=place, hint="leave the image out, or name its file")
    reference_key = next((key for key in REFERENCE_KEYS if key in present), None)
    references = () if reference_key is None else _texts(reference_key, present[reference_key], place)
    labels = present.get("labels")
    if labels is not None and not isinstance(labels, list):
        raise _wrong_type("labels", labels, "a list of texts", place)
    subject = present.get("subject_id")
    if subject is not None and (isinstance(subject, bool) or not isinstance(subject, int | float | str)):
        raise _wrong_type("subject_id", subject, "a number or a text", place)
    for key in TEXT_FIELDS & present.keys():
        if not isinstance(present[key], str):
            raise _wrong_type(key, present[key], "a text", place)
    used = {"question_id", "image", "text", "labels", reference_key}
    return Sample(
        question_id=question_id,
        images=images,
        text=text,
        references=references,
        labels=None if labels is None else _texts("labels", labels, place),
        fields={key: value for key, value in row.items() if key not in used},
    )


def _texts(key: str, value: Any, place: str) -> tuple[str, ...]:
    """A text or a list of texts, as a tuple."""
    values: Iterable[Any] = value if isinstance(value, list) else (value,)
    texts = tuple(values)
    for item in texts:
        if not isinstance(item, str):
            raise _wrong_type(key, item, "a text or a list of texts", place)
    return texts


def _wrong_type(key: str, value: Any, expected: str, place: str) -> SuiteError:
    found = {
        "NoneType": "null",
        "bool": "true/false",
        "int": "a number",
        "float": "a number",
        "str": "a text",
        "list": "a list",
        "dict": "an object",
    }
    name = type(value).__name__
    return SuiteError(
        f"{key} is {found.get(name, f'a {name}')}, not {expected}", where=place, hint=f"make it {expected}"
    )
