"""The local server: a run's report, and a page to try a model. Needs the extra `serve`."""
