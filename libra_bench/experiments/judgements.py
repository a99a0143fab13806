"""Radiologists' judgements of candidate reports, read from the layouts in which they are published.

The texts are the user's to bring. A Python file is read as a literal and never run.
"""

from __future__ import annotations

import ast
import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.errors import InputError, UnknownNameError
from benchmarks.files import files_below
from benchmarks.files.json_text import parse_json
from benchmarks.tables import read_rows
from benchmarks.wording import error_in_words

REXVAL_CATEGORIES = (
    "false finding", "missing finding", "wrong location", "wrong severity", "false comparison", "missing comparison",
)  # fmt: skip
"""ReXVal's error categories 1 to 6."""
TEXT_COLUMNS = ("study", "reference", "prediction")
_RELATION = re.compile(r"\s*(\w+)\s*([>=])\s*(\w+)\s*")


@dataclass(frozen=True, slots=True)
class Judged:
    """One candidate report and what the raters said of it."""

    study: str
    """Candidates of one study share their reference."""
    reference: str
    prediction: str
    ratings: Sequence[float | None]
    """One per rater, higher is better; None: this rater did not see it."""
    errors: Mapping[str, float] = field(default_factory=dict)
    """Error category -> mean count over the raters; only where the set has categories."""


@dataclass(frozen=True, slots=True)
class RankingTest:
    """One case with an expected order of its candidates."""

    id: str
    category: str
    reference: str
    candidates: Mapping[str, str]
    relations: Sequence[tuple[str, str, str]]
    """(candidate, ">" or "=", candidate); all must hold."""


@dataclass(frozen=True, slots=True)
class Judgements:
    """A set of judgements: rated texts, or cases to rank."""

    format: str
    raters: Sequence[str] = ()
    texts: Sequence[Judged] = ()
    tests: Sequence[RankingTest] = ()
    rating: str = ""
    """What a rating is, in words."""


def read_judgements(path: Path, form: str | None = None) -> Judgements:
    """Read a set of judgements.

    Args:
        path: a file, or the folder that the set is published as.
        form: a key of `FORMATS`; None: inferred from the path.

    Raises:
        UnknownNameError: no such format.
        InputError: the files are not there, or are not of this layout; names what is missing.
    """
    if form is not None and form not in FORMATS:
        raise UnknownNameError("format", form, FORMATS)
    if not path.exists():
        raise InputError("no such file or folder", where=path, hint="check the path given to --data")
    form = form or _inferred(path)
    try:
        found = FORMATS[form](path)
    except (AttributeError, LookupError, TypeError, ValueError) as error:  # a value of another kind than is published
        what = f"is not as {form} is published ({error_in_words(error)})"
        raise InputError(what, where=path, hint="give the set as it is published, or name its --format") from error
    is_rated = any(rating is not None for text in found.texts for rating in text.ratings)
    if not is_rated and not found.tests:
        raise InputError("holds no judgements", where=path, hint="give a set with at least one rated text")
    return found


def _inferred(path: Path) -> str:
    """The format that a path looks like.

    Raises:
        InputError: none.
    """
    names = {file.name for file in path.iterdir()} if path.is_dir() else {path.name}
    if "preference_data.json" in names:
        return "radpref"
    if path.is_dir() and len([name for name in names if name.endswith(".csv")]) >= 2:
        return "rexval"
    if path.is_file() and path.suffix in {".py", ".json"}:
        return "radjudge"
    if path.is_file() and path.suffix in {".csv", ".jsonl", ".parquet"}:
        columns = _columns(path)
        return "radeval-expert" if {"prediction1", "annotation1"} <= columns else "table"
    raise InputError(
        "is none of the known sets of judgements", where=path, hint=f"name its format: --format {'|'.join(FORMATS)}"
    )


def _columns(path: Path) -> set[str]:
    return set(next(iter(read_rows(path)), ("", {}))[1])


def _read_radpref(path: Path) -> Judgements:
    """RadPref: two candidates per study, rated 1 to 5, with the errors that each rater marked."""
    folder = path if path.is_dir() else path.parent
    studies = _json(folder / "preference_data.json")
    files = sorted((folder / "radiologist_annotations").glob("user_*.json"))
    if not files:
        raise InputError("no radiologist_annotations/user_*.json", where=folder, hint="give RadPref's own folder")
    users = [_json(file) for file in files]
    texts = []
    for number, study in enumerate(_list(studies, folder / "preference_data.json")):
        where = f"{folder / 'preference_data.json'}: study {number}"
        key = str(_field(study, "id", where))
        reference = _text(study, "ground_truth_report", where)
        for candidate in ("C1", "C2"):
            said = [user.get("annotations", {}).get(key, {}).get(candidate) or {} for user in users]
            texts.append(
                Judged(
                    study=key,
                    reference=reference,
                    prediction=_text(study, f"{candidate}_report", where),
                    ratings=[_number(entry.get("rating"), where) for entry in said],
                    errors=_mean_counts([_radpref_errors(entry) for entry in said if entry]),
                )
            )
    raters = [str(user.get("user_id", file.stem)) for user, file in zip(users, files, strict=True)]
    return Judgements("radpref", raters, texts, rating="1 to 5")


