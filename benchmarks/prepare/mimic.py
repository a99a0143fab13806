"""Find the files of MIMIC-CXR below a folder, and join its metadata, splits and prior images into one table."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from benchmarks.errors import InputError
from benchmarks.prepare.frames import read_frame
from benchmarks.prepare.image_root import find_image_root
from benchmarks.prepare.priors import PriorCounts, Rule, add_priors
from benchmarks.wording import first_few

if TYPE_CHECKING:
    import pandas as pd

Split: TypeAlias = Literal["train", "validate", "test"]
SPLITS: tuple[Split, ...] = ("train", "validate", "test")
METADATA = ("mimic-cxr-*-metadata.csv.gz", "mimic-cxr-*-metadata.csv")
_GROUP = re.compile(r"p1\d")


@dataclass(frozen=True, slots=True)
class MimicFolder:
    """Where to look; a path that is given wins over what is found below the root."""

    root: Path
    metadata: Path | None = None
    splits: Path | None = None
    reports: Path | None = None
    image_root: Path | None = None

    def metadata_file(self) -> Path:
        """`mimic-cxr-2.0.0-metadata.csv.gz`."""
        return self.metadata or self.find(METADATA, "--metadata")

    def splits_file(self) -> Path:
        """`mimic-cxr-2.0.0-split.csv.gz`."""
        return self.splits or self.find(("mimic-cxr-*-split.csv.gz", "mimic-cxr-*-split.csv"), "--split-file")

    def reports_source(self) -> Path:
        """`mimic-cxr-reports.zip`, or the folder it was unpacked to."""
        if self.reports is not None:
            return self.reports
        if (archive := self.find_any(("mimic-cxr-reports.zip",))) is not None:
            return archive
        for folder in self._group_folders():
            patients = (patient for group in sorted(folder.glob("p1?")) for patient in islice(group.glob("p*"), 20))
            if any(next(patient.glob("s*.txt"), None) for patient in patients):
                return folder
        raise InputError(
            "no reports found (mimic-cxr-reports.zip or files/p10/p10000032/s50414267.txt)",
            where=self.root,
            hint="give --reports or --sections",
        )

    def find(self, patterns: Sequence[str], flag: str) -> Path:
        """The only file below the root whose name (or end of path) matches; the first pattern that matches wins.

        Raises:
            InputError: there is none, or there are several.
        """
        found = self.find_any(patterns)
        if found is None:
            raise InputError(f"no {patterns[0]} found below it", where=self.root, hint=f"give {flag}")
        return found

    def find_any(self, patterns: Sequence[str]) -> Path | None:
        """As `find`, but None where there is none."""
        if not self.root.is_dir():
            raise InputError("no such folder", where=self.root, hint="give the folder MIMIC-CXR was downloaded to")
        files = [Path(parent) / name for parent, names in self._walk() for name in sorted(names)]
        for pattern in patterns:
            matches = [path for path in files if fnmatch("/" + path.relative_to(self.root).as_posix(), "*/" + pattern)]
            if len(matches) > 1:
                raise InputError(
                    f"{len(matches)} files match {pattern} ({first_few(matches)})", where=self.root, hint="name one"
                )
            if matches:
                return matches[0]
        return None

    def _walk(self) -> Iterator[tuple[str, list[str]]]:
        """Every folder above the patient groups (p10 ... p19), with its files; links are followed, each once."""
        seen = set()
        for parent, folders, files in os.walk(self.root, followlinks=True):
            if (real := os.path.realpath(parent)) in seen:
                folders.clear()
                continue
            seen.add(real)
            folders[:] = sorted(name for name in folders if not _GROUP.fullmatch(name))
            yield parent, files

    def _group_folders(self) -> list[Path]:
        """Every folder that holds patient groups."""
        return [Path(parent) for parent, _ in self._walk() if any(Path(parent).glob("p1[0-9]"))]

    def locate_images(self, images: Sequence[str]) -> tuple[Path, str]:
        """The folder that image paths are relative to, and the ending that the images have there.

        Args:
            images: paths as `files/p10/...`; the first fifty are looked for.
        """
        roots = [self.image_root] if self.image_root else [folder.parent for folder in self._group_folders()]
        return find_image_root(roots, images, self.root)


@dataclass(slots=True)
class MimicImages:
    """The images of MIMIC-CXR: one row per image, sorted by patient, date and time."""

    table: pd.DataFrame
    """subject_id, study_id, dicom_id, ViewPosition, image, prior_image, split; all text."""
    priors: PriorCounts
    notes: list[str] = field(default_factory=list)

    def of_split(self, split: Split) -> pd.DataFrame:
        """The rows of one split."""
        return self.table[self.table["split"] == split]


def read_images(folder: MimicFolder, *, rule: Rule = "published") -> MimicImages:
    """Join metadata and splits, and add the prior images (over the whole metadata, before any selection).

    Raises:
        InputError: a file or column is missing, or the split file does not belong to the metadata.
    """
    metadata_file, splits_file = folder.metadata_file(), folder.splits_file()
    metadata = read_frame(metadata_file, ["dicom_id", "subject_id", "study_id", "ViewPosition"])
    table, priors = add_priors(metadata, rule, where=metadata_file)
    splits = read_frame(splits_file, ["dicom_id", "split"])
    strange = sorted(set(splits["split"]) - set(SPLITS))
    if strange:
        raise InputError(f"unknown split {strange[0]!r}", where=splits_file, hint=f"expected {', '.join(SPLITS)}")
    split_of = dict(zip(splits["dicom_id"], splits["split"], strict=True))
    table = table.assign(split=[split_of.get(dicom, "") for dicom in table["dicom_id"]])
    without = table.loc[table["split"] == "", "dicom_id"]
    if len(without):
        raise InputError(
            f"{len(without)} of {len(table)} images of {metadata_file.name} have no split ({first_few([*without])})",
            where=splits_file,
            hint="give the split file of the same release",
        )
    images = MimicImages(table, priors)
    surplus = len(split_of) - len(table)
    if surplus:
        images.notes.append(f"{surplus:,} images of the split file are not in the metadata: a part of the data set?")
    return images


def absent_images(image_root: Path, paths: Iterable[str]) -> list[str]:
    """The images that are not there, each once, in order."""
    return [path for path in dict.fromkeys(paths) if not (image_root / path).is_file()]
