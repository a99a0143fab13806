"""Write a built suite or training file: its images found and checked, its counts beside the published ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from benchmarks.errors import InputError
from benchmarks.prepare.output import Built, image_paths, write_samples
from benchmarks.wording import first_few


@dataclass(slots=True)
class BuildReport:
    """What was built."""

    task: str
    out: str
    image_root: str
    samples: int = 0
    with_prior: int = 0
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
) -> BuildReport:
    """Write the samples and fill in the report.

    Args:
        samples: as they are generated; the report's steps are filled on the way.
        out: `.jsonl` or `.json`.
        report: with task, image root and published number.
        ending: of every image file (".dcm"); None: as the samples have it.
        allow_absent_images: write although images are missing (they are on another machine).

    Raises:
        InputError: there are no samples, or images are absent; nothing is written then.
    """
    report.samples = write_samples(_finished(samples, report, ending, allow_absent_images), out)
    return report


def _finished(samples: Iterable[Built], report: BuildReport, ending: str | None, allow_absent: bool) -> Iterator[Built]:
    root, absent, seen, count = Path(report.image_root), [], set(), 0
    for sample in samples:
        if ending is not None:
            sample["image"] = _with_ending(sample["image"], ending)
        for image in image_paths(sample):
            if image not in seen:
                seen.add(image)
                if not (root / image).is_file():
                    absent.append(image)
        count += 1
        report.with_prior += bool(sample["has_prior"])
        yield sample
    if not count:
        steps = ", ".join(f"{name} {number:,}" for name, number in report.steps.items())
        raise InputError(f"no samples ({steps})", where=report.task, hint="check split, sections and files")
    report.absent_images = len(absent)
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