def _radpref_errors(entry: Mapping[str, Any]) -> dict[str, float]:
    counts: dict[str, float] = {"false finding": 0, "attribute": 0, "missing finding": 0}
    for error in (entry.get("finding_errors") or {}).values():
        kind = "false finding" if error.get("error_type") == "false" else str(error.get("error_type"))
        counts[kind] = counts.get(kind, 0) + 1
    counts["missing finding"] += len(entry.get("missing_findings") or {})
    return counts


def _read_radjudge(path: Path) -> Judgements:
    """RadJudge: short cases with an expected order; the literal RANKING_TESTS of a Python file, or the same as JSON."""
    groups = _ranking_tests(path) if path.suffix == ".py" else _json(path)
    tests = []
    for group in _list(groups, path):
        for test in _list(_field(group, "tests", path), path):
            where = f"{path}: test {test.get('id')}"
            expected = _field(test, "expected_ranking", where)
            candidates = {
                name: _text(entry, "text", where) for name, entry in _field(test, "candidates", where).items()
            }
            relations = [
                _relation(one, candidates, where) for one in ([expected] if isinstance(expected, str) else expected)
            ]
            tests.append(
                RankingTest(
                    id=str(test.get("id")),
                    category=str(group.get("category")),
                    reference=_text(test, "ground_truth", where),
                    candidates=candidates,
                    relations=relations,
                )
            )
    return Judgements("radjudge", tests=tests)


