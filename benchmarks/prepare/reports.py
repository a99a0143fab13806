"""The reports of MIMIC-CXR, from their folder or straight from the zip, cut in parallel and written as one table."""

from __future__ import annotations

import csv
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass, field
from multiprocessing import get_context
from os import walk
from pathlib import Path, PurePosixPath
from typing import Any

from benchmarks.errors import InputError, LibraBenchError
from benchmarks.prepare.output import open_table
from benchmarks.prepare.section_rules import COLUMNS
from benchmarks.prepare.sections import SectionedReport, section_report

_CHUNK = 500
"""Reports that a worker takes at a time; fewer than four times as many are cut in this process."""

Progress = Callable[[int, int], None]
"""Called with (done, all)."""


@dataclass(slots=True)
class ReportCounts:
    """What was found while cutting reports: numbers and study ids, never text."""

    reports: int = 0
    by_hand: int = 0
    """Studies that the rules cut by hand: they have no sections."""
    without_sections: int = 0
    filled: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COLUMNS, 0))
    """Reports that have a text under each section."""
    other_encoding: list[str] = field(default_factory=list)
    """Studies that are not UTF-8 and were read as Windows-1252."""


def find_reports(source: Path) -> dict[str, str]:
    """Every report of a folder or zip: study -> path inside it, sorted by group, patient and study.

    A report is a file `s<study>.txt` at any depth; the folders of studies (which hold images) are not looked into.

    Raises:
        InputError: there is nothing to read, the zip is broken, or a study occurs twice.
    """
    if source.is_dir():
        paths = [str(path) for path in _walk(source)]
    elif source.is_file():
        paths = _zip_names(source)
    else:
        raise InputError("no such file or folder", where=source, hint="give the folder of reports or the zip")
    found: dict[str, str] = {}
    for path in sorted(paths, key=lambda name: PurePosixPath(name).parts):
        name = PurePosixPath(path).name
        if name.startswith("s") and name.endswith(".txt"):
            study = name.removesuffix(".txt")
            if study in found:
                raise InputError(
                    f"study {study} occurs twice: {found[study]} and {path}",
                    where=source,
                    hint="remove one of them or give the folder of one",
                )
            found[study] = path
    if not found:
        raise InputError(
            "no reports here", where=source, hint="give the folder (or zip) that holds p10/p10000032/s50414267.txt"
        )
    return found


def _walk(folder: Path) -> Iterator[PurePosixPath]:
    for parent, folders, files in walk(folder):
        folders[:] = [name for name in folders if not (name.startswith("s") and name[1:].isdigit())]
        relative = PurePosixPath(Path(parent).relative_to(folder).as_posix())
        yield from (relative / name for name in files)


def _zip_names(source: Path) -> list[str]:
    try:
        with zipfile.ZipFile(source) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(f"not a readable zip ({error})", where=source, hint="download it again") from error


def decode_report(data: bytes) -> tuple[str, bool]:
    """The text of a report with plain newlines, and whether it was other than UTF-8.

    UTF-8 and UTF-16 with a byte-order mark are known by it; what is not UTF-8 is read as Windows-1252, in which every
    western hospital system writes.
    """
    other = False
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        other = True
        text = data.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n"), other


def cut_reports(
    source: Path,
    *,
    studies: Collection[str] | None = None,
    workers: int = 1,
    progress: Progress | None = None,
    counts: ReportCounts | None = None,
) -> Iterator[SectionedReport]:
    """Cut the reports of a folder or zip, in the order of `find_reports`.

    Args:
        source: folder or zip.
        studies: only these ("s50414267"); None: all.
        workers: processes; with more than one the calling script must be importable.
        progress: called now and then.
        counts: filled on the way.
    """
    counts = counts if counts is not None else ReportCounts()
    found = find_reports(source)
    if studies is not None:
        wanted = set(studies)
        found = {study: path for study, path in found.items() if study in wanted}
    jobs = list(found.items())
    for report, other in _cut_all(source, jobs, workers):
        _count(report, other, counts)
        if progress is not None and (counts.reports % 100 == 0 or counts.reports == len(jobs)):
            progress(counts.reports, len(jobs))
        yield report


def _cut_all(source: Path, jobs: list[tuple[str, str]], workers: int) -> Iterator[tuple[SectionedReport, bool]]:
    chunks = [jobs[start : start + _CHUNK] for start in range(0, len(jobs), _CHUNK)]
    if workers <= 1 or len(chunks) < 4:
        reader = _Reader(source)
        yield from (reader.cut(job) for job in jobs)
        return
    try:
        # spawn: a progress bar's thread must not be forked
        with ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, (source,)) as pool:
            for cut in pool.map(_cut_chunk, chunks):
                yield from cut
    except BrokenProcessPool as error:
        raise LibraBenchError(
            "a worker process ended early", where=source, hint="try again with --workers 1"
        ) from error


class _Reader:
    """Reads single reports; a zip is opened once."""

    def __init__(self, source: Path) -> None:
        self.source = source
        self.archive = None if source.is_dir() else zipfile.ZipFile(source)

    def cut(self, job: tuple[str, str]) -> tuple[SectionedReport, bool]:
        study, path = job
        try:
            data = (self.source / path).read_bytes() if self.archive is None else self.archive.read(path)
        except (OSError, RuntimeError, zlib.error, zipfile.BadZipFile) as error:  # RuntimeError: encrypted
            raise InputError(f"report {path} cannot be read ({error})", where=self.source) from error
        text, other = decode_report(data)
        return section_report(study, text), other


_worker: _Reader


def _start_worker(source: Path) -> None:
    global _worker
    _worker = _Reader(source)


def _cut_chunk(jobs: list[tuple[str, str]]) -> list[tuple[SectionedReport, bool]]:
    return [_worker.cut(job) for job in jobs]


def _count(report: SectionedReport, other: bool, counts: ReportCounts) -> None:
    counts.reports += 1
    if other:
        counts.other_encoding.append(report.study)
    if report.sections is None:
        counts.by_hand += 1
        return
    for column, section in zip(COLUMNS, report.sections, strict=True):
        counts.filled[column] += bool(section)
    counts.without_sections += not any(report.sections)


def write_sections(reports: Iterable[SectionedReport], out: Path, *, conclusions: Path | None = None) -> None:
    """Write `study` and one column per section as CSV; studies cut by hand have no row there.

    Args:
        reports: what to write, in this order.
        out: the table of sections, with a header.
        conclusions: also write (study, conclusion) of every study here, without a header: what label extractors read.
    """
    with ExitStack() as files:
        sections = _writer(files, out)
        sections.writerow(("study", *COLUMNS))
        concluding = _writer(files, conclusions) if conclusions is not None else None
        for report in reports:
            if report.sections is not None:
                sections.writerow((report.study, *report.sections))
            if concluding is not None:
                concluding.writerow((report.study, report.conclusion))


def _writer(files: ExitStack, path: Path) -> Any:
    return csv.writer(files.enter_context(open_table(path)))
