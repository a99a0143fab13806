"""Answers that need no model: baselines, the ceiling, and answers generated elsewhere.

A model that does not beat the baselines has shown little. What baselines know comes from a training file alone
(`--train FILE`, in the format of a suite), never from the references that are evaluated.
"""
