"""Write a built suite or training file: its images found and checked, its counts beside the published ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path, PurePosixPath

from benchmarks.catalog import SuiteCard, suite_card
from benchmarks.errors import InputError
from benchmarks.files import sha256_file
from benchmarks.prepare.output import Built, image_paths, is_training, write_samples
from benchmarks.records.data_card import DataCard, SourceFile, write_card
from benchmarks.wording import first_few


@dataclass(slots=True)
class BuildReport:
    """What was built."""

    task: str
    out: str
    image_root: str
    suite: str = ""
    """Its name in the catalogue; empty: it has none."""
    sources: tuple[str, ...] = ()
    """The files that it is built from."""
    samples: int = 0
    with_prior: int = 0
    with_lateral: int = 0
    patients: int = 0
    fields: dict[str, int] = field(default_factory=dict)
    """Field -> how many samples have it."""
    published: int | None = None
    """The published number of samples of the same split; None: unknown."""
    steps: dict[str, int] = field(default_factory=dict)
    """What was left after each step of the selection."""
    notes: list[str] = field(default_factory=list)
    absent_images: int = 0


def write_built(
    samples: Iterable[Built],
    out: Path,
    report: BuildReport,
    *,
    ending: str | None = None,
    allow_absent_images: bool = False,
    remarks: Callable[[], Iterable[str]] = tuple,
) -> BuildReport:
    """Write the samples, and beside a suite its data card; and fill in the report.

    Args:
        samples: as they are generated; the report's steps are filled on the way.
        out: `.jsonl` or `.json`.
        report: with task, image root and published number.
        ending: of every image file (".dcm"); None: as the samples have it.
        allow_absent_images: write although images are missing (they are on another machine).
        remarks: further notes, known once the samples are written.

    Raises:
        InputError: there are no samples, two have the same id, or images are absent; nothing is written then.
    """
    report.samples = write_samples(_finished(samples, report, ending, allow_absent_images), out)
    report.notes += remarks()
    if not is_training(out):
        write_card(out, data_card(report, out))
    return report


def data_card(report: BuildReport, out: Path) -> DataCard:
    """The card of a suite that was built."""
    known = suite_card(report.suite) if report.suite else SuiteCard(out.stem, f"the studies of {out.name}")
    return DataCard(
        suite=known.name,
        description=known.description,
        homepage=known.homepage,
        licence=known.licence,
        how=report.task,
        n=report.samples,
        with_prior=report.with_prior,
        with_lateral=report.with_lateral,
        patients=report.patients,
        published=report.published,
        fields=report.fields,
        steps=report.steps,
        notes=tuple(report.notes),
        sources=tuple(_source(Path(source)) for source in report.sources),
        built_with=f"libra-bench {version('libra-bench')}",
        sha256=sha256_file(out),
    )


def _source(path: Path) -> SourceFile:
    if path.is_dir():
        return SourceFile(name=path.name, sha256=None)
    return SourceFile(name=path.name, sha256=sha256_file(path), bytes=path.stat().st_size)


def _finished(samples: Iterable[Built], report: BuildReport, ending: str | None, allow_absent: bool) -> Iterator[Built]:
    root, absent, seen, count = Path(report.image_root), [], set(), 0
    ids, patients, fields = set(), set(), Counter[str]()
    for sample in samples:
        if (name := str(sample["question_id"])) in ids:
            raise InputError(f"the id {name} occurs twice", where=report.task, hint="check the files for repeated rows")
        ids.add(name)
        patients.add(sample.get("subject_id"))
        fields.update(key for key, value in sample.items() if value not in ("", None))
        if ending is not None:
            sample["image"] = _with_ending(sample["image"], ending)
        for image in image_paths(sample):
            if image not in seen:
                seen.add(image)
                if not (root / image).is_file():
                    absent.append(image)
        count += 1
        report.with_prior += bool(sample["has_prior"])
        report.with_lateral += isinstance(sample["image"], dict)
        yield sample
    if not count:
        steps = ", ".join(f"{name} {number:,}" for name, number in report.steps.items())
        raise InputError(f"no samples ({steps})", where=report.task, hint="check split, sections and files")
    report.absent_images = len(absent)
    report.patients, report.fields = len(patients - {None}), dict(fields)
    if absent and not allow_absent:
        raise InputError(
            f"{len(absent):,} of {len(seen):,} images are not there ({first_few(absent)})",
            where=root,
            hint="give --image-root, or pass --allow-absent-images to write the file anyway",
        )


def _with_ending(images: list[str] | dict[str, str], ending: str) -> list[str] | dict[str, str]:
    if isinstance(images, dict):
        return {role: str(PurePosixPath(image).with_suffix(ending)) for role, image in images.items()}
    return [str(PurePosixPath(image).with_suffix(ending)) for image in images]
