"""The official packages, unmodified, with the old pins they need: in an environment of their own, behind a pipe."""
