"""`report`, `plot`, `leaderboard`: what run folders look like to people."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmarks.machine import without_collecting
from libra_bench.cli import completion, options, output

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from libra_bench.scores.tied_runs import TiedPairs
    from reports.board import Board, BoardChoice
    from reports.load import LoadedRun
    from reports.page.settings import Images

RunFolders = Annotated[
    list[Path],
    typer.Argument(metavar="RUN...", help="Run folders, or folders that contain them.", autocompletion=completion.runs),
]


def report(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN [RUN_B]", help="One run folder, or two for a comparison.", autocompletion=completion.runs
        ),
    ],
    out: Annotated[Path | None, typer.Option("--out", help="The file; default: report.html in the run folder.")] = None,
    no_images: Annotated[bool, typer.Option("--no-images", help="Leave out the radiographs.")] = False,
    link_images: Annotated[
        bool, typer.Option("--link-images", help="Link to the image files instead of embedding thumbnails.")
    ] = False,
    embed_images: Annotated[
        bool, typer.Option("--embed-images", help="Embed thumbnails, however many cases there are.")
    ] = False,
    one_file: Annotated[
        bool, typer.Option("--one-file", help="Have all cases in the page; default: of more than 5,000, in a folder.")
    ] = False,
    no_text: Annotated[
        bool, typer.Option("--no-text", help="Leave out every text and image; ids and scores stay.")
    ] = False,
    suite: Annotated[Path | None, typer.Option("--suite", help="Where the suite file is now, if it moved.")] = None,
    image_root: Annotated[Path | None, typer.Option("--image-root", help="Where the images are now.")] = None,
    follow_links: options.FollowLinks = False,
    as_json: options.Json = False,
) -> None:
    """Write an HTML page with scores, plots and every case: one file; above 5,000 cases with a folder beside it."""
    from rich.text import Text

    from benchmarks.errors import InputError
    from benchmarks.files.folder_lock import locked
    from benchmarks.records.run import RUN_FILE
    from reports.page import write_report

    ways: dict[Images, bool] = {"none": no_images, "link": link_images, "embed": embed_images}
    images: list[Images] = [way for way, said in ways.items() if said]
    if len(images) > 1:
        flags = " and ".join(f"--{'no' if way == 'none' else way}-images" for way in images)
        raise InputError(f"{flags} contradict each other", hint="give one of them")
    done = itertools.count(1)
    writes_into_run = out is None and (runs[0] / RUN_FILE).is_file()
    lock = locked(runs[0], otherwise="give --out") if writes_into_run else nullcontext()
    with lock, output.ProgressBar("images") as bar:
        written = write_report(
            runs,
            out,
            images=images[0] if images else "auto",
            text=not no_text,
            suite=suite,
            image_root=image_root,
            follow_links=follow_links,
            one_file=one_file,
            on_images=lambda total: lambda: bar(next(done), total),
        )
    for note in written.notes:
        output.message(note)
    value = {
        "report": str(written.path),
        "pieces": None if written.pieces is None else str(written.pieces),
        "cases": written.n_cases,
        "images": written.n_images,
        "missing_images": written.n_missing_images,
        "notes": list(written.notes),
    }
    output.result(value, Text(str(written.path), overflow="ignore", no_wrap=True), as_json=as_json)


def plot(
    runs: RunFolders,
    out: Annotated[Path, typer.Option("--out", help="Folder of the plots.")] = Path("plots"),
    formats: Annotated[str, typer.Option("--format", help="png, svg, pdf; several with commas.")] = "pdf,svg,png",
    columns: Annotated[int, typer.Option("--columns", help="Width: 1 or 2 columns of a paper.")] = 1,
    font_name: Annotated[
        str, typer.Option("--font", help="sans, serif (Computer Modern, as LaTeX has it) or times.")
    ] = "sans",
    training_log: Annotated[
        Path | None, typer.Option("--training-log", help="Also draw the curves of this log (JSON lines).")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Plot everything for which the runs have numbers: scores, lengths, priors, classes, directions of change."""
    from rich.text import Text

    from benchmarks.prepare.choices import one_of
    from reports.breakdowns import training_curves
    from reports.figure import FONTS, font, save
    from reports.plots import all_figures

    loaded = scored_runs(runs)
    wanted = [name.strip().lower() for name in formats.split(",") if name.strip()]
    with font(one_of("font", font_name, tuple(FONTS))), output.ProgressBar("drawing") as on_drawn:
        figures = all_figures(loaded, columns=columns)
        if training_log is not None:
            figures["training"] = training_curves(training_log, columns=columns)
        files = []
        for number, (name, figure) in enumerate(figures.items(), start=1):
            files += [str(path) for path in save(figure, out / name, wanted)]
            on_drawn(number, len(figures))
    output.result({"plots": files}, Text("\n".join(files), overflow="ignore", no_wrap=True), as_json=as_json)


