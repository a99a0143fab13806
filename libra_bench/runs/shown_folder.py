"""The show step of a run folder: its leaderboard row, its plots, its report; and the same brought up to date later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.files.folder_lock import locked
from benchmarks.records.run import read_run
from benchmarks.records.scores import read_scores
from libra_bench.runs.drawers import Drawers, Drawn, here
from libra_bench.runs.made_from import Made, inputs_of, read_made, write_made

if TYPE_CHECKING:
    from benchmarks.suites import Suite
    from reports.page.settings import Settings

LEADERBOARD = "leaderboard.csv"


def check_leaderboard(leaderboard: Path | None) -> None:
    """Find out before anything slow begins whether a leaderboard can be kept.

    Raises:
        InputError: the file is there, but is no leaderboard that can be kept whole.
    """
    from reports.leaderboard import check

    if leaderboard is not None:
        check(leaderboard)


def write_rows(folder: Path, *, leaderboard: Path | None) -> None:
    """Write scores.csv of a run folder and, where one is given, the run's row of a leaderboard.

    The scores are what the folder has now, not what this process wrote: another may have added to them meanwhile.
    """
    from reports.leaderboard import LeaderboardRow, update, write_row

    scores = read_scores(folder)
    if scores is None:
        return
    row = LeaderboardRow.of(scores, read_run(folder))
    write_row(folder / "scores.csv", row)
    if leaderboard is not None:
        update(leaderboard, row)


def draw(
    folder: Path,
    *,
    plots: bool = True,
    report: bool = True,
    follow_links: bool = False,
    on_images: Callable[[int], Callable[[], None]] = lambda total: lambda: None,
    drawers: Drawers | None = None,
    known: Suite | None = None,
) -> bool:
    """Draw a run folder's plots and write its report, as far as they are wanted and not there from the same inputs.

    A report that is there already was made as its reader wanted it, without texts perhaps: the new one is made like it.

    Args:
        folder: the run folder.
        plots: whether plots are wanted.
        report: whether the page is.
        follow_links: allow symbolic links that lead out of the image root.
        on_images: called with the number of images; gives what is called once per image.
        drawers: draw the plots, while this process reads the page's images, if they were started; None: they don't.
        known: its suite, where that has been read; None: the page reads its file.

    Returns:
        Whether anything was made.
    """
    from reports import page
    from reports.page.settings import Settings, is_whole, settings_of

    inputs = inputs_of(folder)
    made = read_made(folder)
    same = made is not None and made.inputs == inputs
    files = made.plots if made is not None and same else ()
    draws = plots and not (files and all((folder / name).exists() for name in files))
    file = folder / page.FILE_NAME
    found = settings_of(file)
    settings = found or Settings()
    settings = replace(settings, follow_links=follow_links or settings.follow_links)
    writes = report and not (same and not draws and found == settings and is_whole(file))
    drawn = drawers.begin(folder) if draws and drawers is not None else here

    @cache
    def plot_files() -> tuple[str, ...]:
        return _write_plots(folder, drawn) if draws else files

    if drawn is here:
        plot_files()
    if writes:
        _write_page(folder, settings, plot_files, on_images, known)
    files = plot_files()
    if draws or writes:
        write_made(folder, Made(inputs=inputs, plots=files))
    return draws or writes


def _write_plots(folder: Path, drawn: Drawn = here) -> tuple[str, ...]:
    """Draw the plots, and remove those that were drawn before and are no more: of scores that are gone."""
    from reports import plots

    files = tuple(str(path.relative_to(folder)) for path in plots.write_plots(folder, drawn))
    made = read_made(folder)
    for name in set(made.plots if made else ()) - set(files):
        (folder / name).unlink(missing_ok=True)
    return files


def _write_page(
    folder: Path,
    settings: Settings,
    files: Callable[[], Sequence[str]],
    on_images: Callable[[int], Callable[[], None]],
    known: Suite | None = None,
) -> None:
    from reports import page

    page.write_report(
        [folder],
        images=settings.images,
        text=settings.text,
        follow_links=settings.follow_links,
        one_file=settings.one_file,
        drawn=None if not settings.text and files() else lambda: _svgs(folder, files()),  # without texts: others
        on_images=on_images,
        known=known,
    )


def _svgs(folder: Path, files: Sequence[str]) -> dict[str, Path]:
    """Name of a plot -> its file, for the page; none where no plots were wanted."""
    return {Path(name).stem: folder / name for name in files if name.endswith(".svg")}


def bring_up_to_date(folder: Path) -> list[str]:
    """Make everything that is derived from a folder's scores say what they say now, as far as it is there.

    Returns:
        What could not be brought up to date, and how the user does it.
    """
    from reports import page
    from reports.page.settings import settings_of
    from reports.plots import FOLDER

    with locked(folder, wait=True):
        write_rows(folder, leaderboard=leaderboard_of(folder))
        files = _write_plots(folder) if (folder / FOLDER).is_dir() else ()
        write_made(folder, Made(inputs=inputs_of(folder), plots=files))
        report = folder / page.FILE_NAME
        if not report.exists():
            return []
        settings = settings_of(report)
        if settings is None:
            return [f"{report} is older than the scores: libra-bench report {folder} writes it anew"]
        _write_page(folder, settings, lambda: files, lambda total: lambda: None)
        return []


def leaderboard_of(folder: Path) -> Path | None:
    """The leaderboard beside `<suite>/<model>/<fingerprint>` that has a row of this run; None where there is none."""
    from reports.leaderboard import has_run

    places = folder.absolute().parents
    path = places[2] / LEADERBOARD if len(places) > 2 else None
    return path if path is not None and has_run(path, read_run(folder).fingerprint) else None
