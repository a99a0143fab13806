"""Checkpoint folders of any family: where they are, and how their weights are read."""
