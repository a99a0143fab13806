"""Results: run folders in; leaderboards, tables, plots and the case browser out.

    import reports
    run = reports.load("runs/demo/libra-tiny/3f0c9d2b7a11")
    run.scores, run.answers, run.samples, run.spans     # pandas DataFrames

Nothing statistical is computed here: intervals are in scores.json, and paired tests are passed in.
"""

from reports.load import LoadedRun, find_runs, load

__all__ = ["LoadedRun", "find_runs", "load"]
