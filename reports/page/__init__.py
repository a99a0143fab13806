"""The report: an HTML file with summary, plots and every case, that opens from disk and loads nothing.

Of a large run it loads its cases, when they are looked at, from a folder beside it (`reports.cases.pieces`).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.errors import InputError
from benchmarks.files import atomic_write
from benchmarks.predictions.cleaning import NO_CLEANING, RULES
from benchmarks.records.audit import read_audit
from benchmarks.schema import parts_in_words
from benchmarks.wording import rate_in_words, studies
from reports import plots
from reports.board import Board
from reports.cases import Cases, find_source, refuse_different_studies
from reports.cases.page_cases import PageCases, in_pieces, in_the_page
from reports.cases.pieces import pieces_folder, remove_other_pieces
from reports.cases.thumbnails import PageImages, page_images
from reports.figure import encoded, svg_address
from reports.first_look import first_look
from reports.labels import POINTS
from reports.leaderboard import COUNTS, empty_note
from reports.load import LoadedRun, load
from reports.page.settings import Images, Settings
from reports.without_text import without_text

if TYPE_CHECKING:
    from jinja2 import Environment

    from benchmarks.suites import Suite

TEMPLATES = Path(__file__).parents[1] / "templates"
FILE_NAME = "report.html"
"""In a run folder."""
MAX_CASES_IN_PAGE = 5_000
"""A report of more has its cases in pieces beside it, and its images as links: 60 MB open in a second anywhere."""


@dataclass(frozen=True, slots=True)
class Report:
    """A report that was written."""

    path: Path
    pieces: Path | None
    """The folder of its cases; None: they are in it."""
    n_cases: int
    n_images: int
    n_missing_images: int
    notes: tuple[str, ...]
    """What is not in it, and why."""
    image_root: Path | None = None
    image_names: frozenset[str] = frozenset()
    """The images of its cases, below the root: what a server of the page must serve."""
    follow_links: bool = False


def write_report(
    runs: Sequence[str | Path | LoadedRun],
    path: Path | None = None,
    *,
    images: Images = "auto",
    text: bool = True,
    suite: Path | None = None,
    image_root: Path | None = None,
    follow_links: bool = False,
    one_file: bool = False,
    max_cases_in_page: int = MAX_CASES_IN_PAGE,
    try_page: bool = False,
    on_images: Callable[[int], Callable[[], None]] = lambda total: lambda: None,
    drawn: Callable[[], Mapping[str, Path]] | None = None,
    known: Suite | None = None,
) -> Report:
    """Write the report of one run, or of two runs side by side.

    Args:
        runs: one or two runs of the same studies.
        path: the file; None: `report.html` in the (first) run's folder.
        images: embed thumbnails, link to the image files, ask the page's server for them, or none; auto: thumbnails
            where the cases are in the page, else links.
        text: False leaves out every text, image, path, command and level of a field; ids, scores and counts stay.
        suite: where the suite file is now, if it moved.
        image_root: where the images are now, if they moved.
        follow_links: allow symbolic links that lead out of the image root.
        one_file: have all cases in the page, however many there are.
        max_cases_in_page: more cases than this are written in pieces into a folder beside the page.
        try_page: whether the page's server has a page to try the model.
        on_images: called with the number of images; gives what is called once per image.
        drawn: called last, gives name -> SVG file of the plots that are drawn already (none: the page has none); None:
            draw them.
        known: the runs' suite, where it has been read; None: its file is read.

    Raises:
        InputError: not one or two runs, a run without answers, or runs of different studies.
        StorageError: it cannot be written; an old report stays as it is.
    """
    loaded = [load(run) for run in runs]
    if len(loaded) not in (1, 2):
        raise InputError(f"a report is of one run or of two, not of {len(loaded)}", hint="give RUN or RUN_A RUN_B")
    refuse_different_studies(loaded)
    path = path or loaded[0].folder / FILE_NAME
    source = find_source(loaded[0], suite=suite, image_root=image_root, known=known)
    if not text:
        loaded = [without_text(run) for run in loaded]
    cases = Cases(loaded, source, text=text)
    in_file = one_file or len(cases.ids) <= max_cases_in_page
    names = cases.image_names if images != "none" and source.image_root is not None else []
    on_image = on_images(len(names)) if names else lambda: None

    def show(some: Sequence[str]) -> PageImages:
        if not names or source.image_root is None:
            return PageImages()
        how = ("embed" if in_file else "link") if images == "auto" else images
        return page_images(
            some,
            source.image_root,
            how=how,
            page=path,
            follow_links=follow_links,
            embeds_others=images != "auto",
            on_image=on_image,
        )

    shown = in_the_page(cases, show) if in_file else in_pieces(cases, path, show)
    notes = _notes(loaded, source.problem if text else None, shown, text=text)
    if images == "auto" and shown.version and shown.n_images:
        notes.append("The images are links to their files: `libra-bench report --embed-images` makes thumbnails.")
    moved = suite is not None or image_root is not None
    settings = None if moved or len(loaded) > 1 or try_page else Settings(images, text, follow_links, one_file)
    page = _render(loaded, cases, shown, notes, settings, try_page=try_page, drawn=drawn)
    with atomic_write(path, private=True) as stream:
        stream.write(page)
    remove_other_pieces(path, shown.version)
    return Report(
        path=path,
        pieces=pieces_folder(path) / shown.version if shown.version else None,
        n_cases=len(cases.ids),
        n_images=shown.n_images,
        n_missing_images=shown.n_missing,
        notes=tuple(notes),
        image_root=source.image_root,
        image_names=frozenset(names),
        follow_links=follow_links,
    )


def try_model_page(settings: Mapping[str, Any], *, report: bool) -> str:
    """The page that tries a model; its server answers `/describe` and `/preview`.

    Args:
        settings: `model`, `prompt`, `protocols` (name -> decoding in words), `protocol` (the default), `command`,
            the words of the `describe` command up to the images, and `warnings`, what to know of the model.
        report: whether the server has a report, too.
    """
    from markupsafe import Markup

    source = script("try.js")
    return (
        environment()
        .get_template("try.html")
        .render(
            settings=settings,
            report=report,
            css=Markup(script("page.css", "try.css")),  # noqa: S704 - our own files
            script=Markup(source),  # noqa: S704
            script_hash=script_hash(source),
            data=Markup(embedded_json(settings)),  # noqa: S704 - escaped above
        )
    )


def board_page(boards: Sequence[Board]) -> str:
    """The leaderboard as one HTML page."""
    from markupsafe import Markup

    from reports import tables

    return (
        environment()
        .get_template("board.html")
        .render(
            boards=boards,
            tables=tables,
            css=Markup(script("page.css", "board.css")),  # noqa: S704 - our own file
        )
    )


def environment() -> Environment:
    """Where templates come from: everything that is put into one is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def script(*names: str) -> str:
    """Our own JavaScript, from its template files."""
    return "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in names)


