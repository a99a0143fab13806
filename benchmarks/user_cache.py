"""The one folder where libra-bench keeps what can be made again: extractor outputs, unpacked weights, environments."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

ENVIRONMENT_VARIABLE = "LIBRA_BENCH_CACHE"


def user_cache() -> Path:
    """The cache folder (it may not exist yet): LIBRA_BENCH_CACHE, else the platform's, such as ~/.cache/libra-bench."""
    if chosen := os.environ.get(ENVIRONMENT_VARIABLE):
        return Path(chosen).expanduser().absolute()
    return platformdirs.user_cache_path("libra-bench", appauthor=False)
