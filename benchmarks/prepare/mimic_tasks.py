"""Build any of the MIMIC-CXR tasks: the files found, joined, selected and written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from benchmarks.catalog import FINDINGS_PROMPT, IMPRESSION_PROMPT, suite_card
from benchmarks.errors import InputError
from benchmarks.prepare.build import BuildReport, write_built
from benchmarks.prepare.choices import one_of
from benchmarks.prepare.frames import read_frame
from benchmarks.prepare.mimic import METADATA, MimicFolder, MimicImages, Split, read_images
from benchmarks.prepare.mimic_reports import (
    Section,
    Sections,
    report_samples,
    sections_from_reports,
    sections_from_table,
)
from benchmarks.prepare.mimic_vqa import diff_vqa_samples, find_diff_vqa, find_vqa, vqa_samples
from benchmarks.prepare.output import Built, image_paths, is_training
from benchmarks.prepare.priors import Rule
from benchmarks.prepare.reports import Progress, ReportCounts
from benchmarks.wording import first_few

TASKS = ("findings", "impressions", "vqa", "diff-vqa")
ALIGNMENT = "alignment"
MIMIC_IMAGES = 377_110
"""Images of the whole data set, by its documentation."""
_SECTION: dict[str, Section] = {"findings": "findings", "impressions": "impression"}
_PROMPT = {"findings": FINDINGS_PROMPT, "impressions": IMPRESSION_PROMPT}


@dataclass(frozen=True, slots=True)
class MimicChoice:
    """What to build from MIMIC-CXR, and how."""

    folder: MimicFolder
    split: Split
    rule: Rule = "published"
    sections: Path | None = None
    """A table of sections; None: cut the reports."""
    vqa_source: Path | None = None
    diff_source: Path | None = None
    all_views: bool = False
    laterals: bool = False
    """Name the lateral images beside the frontal ones."""
    context: bool = True
    prompt: str | None = None
    tasks: tuple[str, ...] = TASKS
    """What an alignment file mixes."""
    workers: int = 1


def build_mimic(
    task: str, choice: MimicChoice, out: Path, *, allow_absent_images: bool = False, progress: Progress | None = None
) -> BuildReport:
    """Build one task, or the alignment mixture, into `out`.

    Args:
        task: one of TASKS, or "alignment".
        choice: from what, and how.
        out: `.jsonl` or, for training data, `.json`.
        allow_absent_images: see `write_built`.
        progress: called while reports are cut.

    Raises:
        InputError: a file is missing or unusable, or nothing is left.
    """
    if not is_training(out) and task == ALIGNMENT:
        raise InputError("alignment data are for training", where=out, hint="end the output in .json")
    mixed = choice.tasks if task == ALIGNMENT else (task,)
    for name in mixed:
        one_of("task", name, TASKS)
    tasks = _Tasks(choice, progress)
    report = BuildReport(f"{task} ({choice.split})", str(out), image_root="", suite=task if task in TASKS else "")
    if task in TASKS and choice.split == "test" and not choice.all_views:
        report.published = suite_card(task).published_samples
    steps: dict[str, dict[str, int]] = {name: {} for name in mixed}
    if task != ALIGNMENT:
        report.steps = steps[task]
    samples = tasks.mixture(steps) if task == ALIGNMENT else tasks.samples(task, report.steps)
    first = list(islice(samples, 50))
    root, ending = choice.folder.locate_images([image for sample in first for image in image_paths(sample)])
    report.image_root = str(root)
    report.sources = tuple(map(str, dict.fromkeys(tasks.sources)))

    def remarks() -> Iterator[str]:
        if "impressions" in mixed and choice.prompt is None:
            yield f"the published prompt of the impressions is unknown; ours: {IMPRESSION_PROMPT!r}"
        if report.published is not None and report.samples != report.published:
            yield _difference(report, report.published, len(tasks.images().table), tasks.counts.by_hand)
        yield from tasks.notes()

    write_built(
        chain(first, samples), out, report, ending=ending, allow_absent_images=allow_absent_images, remarks=remarks
    )
    if task == ALIGNMENT:
        report.steps = {f"{name}: {step}": number for name in mixed for step, number in steps[name].items()}
    return report


def _difference(report: BuildReport, published: int, images: int, by_hand: int) -> str:
    """Why there are more or fewer samples than were published, as far as the files tell."""
    frontal, sectioned, kept = list(report.steps.values())[-3:]
    part = "all" if images == MIMIC_IMAGES else f"{images:,} of"
    return (
        f"{report.samples - published:+,} samples against the published {published:,}: the metadata list {part} "
        f"MIMIC-CXR's {MIMIC_IMAGES:,} images; of the split's {frontal:,} frontal ones, {frontal - sectioned:,} have "
        f"no report or none with sections ({by_hand} of the studies are cut by hand in the published rules) and "
        f"{sectioned - kept:,} have a report without this section"
    )


@dataclass(slots=True)
class _Tasks:
    """The samples of each task; what several of them need is read once."""

    choice: MimicChoice
    progress: Progress | None
    counts: ReportCounts = field(default_factory=ReportCounts)
    sources: list[Path] = field(default_factory=list)
    """The files that were read so far."""
    _images: MimicImages | None = None
    _cut: Sections | None = None

    def images(self) -> MimicImages:
        """The joined table of images."""
        if self._images is None:
            folder = self.choice.folder
            self._images = read_images(folder, rule=self.choice.rule)
            self.sources += [folder.metadata_file(), folder.splits_file()]
        return self._images

    def samples(self, task: str, steps: dict[str, int]) -> Iterator[Built]:
        """The samples of one task."""
        choice = self.choice
        if task == "vqa":
            source = choice.vqa_source or find_vqa(choice.folder, choice.split)
            self.sources.append(source)
            yield from vqa_samples(source, choice.split, self._views(), steps=steps)
        elif task == "diff-vqa":
            source = choice.diff_source or find_diff_vqa(choice.folder)
            self.sources += [source, choice.folder.metadata_file()]
            metadata = read_frame(choice.folder.metadata_file(), ["subject_id", "study_id", "dicom_id", "ViewPosition"])
            yield from diff_vqa_samples(source, choice.split, metadata, steps=steps)
        else:
            yield from report_samples(
                self.images().of_split(choice.split),
                self._sections(),
                _SECTION[task],
                prompt=choice.prompt or _PROMPT[task],
                steps=steps,
                context=choice.context,
                all_views=choice.all_views,
                laterals=choice.laterals,
            )

    def mixture(self, steps: dict[str, dict[str, int]]) -> Iterator[Built]:
        """The samples of several tasks, one task after the other, with ids that say which."""
        for task, of_task in steps.items():
            for sample in self.samples(task, of_task):
                prefix = f"{task}-" if task in _SECTION else ""
                yield sample | {"question_id": f"{prefix}{sample['question_id']}", "task": task}

    def notes(self) -> list[str]:
        """What is worth saying about the inputs."""
        notes = list(self._images.notes) if self._images else []
        if self.counts.by_hand:
            notes.append(f"{self.counts.by_hand} studies were cut by hand in the published rules: no sections")
        if odd := self.counts.other_encoding:
            notes.append(f"{len(odd):,} reports are not UTF-8 and were read as Windows-1252: {first_few(odd)}")
        return notes

    def _views(self) -> dict[str, str]:
        path = self.choice.folder.metadata or self.choice.folder.find_any(METADATA)
        if path is None:
            return {}
        metadata = read_frame(path, ["dicom_id", "ViewPosition"])
        return dict(zip(metadata["dicom_id"], metadata["ViewPosition"], strict=True))

    def _sections(self) -> Sections:
        if self._cut is None:
            studies = {f"s{study}" for study in self.images().of_split(self.choice.split)["study_id"]}
            source = self.choice.sections or self.choice.folder.reports_source()
            self.sources.append(source)
            if self.choice.sections is not None:
                self._cut = sections_from_table(source, studies)
            else:
                self._cut = sections_from_reports(
                    source,
                    studies,
                    workers=self.choice.workers,
                    progress=self.progress,
                    counts=self.counts,
                )
        return self._cut
