"""The walk in CONTRIBUTING names every file once, and each file is there."""

from __future__ import annotations

import re

from repository import ROOT


def test_the_walk_names_each_file_once_and_each_is_there():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    walk = text.partition("## One study, from suite file to leaderboard row")[2].partition("\n## ")[0]
    files = re.findall(r"`([a-z_]+/[a-z_/]+\.py)`", walk)
    assert len(files) > 20
    assert len(set(files)) == len(files)
    assert [name for name in files if not (ROOT / name).is_file()] == []