def _ranking_tests(path: Path) -> Any:
    """The literal that a Python file gives the name RANKING_TESTS; nothing of the file is run."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError, RecursionError) as error:
        raise InputError("cannot be read as Python", where=path, hint="give RadJudge's own file") from error
    for node in tree.body:
        names = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(name, ast.Name) and name.id == "RANKING_TESTS" for name in names):
            try:
                return ast.literal_eval(node.value)  # type: ignore[attr-defined]
            except ValueError as error:
                hint = "save the list as JSON; files are not run"
                raise InputError("RANKING_TESTS is not a plain list of values", where=path, hint=hint) from error
    raise InputError("has no list RANKING_TESTS", where=path, hint="give RadJudge's own file")


def _relation(text: str, candidates: Mapping[str, str], where: object) -> tuple[str, str, str]:
    match = _RELATION.fullmatch(str(text))
    if match is None or match[1] not in candidates or match[3] not in candidates:
        raise InputError(
            f"expected_ranking {text!r} is not understood", where=where, hint='write "C1 > C2" or "C1 = C2"'
        )
    return match[1], match[2], match[3]


def _read_rexval(path: Path) -> Judgements:
    """ReXVal: four candidates per study; the rating is the number of clinically significant errors, fewer is better."""
    reports = counts = None
    for file in files_below(path, "*.csv"):
        columns = _columns(file)
        if {"gt_report", "radgraph", "bertscore", "s_emb", "bleu"} <= columns:
            reports = file
        if {
            "study_number",
            "candidate_type",
            "error_category",
            "clinically_significant",
            "num_errors",
            "rater_id",
        } <= columns:
            counts = file
    if reports is None or counts is None:
        lacking = (
            "reports (gt_report, radgraph, ...)" if reports is None else "counts per rater (num_errors, rater_id, ...)"
        )
        raise InputError(f"no CSV file with the {lacking}", where=path, hint="give ReXVal's own folder")
    rows = list(read_rows(counts))
    raters = sorted({str(row.get("rater_id")) for _, row in rows})
    significant: dict[tuple[str, str, str], float] = defaultdict(float)
    categories: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: dict.fromkeys(REXVAL_CATEGORIES, 0.0))
    for place, row in rows:
        study, candidate, rater = (str(row.get(name)) for name in ("study_number", "candidate_type", "rater_id"))
        number = _number(row.get("num_errors"), place) or 0.0
        if str(row.get("clinically_significant")).lower() in {"true", "1", "yes"}:
            significant[study, candidate, rater] += number
        else:
            significant[study, candidate, rater] += 0.0
        category = _number(row.get("error_category"), place)
        if category is None or not 1 <= category <= len(REXVAL_CATEGORIES):
            raise InputError("error_category must be 1 to 6", where=place, hint="give ReXVal's own files")
        categories[study, candidate][REXVAL_CATEGORIES[int(category) - 1]] += number / len(raters)
    texts = []
    for number, (place, row) in enumerate(read_rows(reports)):
        study = str(row.get("study_number", number))
        for candidate in ("radgraph", "bertscore", "s_emb", "bleu"):
            ratings = [significant.get((study, candidate, rater)) for rater in raters]
            texts.append(
                Judged(
                    study=study,
                    reference=_text(row, "gt_report", place),
                    prediction=_text(row, candidate, place),
                    ratings=[None if count is None else -count for count in ratings],
                    errors=categories.get((study, candidate), {}),
                )
            )
    return Judgements("rexval", raters, texts, rating="clinically significant errors, fewer is better")


def _read_radeval_expert(path: Path) -> Judgements:
    """RadEval's expert set: three predictions per row, an annotation (errors, fewer is better) for each.

    Its layout was read about, not seen: an annotation may be a count, or counts by category; anything else is refused.
    """
    texts = []
    for number, (place, row) in enumerate(_rows(path)):
        study = str(row.get("id", row.get("study", number)))
        for candidate in (1, 2, 3):
            if row.get(f"prediction{candidate}") is None:
                continue
            errors = _counts(row.get(f"annotation{candidate}"), place)
            texts.append(
                Judged(
                    study=study,
                    reference=_text(row, "reference", place),
                    prediction=_text(row, f"prediction{candidate}", place),
                    ratings=[-sum(errors.values()) if errors else None],
                    errors=errors if len(errors) > 1 else {},
                )
            )
    return Judgements("radeval-expert", ["experts"], texts, rating="errors, fewer is better")


def _counts(value: Any, where: object) -> dict[str, float]:
    """An annotation as counts by category; nothing where there is none."""
    if isinstance(value, str):
        try:
            value = parse_json(value)
        except ValueError:
            value = None if not value.strip() else value
    if value is None:
        return {}
    if isinstance(value, dict):
        return {str(name): _number(count, where) or 0.0 for name, count in value.items()}
    if isinstance(value, list):
        return {f"category {place}": _number(count, where) or 0.0 for place, count in enumerate(value, 1)}
    return {"errors": _number(value, where) or 0.0}


def _read_table(path: Path) -> Judgements:
    """A table with study, reference, prediction and one column per rater; higher ratings are better."""
    rows = list(_rows(path))
    columns = list(dict.fromkeys(name for _, row in rows for name in row))
    lacking = [name for name in TEXT_COLUMNS if name not in columns]
    if lacking:
        hint = f"give the columns {', '.join(TEXT_COLUMNS)} and one per rater"
        raise InputError(f"has no column {', '.join(lacking)}", where=path, hint=hint)
    raters = [name for name in columns if name not in TEXT_COLUMNS]
    if not raters:
        raise InputError("has no column with ratings", where=path, hint="add one column of numbers per rater")
    texts = [
        Judged(
            study=str(row.get("study")),
            reference=_text(row, "reference", place),
            prediction=_text({"prediction": "", **row}, "prediction", place),
            ratings=[_number(row.get(rater), f"{place}, column {rater}") for rater in raters],
        )
        for place, row in rows
    ]
    return Judgements("table", raters, texts, rating="higher is better")


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if path.suffix == ".json":
        yield from ((f"{path}: row {number}", row) for number, row in enumerate(_list(_json(path), path), 1))
    else:
        yield from read_rows(path)


def _json(path: Path) -> Any:
    try:
        return parse_json(path.read_bytes())
    except FileNotFoundError as error:
        raise InputError("no such file", where=path, hint="give the folder as it is published") from error
    except (OSError, ValueError) as error:
        raise InputError("cannot be read as JSON", where=path, hint="give the file as it is published") from error


def _list(value: Any, where: object) -> list[Any]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InputError("is not a list of objects", where=where, hint="give the file as it is published")
    return value


def _field(record: Any, name: str, where: object) -> Any:
    if not isinstance(record, dict) or name not in record:
        raise InputError(f"has no {name}", where=where, hint="give the file as it is published")
    return record[name]


def _text(record: Any, name: str, where: object) -> str:
    value = _field(record, name, where)
    if not isinstance(value, str):
        raise InputError(f"{name} is not a text", where=where, hint='an empty text is ""')
    return value


def _number(value: Any, where: object) -> float | None:
    """A number; None where there is none."""
    if value is None or value == "":
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{value!r} is not a number", where=where, hint="ratings and counts are numbers")
    return number


def _mean_counts(counts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for one in counts for name in one)
    return {name: sum(one.get(name, 0.0) for one in counts) / len(counts) for name in names}


FORMATS: Mapping[str, Callable[[Path], Judgements]] = {
    "radpref": _read_radpref,
    "radjudge": _read_radjudge,
    "rexval": _read_rexval,
    "radeval-expert": _read_radeval_expert,
    "table": _read_table,
}
"""Name -> what reads it."""
