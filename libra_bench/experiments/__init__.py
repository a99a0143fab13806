"""Experiments over several runs, or about the metrics themselves."""
