"""The show step of a run folder: its leaderboard row, its plots, its report; and the same brought up to date later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.records.run import read_run
from benchmarks.records.scores import Scores, read_scores
from libra_bench.runs.made_from import Made, inputs_of, read_made, write_made

LEADERBOARD = "leaderboard.csv"


def check_leaderboard(leaderboard: Path | None) -> None:
    """Find out before anything slow begins whether a leaderboard can be kept.

    Raises:
        InputError: the file is there, but is no leaderboard that can be kept whole.
    """
    from reports.leaderboard import check

    if leaderboard is not None:
        check(leaderboard)


def write_rows(folder: Path, scores: Scores, *, leaderboard: Path | None) -> None:
    """Write scores.csv of a run folder and, where one is given, the run's row of a leaderboard."""
    from reports.leaderboard import LeaderboardRow, update, write_row

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
) -> bool:
    """Draw a run folder's plots and write its report, as far as they are wanted and not there from the same inputs.

    Returns:
        Whether anything was made.
    """
    from reports import page

    inputs = inputs_of(folder)
    made = read_made(folder)
    same = made is not None and made.inputs == inputs
    files = made.plots if made is not None and same else ()
    draws = plots and not (files and all((folder / name).exists() for name in files))
    settings = page.Settings("embed", text=True, follow_links=follow_links)
    file = folder / page.FILE_NAME
    writes = report and not (same and not draws and file.exists() and page.settings_of(file) == settings)
    if draws:
        files = _write_plots(folder)
    if writes:
        page.write_report([folder], follow_links=follow_links, on_images=on_images, drawn=_svgs(folder, files))
    if draws or writes:
        write_made(folder, Made(inputs=inputs, plots=files))
    return draws or writes


def _write_plots(folder: Path) -> tuple[str, ...]:
    from reports import plots

    return tuple(str(path.relative_to(folder)) for path in plots.write_plots(folder))


def _svgs(folder: Path, files: Sequence[str]) -> dict[str, Path]:
    """Name of a plot -> its file, for the page."""
    return {Path(name).stem: folder / name for name in files if name.endswith(".svg")}


def bring_up_to_date(folder: Path) -> list[str]:
    """Make everything that is derived from a folder's scores say what they say now, as far as it is there.

    Returns:
        What could not be brought up to date, and how the user does it.
    """
    from reports import page
    from reports.plots import FOLDER

    scores = read_scores(folder)  # not what this process wrote: another may have added to it meanwhile
    if scores is None:
        return []
    write_rows(folder, scores, leaderboard=leaderboard_of(folder))
    had_plots = (folder / FOLDER).is_dir()
    files = _write_plots(folder) if had_plots else ()
    write_made(folder, Made(inputs=inputs_of(folder), plots=files))
    report = folder / page.FILE_NAME
    if not report.exists():
        return []
    made = page.settings_of(report)
    if made is None:
        return [f"{report} is older than the scores: libra-bench report {folder} writes it anew"]
    page.write_report(
        [folder],
        images=made.images,
        text=made.text,
        follow_links=made.follow_links,
        drawn=_svgs(folder, files) if made.text and had_plots else None,
    )
    return []


def leaderboard_of(folder: Path) -> Path | None:
    """The leaderboard beside `<suite>/<model>/<fingerprint>` that has a row of this run; None where there is none."""
    from reports.leaderboard import has_run

    places = folder.absolute().parents
    path = places[2] / LEADERBOARD if len(places) > 2 else None
    return path if path is not None and has_run(path, read_run(folder).fingerprint) else None
