"""What a report says of itself: how it was made, so that it can be made again, and where its cases are."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, cast, get_args

from reports.cases.pieces import INDEX
from reports.cases.thumbnails import How

Images: TypeAlias = How | Literal["auto"]
"""auto: thumbnails where the cases are in the page, links where they are in pieces."""
_SETTINGS = re.compile(
    r'<meta name="libra-bench-report" content="images=(\w+) text=(yes|no) links=(yes|no)(?: one-file=(yes|no))?">'
)
_PIECES = re.compile(r'<meta name="libra-bench-cases" content="([^"]+)">')
_HEAD_LETTERS = 4096


@dataclass(frozen=True, slots=True)
class Settings:
    """How a report of one run was made, so that it can be made again."""

    images: Images = "auto"
    text: bool = True
    follow_links: bool = False
    one_file: bool = False
    """Never in pieces."""

    def __str__(self) -> str:
        """As the page itself has it."""
        said = ["no", "yes"]
        parts = f"images={self.images} text={said[self.text]} links={said[self.follow_links]}"
        return f"{parts} one-file={said[self.one_file]}"


def settings_of(report: Path) -> Settings | None:
    """How a report was made; None where there is none, or it does not say: two runs, moved files, an older version."""
    found = _SETTINGS.search(_head(report))
    if found is None or found[1] not in ("auto", *get_args(How)):
        return None
    return Settings(cast(How, found[1]), found[2] == "yes", found[3] == "yes", found[4] == "yes")


def is_whole(report: Path) -> bool:
    """Whether a report is there with all its pieces, as far as it has any."""
    named = _PIECES.search(_head(report))
    return report.is_file() and (named is None or (report.parent / html.unescape(named[1]) / f"{INDEX}.js").is_file())


def _head(report: Path) -> str:
    try:
        with report.open(encoding="utf-8", errors="replace") as page:
            return page.read(_HEAD_LETTERS)
    except OSError:  # writing it will say more
        return ""
