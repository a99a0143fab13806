"""Suites: a file of studies becomes Samples, a Sample becomes the Question that an adapter sees."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.catalog import SuiteCard, list_suites, suite_card, suite_names
from benchmarks.errors import InputError, SuiteError
from benchmarks.files import is_folder_name, sha256_file
from benchmarks.files.stored import stored
from benchmarks.schema import HIDDEN_KEYS, Question, Sample
from benchmarks.suites.folders import suite_of_folder
from benchmarks.suites.rows import check_unique, question_id_of, sample_of
from benchmarks.tables import read_rows

if TYPE_CHECKING:
    from benchmarks.images import ImageFinder

__all__ = [
    "Suite",
    "SuiteCard",
    "check_unique",
    "list_suites",
    "load_suite",
    "question_id_of",
    "read_samples",
    "sample_of",
]

BARE_REFERENCE = "reference"
"""The column of a reference that is a text alone."""
SUITE_ENDINGS = (".jsonl", ".csv", ".parquet")


@dataclass(frozen=True, slots=True)
class Suite:
    """The studies of a run, and where they come from."""

    name: str
    """The suite's name, or the stem of its file."""
    samples: Sequence[Sample]
    """In the order of the file; never empty."""
    path: Path
    image_root: Path
    """The folder that image paths are relative to."""
    sha256: str
    """Of the whole file's bytes, whatever the limit."""
    card: SuiteCard
    """Description, prompt, sections, published number of samples, source, default metrics."""
    note: str = ""
    """What was made of a folder, and by which rule."""

    def question(self, sample: Sample, *, follow_links: bool = False) -> Question:
        """What an adapter may see of a sample: its images as existing files, and no reference or label.

        Raises:
            ImageError: an image is missing, or lies outside the image root (also through a link, unless followed).
        """
        from benchmarks.images import ImageFinder

        self.check_images(sample, ImageFinder(self.image_root, follow_links=follow_links))
        return self.checked_question(sample)

    def check_images(self, sample: Sample, finder: ImageFinder) -> None:
        """Look a sample's images up.

        Raises:
            ImageError: as `question`.
        """
        finder.find([*sample.laterals.values()])
        finder.find(sample.images)

    def checked_question(self, sample: Sample) -> Question:
        """As `question`, for a sample whose images were looked up before."""

        def file(name: str) -> Path:
            return self.image_root / os.path.normpath(name)

        laterals = {role: file(name) for role, name in sample.laterals.items()}
        metadata = {key: value for key, value in sample.fields.items() if key not in HIDDEN_KEYS}
        return Question(sample.question_id, sample.text, tuple(map(file, sample.images)), metadata, laterals)


WITH_DATA = "pass `--data FILE --image-root DIR`"
"""What a command that takes a suite needs, where its data cannot be shipped."""


def load_suite(
    name_or_path: str | Path,
    *,
    data: str | Path | None = None,
    image_root: str | Path | None = None,
    limit: int | None = None,
    prompt: str = "",
) -> Suite:
    """Load a suite by its name, or any suite file by its path (an existing file wins over a name).

    Args:
        name_or_path: one of `list_suites()`; a `.jsonl`, `.csv` or `.parquet` file; a folder of images, or of a Hugging
            Face dataset (`folders`).
        data: the file of a named suite whose data cannot be shipped.
        image_root: the folder that image paths are relative to; None: the file's own folder.
        limit: keep the first so many samples; the whole file is checked all the same.
        prompt: what samples without a prompt ask; "": each needs one.

    Raises:
        UnknownNameError: neither a file nor a suite's name.
        SuiteError: the suite has no file here, or its file cannot be used (names file and line).
    """
    card, path = _locate(name_or_path, data)
    note = ""
    if path.is_dir():
        found = suite_of_folder(path)
        path, note = found.file, found.note
        image_root = found.image_root if image_root is None else image_root
    if not is_folder_name(card.name):
        what = f"{card.name!r}, its name without the ending, cannot be the name of a folder of runs"
        raise SuiteError(what, where=path, hint="rename it")
    root = path.parent if image_root is None else Path(image_root).expanduser()
    if not root.is_dir():
        raise SuiteError("no such folder", where=f"image root {root}", hint="give the folder of the images")
    if limit is not None and limit < 1:
        raise InputError(f"the limit must be at least 1, not {limit}", where="--limit", hint="leave it out to take all")
    samples = read_samples(path, prompts_required=not prompt)
    if prompt:
        samples = stored(dataclasses.replace(sample, text=sample.text.strip() or prompt) for sample in samples)
    return Suite(card.name, samples if limit is None else samples[:limit], path, root, sha256_file(path), card, note)


def _locate(name_or_path: str | Path, data: str | Path | None, then: str = WITH_DATA) -> tuple[SuiteCard, Path]:
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
    if name not in suite_names() and path.is_dir():
        return SuiteCard(path.resolve().name, f"the studies of {path}", file=path), path
    if name not in suite_names() and (path.suffix.lower() in SUITE_ENDINGS or len(path.parts) > 1):
        raise SuiteError(
            "no such suite file",
            where=path,
            hint=f"give one of {', '.join(SUITE_ENDINGS)}, or one of `libra-bench suites`",
        )
    card = suite_card(name)
    if card.file is None:
        raise SuiteError(
            "needs its file, which cannot be shipped",
            where=f"suite {name!r}",
            hint=f"{card.source or 'get it from its authors'}; then {then}",
        )
    return card, card.file


def read_references(name_or_path: str | Path) -> Sequence[Sample]:
    """The samples of a suite file, or of a suite that is shipped, to score answers against; none needs a prompt.

    Raises:
        UnknownNameError, SuiteError, InputError: as of `load_suite` and `read_samples`.
    """
    path = Path(name_or_path)
    if not path.exists():
        path = _locate(name_or_path, None, "give its file")[1]
    return read_samples(path, prompts_required=False)


def read_samples(path: Path, *, prompts_required: bool = True) -> Sequence[Sample]:
    """Read and check every sample of a suite file.

    Args:
        path: a file that `read_rows` reads.
        prompts_required: False for files that only hold references to score against: these may be texts alone (one per
            line, or a JSON array), whose number, from 1, is their id.

    Raises:
        InputError: the file cannot be read. SuiteError: a sample is not as it must be; names file and line.
    """
    samples = stored(_samples(path, prompts_required=prompts_required))
    if not samples:
        raise SuiteError("holds no samples", where=path, hint="give a file with at least one line")
    return samples


def _samples(path: Path, *, prompts_required: bool) -> Iterator[Sample]:
    places: dict[str, str] = {}
    for number, (place, row) in enumerate(read_rows(path, bare=BARE_REFERENCE), start=1):
        if not prompts_required and row.keys() == {BARE_REFERENCE}:
            row = {"question_id": number, "reference": row[BARE_REFERENCE]}
        sample = sample_of(row, place, prompts_required=prompts_required)
        check_unique(sample.question_id, place, places)
        yield sample
