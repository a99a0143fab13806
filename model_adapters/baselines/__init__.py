"""Answers that need no model: baselines, the ceiling, and answers that were written elsewhere.

A score means little beside a baseline that it does not beat. What baselines know comes from a training file alone
(`--train FILE`, in the format of a suite), never from the references that are evaluated.
"""
