"""What all plots share: one style, the widths of a paper's columns, files without dates.

Figures are made without pyplot, so nothing global changes and nothing must be closed.
"""

from __future__ import annotations

import base64
import functools
import io
import logging
import math
import re
import textwrap
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeAlias

from benchmarks.errors import InputError
from benchmarks.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")
Draw: TypeAlias = "Callable[[], Figure]"

STYLE = Path(__file__).parent / "paper.mplstyle"
COLUMN_INCHES = {1: 3.35, 2: 7.0}
"""The width of a figure over one or two columns of a paper."""
GREY = "#7A7A7A"
REFERENCE = "reference: "
"""How the labels of reference points begin."""
HATCHES = ("", "////", "....", "\\\\\\\\", "xxxx", "----", "oo", "++")
MARKERS = "osD^vP*X"
UNDATED: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
FORMATS = tuple(UNDATED)


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in our style, whatever the caller's is."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with style():
            return draw(*args, **kwargs)

    return drawn


Font: TypeAlias = Literal["sans", "serif", "times"]
FONTS: Mapping[Font, Mapping[str, Any]] = {
    "sans": {},
    "serif": {"font.family": ["cmr10", "STIXGeneral", "DejaVu Sans"], "mathtext.fontset": "cm",
              "axes.formatter.use_mathtext": True, "axes.unicode_minus": False},
    "times": {"font.family": ["STIXGeneral", "DejaVu Sans"], "mathtext.fontset": "stix"},
}  # fmt: skip
"""sans; serif: Computer Modern, as LaTeX has it; times: as journals have it. All come with matplotlib."""
_font: ContextVar[Font] = ContextVar("font", default="sans")


@contextmanager
def font(name: Font) -> Iterator[None]:
    """This font in every figure that the block draws and saves."""
    before = _font.set(name)
    try:
        yield
    finally:
        _font.reset(before)


@contextmanager
def style() -> Iterator[None]:
    """Our style, for as long as the block lasts."""
    import matplotlib as mpl
    from matplotlib import style as styles

    with mpl.rc_context(), warnings.catch_warnings(), _quiet("fontTools"):
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # a model's name may have any letter
        styles.use(["default", str(STYLE)])
        mpl.rcParams.update(FONTS[_font.get()])
        yield


@contextmanager
def _quiet(logger: str) -> Iterator[None]:
    """Without what a logger says below an error: remarks on the dates of the fonts that matplotlib brings."""
    known = logging.getLogger(logger)
    before = known.level
    known.setLevel(logging.ERROR)
    try:
        yield
    finally:
        known.setLevel(before)


def new_figure(columns: int, height: float) -> tuple[Figure, Axes]:
    """An empty figure with one pair of axes.

    Args:
        columns: how many of a paper's columns it is wide.
        height: in inches.
    """
    from matplotlib.figure import Figure

    if columns not in COLUMN_INCHES:
        raise InputError(f"a figure is 1 or 2 columns wide, not {columns}", where="columns")
    figure = Figure(figsize=(COLUMN_INCHES[columns], max(height, 1.1)))
    return figure, figure.add_subplot()


def look(index: int) -> dict[str, Any]:
    """Colour and hatch of the bars of the run with this number; hatches tell a ninth run from the first."""
    return {"color": f"C{index % 8}", "hatch": HATCHES[index // 8 % 8], "edgecolor": "white"}


def legend_below(figure: Figure, columns: int) -> None:
    """A legend under the axes, where it hides nothing; runs first, then reference points; as many columns as fit."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda index: labels[index].startswith(REFERENCE))
    widest = min(LEGEND_LETTERS, max(map(len, labels)))
    per_row = max(1, int(COLUMN_INCHES[columns] / (0.5 + LETTER_INCHES * widest)))
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + LEGEND_ROW_INCHES * math.ceil(len(labels) / per_row))
    figure.legend(
        [handles[index] for index in order],
        [textwrap.fill(labels[index], LEGEND_LETTERS) for index in order],
        loc="outside lower center",
        ncols=per_row,
    )


LEGEND_LETTERS, LETTER_INCHES, LEGEND_ROW_INCHES = 36, 0.055, 0.15


def file_part(names: Iterable[str], longest: int = 60) -> str:
    """Names, of models mostly, as a part of a file name: `libra-tiny+normal`; what is too long is counted."""
    words = [re.sub(r"[^\w.-]+", "-", name).strip("-.") for name in dict.fromkeys(names)]
    kept = [word for place, word in enumerate(words) if place == 0 or len("+".join(words[: place + 1])) <= longest]
    more = len(words) - len(kept)
    return "+".join(kept) + (f"+{more}-more" if more else "")


def save(figure: Figure, stem: str | Path, formats: Sequence[str] = ("png", "svg")) -> list[Path]:
    """Write a figure as STEM.png, STEM.svg, STEM.pdf; equal figures are equal files.

    Raises:
        InputError: a format that is none of png, svg, pdf.
        StorageError: a file cannot be written.
    """
    unknown = set(formats) - UNDATED.keys()
    if unknown:
        raise InputError(f"unknown format {min(unknown)!r}", where="--format", hint=f"choose of {', '.join(FORMATS)}")
    paths = []
    for name in formats:
        paths.append(write(encoded(figure, name), stem, name))
    return paths


def encoded(figure: Figure, name: str) -> bytes:
    """A figure as png, svg or pdf; equal figures are equal bytes."""
    stream = io.BytesIO()
    with style():
        figure.savefig(stream, format=name, metadata=UNDATED[name])
    return stream.getvalue()


def write(content: bytes, stem: str | Path, name: str) -> Path:
    """Write an encoded figure as STEM.FORMAT.

    Raises:
        StorageError: it cannot be written.
    """
    path = Path(f"{stem}.{name}")
    with atomic_write(path, "wb") as stream:
        stream.write(content)
    return path


def svg_address(svg: bytes) -> str:
    """An SVG as the address of an image: a page that holds it loads nothing."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode()