def script_hash(source: str) -> str:
    """The script's name in a content security policy: no other script runs on the page."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode() + "'"


def embedded_json(value: Any) -> str:
    """JSON for a `<script type="application/json">`: no text in it can end the element or begin another.

    Any sequence is a list.
    """
    encoded = json.dumps(value, default=list, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        encoded = encoded.replace(character, f"\\u{ord(character):04x}")
    return encoded


def _render(
    runs: Sequence[LoadedRun],
    cases: Cases,
    shown: PageCases,
    notes: Sequence[str],
    settings: Settings | None,
    *,
    try_page: bool,
    drawn: Callable[[], Mapping[str, Path]] | None,
) -> str:
    from markupsafe import Markup

    source = script("diff.js", "cases.js")
    names = " and ".join(run.name for run in runs)
    return (
        environment()
        .get_template("report.html")
        .render(
            title=f"{names} on {runs[0].suite}",
            runs=runs,
            two=len(runs) == 2,
            settings=settings,
            empty_note=empty_note,
            rate_in_words=rate_in_words,
            counts=COUNTS,
            scores=_score_rows(runs),
            points=list(dict.fromkeys(name for run in runs for name in run.reference_points)),
            looks=[(run.name, first_look(run, cases, which)) for which, run in enumerate(runs)],
            point_names=POINTS,
            plots=_plots(runs, drawn),
            notes=notes,
            audit=read_audit(runs[0].folder) if shown.data["text"] else None,
            n_cases=len(cases.ids),
            folder=shown.data["folder"],
            try_page=try_page,
            css=Markup(script("page.css")),  # noqa: S704 - our own files
            script=Markup(source),  # noqa: S704
            script_hash=script_hash(source),
            data=Markup(embedded_json(shown.data)),  # noqa: S704 - escaped above
            images=Markup(embedded_json(shown.images)),  # noqa: S704
        )
    )


def _plots(runs: Sequence[LoadedRun], drawn: Callable[[], Mapping[str, Path]] | None) -> list[tuple[str, str]]:
    """(name, address of the image) of each plot."""
    if drawn is not None:
        return [(name, svg_address(path.read_bytes())) for name, path in drawn().items()]
    return [(name, svg_address(encoded(figure, "svg"))) for name, figure in plots.all_figures(runs).items()]


def _score_rows(runs: Sequence[LoadedRun]) -> list[dict[str, Any]]:
    """A row per key: its direction, each run's entry, the value of each reference point."""
    by_run = [{entry.key: entry for entry in run.entries} for run in runs]
    keys = list(dict.fromkeys(key for by_key in by_run for key in by_key))
    points = {name: values for run in runs for name, values in run.reference_points.items()}
    return [
        {
            "key": key,
            "entries": [by_key.get(key) for by_key in by_run],
            "empty": [run.summary and run.summary.empty_share_in(key) for run in runs],
            "higher": next(by_key[key].higher_is_better for by_key in by_run if key in by_key),
            "signatures": list(dict.fromkeys(by_key[key].signature for by_key in by_run if key in by_key)),
            "points": [values.get(key) for values in points.values()],
        }
        for key in keys
    ]


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in counts.items())


