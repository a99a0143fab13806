"""The show step of a run folder: its leaderboard row, its plots, its report."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.records.run import read_run
from benchmarks.records.scores import Scores

LEADERBOARD = Path("runs") / "leaderboard.csv"


def write_rows(folder: Path, scores: Scores, *, leaderboard: Path | None) -> None:
    """Write scores.csv of a run folder and, where one is given, the run's row of a leaderboard."""
    from reports.leaderboard import row_of, signatures_of, update, write_row

    row = row_of(scores, read_run(folder))
    write_row(folder / "scores.csv", row)
    if leaderboard is not None:
        update(leaderboard, row, signatures_of(scores))


def draw(
    folder: Path,
    *,
    report: bool,
    follow_links: bool = False,
    on_images: Callable[[int], Callable[[], None]] = lambda total: lambda: None,
) -> None:
    """Draw a run folder's plots and, unless it is not wanted, write its report."""
    from reports import page, plots

    plots.write_plots(folder)
    if report:
        page.write_report([folder], follow_links=follow_links, on_images=on_images)
