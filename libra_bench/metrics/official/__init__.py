"""The official packages, unmodified, with the old pins they need: in an environment of their own, behind a pipe."""

from benchmarks.environments import SideEnvironment

OFFICIAL = SideEnvironment(
    "official",
    {
        "radgraph": "0.1.18",
        "f1chexbert": "0.0.2",
        "bert-score": "0.3.13",
        "transformers": "4.57.6",
        "huggingface_hub": "0.36.2",
        "scikit-learn": "1.7.2",
    },
)
"""Measured to run together unpatched. transformers 5 and scikit-learn 1.8 break the first two."""
