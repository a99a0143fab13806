"""Statements of change in radiology prose: what changed, on which side, in which direction."""
