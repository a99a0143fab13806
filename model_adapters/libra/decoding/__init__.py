"""Beam search, greedy search and sampling over studies that are batched together."""
