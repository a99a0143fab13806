"""The metrics: one file each, declared as frozen dataclasses whose fields are their parameters."""
