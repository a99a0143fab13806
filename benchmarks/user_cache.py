"""The one folder where libra-bench keeps what can be made again: extractor outputs, unpacked weights, environments."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ENVIRONMENT_VARIABLE = "LIBRA_BENCH_CACHE"


def user_cache() -> Path:
    """The cache folder (it may not exist yet): LIBRA_BENCH_CACHE, else ~/.cache/libra-bench or the like."""
    if chosen := os.environ.get(ENVIRONMENT_VARIABLE):
        return Path(chosen).expanduser().absolute()
    return platform_cache() / "libra-bench"


def platform_cache() -> Path:
    """Where this platform's programs keep their caches; other packages' weights lie there, too."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