@without_collecting()
def leaderboard(
    runs: RunFolders,
    sort: Annotated[
        str | None, typer.Option("--sort", help="Column or metric to rank by; default: the first column.")
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="Write a CSV file.")] = None,
    markdown: Annotated[Path | None, typer.Option("--markdown", help="Write a Markdown file.")] = None,
    latex: Annotated[Path | None, typer.Option("--latex", help="Write a LaTeX file (booktabs).")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write an HTML file.")] = None,
    suite: Annotated[str | None, typer.Option("--suite", help="Only runs of these suites: a,b.")] = None,
    metrics: Annotated[str | None, typer.Option("--metrics", help="Only the columns of these metrics: a,b.")] = None,
    columns: Annotated[
        str | None, typer.Option("--columns", help="Only these columns, in this order: BLEU1,ROUGE-L.")
    ] = None,
    no_intervals: Annotated[bool, typer.Option("--no-intervals", help="Leave out the 95 % intervals.")] = False,
    across_protocols: Annotated[
        bool, typer.Option("--across-protocols", help="One table per suite, the protocol as a column of it.")
    ] = False,
    mark_best: Annotated[
        bool, typer.Option("--mark-best", help="In LaTeX: the best of a column bold, the second underlined.")
    ] = False,
    no_tests: Annotated[bool, typer.Option("--no-tests", help="Skip the tests of which differences are real.")] = False,
    as_json: options.Json = False,
) -> None:
    """Rank all runs, one table per suite and protocol; ties are marked by a paired test.

    Runs of a part of a suite (--limit) have tables of their own.
    """
    from dataclasses import asdict
    from functools import partial

    from benchmarks.errors import InputError
    from benchmarks.files import atomic_write
    from reports import tables
    from reports.board import BoardChoice
    from reports.latex import to_latex
    from reports.leaderboard import is_leaderboard
    from reports.page import board_page
    from reports.terminal import to_terminal

    choice = BoardChoice(
        metrics=_metrics(metrics),
        columns=_names(columns),
        intervals=not no_intervals,
        across_protocols=across_protocols,
    )
    loaded = _of_suites(scored_runs(runs), _names(suite))
    shown = boards_of(loaded, sort=sort, tests=not no_tests, choice=choice)
    if csv is not None and is_leaderboard(csv):
        raise InputError("is a leaderboard that runs keep their rows in", where=csv, hint="write to another file")
    writers: list[tuple[Path | None, Callable[[Sequence[Board]], str]]] = [
        (csv, tables.to_csv),
        (markdown, tables.to_markdown),
        (latex, partial(to_latex, mark_best=mark_best)),
        (html, board_page),
    ]
    for path, writer in writers:
        if path is not None:
            with atomic_write(path) as stream:
                stream.write(writer(shown))
            output.message(f"wrote {path}")
    value = {"boards": [asdict(board) for board in shown]} if as_json else {}  # either takes a while for 500 runs
    output.result(value, "" if as_json else to_terminal(shown, output.width()), as_json=as_json)


def _names(said: str | None) -> list[str]:
    return [name.strip() for name in (said or "").split(",") if name.strip()]


def _metrics(said: str | None) -> list[str]:
    """The ids of metrics in any spelling."""
    from libra_bench.metrics.registry import metric_id

    return [metric_id(name) for name in _names(said)]


def _of_suites(runs: list[LoadedRun], suites: list[str]) -> list[LoadedRun]:
    """The runs of these suites; all of them where none is named.

    Raises:
        UnknownNameError: there is no run of such a suite.
    """
    from benchmarks.errors import UnknownNameError

    there = {run.suite for run in runs}
    for suite in suites:
        if suite not in there:
            raise UnknownNameError("suite", suite, there)
    return [run for run in runs if not suites or run.suite in suites]


def boards_of(
    runs: Sequence[LoadedRun],
    *,
    sort: str | None = None,
    tests: bool = True,
    choice: BoardChoice | None = None,
) -> list[Board]:
    """The boards of runs, ranked by a column or metric in any spelling, with ties by paired tests unless not wanted."""
    from dataclasses import replace

    from libra_bench.metrics.registry import column_among
    from reports.board import boards

    known = {entry.key: entry.metric for run in runs for entry in run.entries}
    if sort is not None:
        sort = column_among(sort, known)
    if choice is not None:
        choice = replace(choice, columns=[column_among(name, known) for name in choice.columns])
    shown = boards(runs, sort=sort, choice=choice)
    return boards(runs, sort=sort, choice=choice, ties=_ties(shown, runs)) if tests else shown


def _ties(boards: Sequence[Board], runs: Sequence[LoadedRun]) -> dict[str, TiedPairs]:
    """The pairs of runs that share a board and cannot be told apart."""
    from libra_bench.scores.tied_runs import TiedPairs, find_ties

    folders = {run.fingerprint: run.folder for run in runs}
    ties: dict[str, list[TiedPairs]] = {}
    for board in boards:
        found, problems = find_ties([(row.run, folders[row.run]) for row in board.rows if row.rank is not None])
        for key, pairs in found.items():
            ties.setdefault(key, []).append(pairs)
        for problem in problems:
            output.message(problem)
    return {key: TiedPairs.joined(parts) for key, parts in ties.items()}


def scored_runs(folders: Sequence[Path]) -> list[LoadedRun]:
    """The scored runs in these folders; says which are left out.

    Raises:
        InputError: there is none.
    """
    from benchmarks.errors import InputError
    from reports.load import find_runs, without_copies

    found, copies = without_copies(find_runs(folders))
    kept = {run.fingerprint: run.folder for run in found}
    for run in copies:
        output.message(f"left out, since it is a copy of {kept[run.fingerprint]}: {run.folder}")
    scored = [run for run in found if run.is_scored]
    if not scored:
        raise InputError(
            f"none of the {len(found)} runs has scores",
            where=", ".join(map(str, folders)),
            hint=f"score them first: libra-bench score {found[0].folder}",
        )
    for run in found:
        if not run.is_scored:
            output.message(f"left out, since it has no scores: {run.folder}")
    return scored