def _notes(runs: Sequence[LoadedRun], problem: str | None, shown: PageCases, *, text: bool) -> list[str]:
    notes = []
    if not text:
        notes.append("Written without text and images: ids, scores and counts only.")
    if problem:
        notes.append(problem[0].upper() + problem[1:] + ".")
    for run in runs:
        if not run.is_scored:
            folder = run.folder if text else "RUN"
            notes.append(f"{run.name} has not been scored: `libra-bench score {folder}` does it.")
        if run.summary and run.summary.n_without_reference:
            notes.append(f"{run.name}: {studies(run.summary.n_without_reference)} without a reference not scored.")
        notes += [f"{run.name}: {warning}." for warning in run.record.warnings]
        if run.record.left_out:
            notes.append(f"{run.name} does not read what this suite has: {parts_in_words(run.record.left_out)}.")
        if run.record.suspicious:
            notes.append(f"{run.name}: texts that look wrong: {_counted(run.record.suspicious)}.")
        if run.record.cleaning != NO_CLEANING:
            rule = run.record.cleaning
            notes.append(f"{run.name}: texts are scored and shown cleaned by {rule} ({RULES[rule]}).")
        n = run.record.suite.n or 0
        if len(run.answer_lines) < n:
            notes.append(f"{run.name} has answered {len(run.answer_lines)} of {n} studies: run it again to continue.")
    if shown.n_missing:
        total = shown.n_missing + shown.n_images
        notes.append(f"{shown.n_missing} of {total} images could not be read; placeholders show where they belong.")
    return notes
