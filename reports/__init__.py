"""The showing: run folders in; leaderboards, tables, plots and the case browser out."""
