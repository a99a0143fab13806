"""The show step of a run folder: its leaderboard row, its plots, its report; and the same brought up to date later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.files.folder_lock import locked
from benchmarks.records.run import read_run
from benchmarks.records.scores import read_scores

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
    report: bool,
    follow_links: bool = False,
    on_images: Callable[[int], Callable[[], None]] = lambda total: lambda: None,
) -> None:
    """Draw a run folder's plots and, unless it is not wanted, write its report.

    A report that is there already was made as its reader wanted it, without texts perhaps: the new one is made like it.
    """
    from reports import page, plots

    plots.write_plots(folder)
    if report:
        made = page.settings_of(folder / page.FILE_NAME) or page.Settings()
        page.write_report(
            [folder],
            images=made.images,
            text=made.text,
            follow_links=follow_links or made.follow_links,
            on_images=on_images,
        )


def bring_up_to_date(folder: Path) -> list[str]:
    """Make everything that is derived from a folder's scores say what they say now, as far as it is there.

    Returns:
        What could not be brought up to date, and how the user does it.
    """
    from reports import page, plots

    with locked(folder, wait=True):
        write_rows(folder, leaderboard=leaderboard_of(folder))
        if (folder / plots.FOLDER).is_dir():
            plots.write_plots(folder)
        report = folder / page.FILE_NAME
        if not report.exists():
            return []
        made = page.settings_of(report)
        if made is None:
            return [f"{report} is older than the scores: libra-bench report {folder} writes it anew"]
        page.write_report([folder], images=made.images, text=made.text, follow_links=made.follow_links)
        return []


def leaderboard_of(folder: Path) -> Path | None:
    """The leaderboard beside `<suite>/<model>/<fingerprint>` that has a row of this run; None where there is none."""
    from reports.leaderboard import has_run

    places = folder.absolute().parents
    path = places[2] / LEADERBOARD if len(places) > 2 else None
    return path if path is not None and has_run(path, read_run(folder).fingerprint) else None
