"""The prior image of every image: the published rule, and a frontal-only one.

Published (Libra): rows sorted by patient, date and time; the prior is the last row of the latest earlier *date*,
whatever its view; all rows of a day share it. Frontal: the latest earlier *study* that has a frontal image, by date
and time; its image of the same view (AP or PA) if there is one, else its other frontal one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from benchmarks.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Integers: TypeAlias = NDArray[np.int64]

Rule: TypeAlias = Literal["published", "frontal"]
RULES: tuple[Rule, ...] = ("published", "frontal")
FRONTAL_VIEWS = ("PA", "AP")
"""The better view first; special ones ("AP AXIAL", "PA LLD") are none of them."""


@dataclass(frozen=True, slots=True)
class PriorCounts:
    """What a rule did."""

    images: int
    with_prior: int
    without_prior: int
    ambiguous: int
    """Images whose prior was one of several that the rule could have taken (the same day, or the same view twice)."""


def add_priors(
    frame: pd.DataFrame, rule: Rule = "published", *, where: object = None
) -> tuple[pd.DataFrame, PriorCounts]:
    """The frame sorted by patient, date and time, with a last column `prior_image` (empty where there is none).

    Args:
        frame: cells as text; needs subject_id, StudyDate, StudyTime and `image`, which is built from subject_id,
            study_id and dicom_id where it is missing. The frontal rule needs study_id and ViewPosition, too.
        rule: "published" or "frontal".
        where: the file, for errors.

    Raises:
        InputError: a column is missing, or a row has no patient or no date.
    """
    needs = ["subject_id", "StudyDate", "StudyTime"]
    needs += ["study_id", "ViewPosition"] if rule == "frontal" else []
    needs += [] if "image" in frame.columns else ["study_id", "dicom_id"]
    missing = [column for column in dict.fromkeys(needs) if column not in frame.columns]
    if missing:
        has = ", ".join(map(str, frame.columns))
        raise InputError(f"columns missing: {', '.join(missing)}", where=where, hint=f"it has: {has}")
    for column in ("subject_id", "StudyDate"):
        empty = np.flatnonzero((frame[column] == "").to_numpy())
        if len(empty):
            raise InputError(
                f"{len(empty)} rows have no {column}, first row {empty[0] + 1}", where=where, hint="fill or drop them"
            )
    frame = frame.drop(columns="prior_image", errors="ignore")
    if "image" not in frame.columns:
        frame = frame.assign(image=image_paths(frame))
    subject, date, time = (_ranks(frame[column]) for column in ("subject_id", "StudyDate", "StudyTime"))
    order = np.lexsort((time, date, subject))
    frame = frame.iloc[order].reset_index(drop=True)
    subject, date, time = subject[order], date[order], time[order]
    if rule == "published":
        prior, ambiguous = _published(subject, date)
    else:
        moment = date * (time.max(initial=0) + 1) + time
        prior, ambiguous = _frontal(subject, moment, _ranks(frame["study_id"]), frame["ViewPosition"].to_numpy())
    images = frame["image"].to_numpy(dtype=object)
    frame["prior_image"] = np.where(prior >= 0, images[prior], "")
    with_prior = int((prior >= 0).sum())
    return frame, PriorCounts(len(frame), with_prior, len(frame) - with_prior, int(ambiguous.sum()))


def image_paths(frame: pd.DataFrame, suffix: str = ".jpg") -> pd.Series:
    """Where MIMIC-CXR keeps each image: files/p10/p10000032/s50414267/<dicom_id>.jpg."""
    subject = frame["subject_id"]
    paths: pd.Series = "files/p" + subject.str[:2] + "/p" + subject + "/s" + frame["study_id"] + "/" + frame["dicom_id"]
    return paths + suffix


def _ranks(column: pd.Series) -> Integers:
    """Each value's place among the sorted values: by number if all are numbers, by text otherwise; empty comes last."""
    import pandas as pd

    values = column.to_numpy(dtype=object)
    filled = values != ""
    numbers = pd.to_numeric(column[filled], errors="coerce").to_numpy()
    keys = values[filled].astype(str) if np.isnan(numbers.astype(float)).any() else numbers
    ranks = np.full(len(column), np.iinfo(np.int32).max, dtype=np.int64)
    distinct, places = np.unique(keys, return_inverse=True)
    ranks[filled] = places
    ranks[~filled] = len(distinct)
    return ranks


def _published(subject: Integers, date: Integers) -> tuple[Integers, NDArray[np.bool_]]:
    """Row of the prior (-1: none) of each sorted row, and where the rule had to choose."""
    starts = np.flatnonzero(np.r_[True, (subject[1:] != subject[:-1]) | (date[1:] != date[:-1])][: len(subject)])
    if not len(starts):
        return np.empty(0, np.int64), np.empty(0, np.bool_)
    sizes = np.diff(np.r_[starts, len(subject)])
    earlier = np.r_[False, subject[starts[1:]] == subject[starts[:-1]]]  # the day before is the same patient's
    prior_of_day = np.where(earlier, starts - 1, -1)
    several = earlier & np.r_[False, sizes[:-1] > 1]
    return np.repeat(prior_of_day, sizes), np.repeat(several, sizes)


def _frontal(
    subject: Integers, moment: Integers, study: Integers, view: NDArray[Any]
) -> tuple[Integers, NDArray[np.bool_]]:
    """As `_published`; a study's moment is that of its first image, so no image is prior to its own study."""
    import pandas as pd

    rows = pd.DataFrame({"row": np.arange(len(subject)), "subject": subject, "study": study, "view": view})
    rows["moment"] = pd.Series(moment).groupby([subject, study]).transform("min").to_numpy()
    frontal = rows[rows["view"].isin(FRONTAL_VIEWS)]
    if frontal.empty:
        return np.full(len(rows), -1, np.int64), np.zeros(len(rows), np.bool_)
    # one line per earlier moment with frontal images: the last row of each view, and how many there are
    moments = frontal.pivot_table(index=["subject", "moment"], columns="view", values="row", aggfunc=["max", "count"])
    step = rows["moment"].max() + 1
    keys = moments.index.get_level_values(0).to_numpy() * step + moments.index.get_level_values(1).to_numpy()
    place = np.searchsorted(keys, rows["subject"].to_numpy() * step + rows["moment"].to_numpy(), side="left") - 1
    found = (place >= 0) & (keys[place] // step == rows["subject"].to_numpy())

    def of(what: str, name: str) -> NDArray[np.float64]:
        column = moments.get((what, name))
        values = np.full(len(moments), np.nan) if column is None else column.to_numpy(dtype=float)
        return np.asarray(values[place], dtype=float)

    prior, count = np.full(len(rows), np.nan), np.zeros(len(rows))
    for name in (*FRONTAL_VIEWS, None):  # None: the view of the current image, which wins
        for wanted in FRONTAL_VIEWS if name is None else (name,):
            candidate = of("max", wanted)
            take = found & ~np.isnan(candidate)
            take &= (rows["view"] == wanted).to_numpy() if name is None else np.isnan(prior)
            prior[take], count[take] = candidate[take], of("count", wanted)[take]
    return np.where(np.isnan(prior), -1, prior).astype(np.int64), count > 1
