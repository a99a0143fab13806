"""One row of a suite's file as a Sample: every field that has a meaning is checked, the others are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from benchmarks.errors import SuiteError, UnknownNameError
from benchmarks.schema import FRONTALS, IMAGE_COLUMNS, LATERAL_OF, REFERENCE_KEYS, ROLES, QuestionId, Role, Sample

TEXT_FIELDS = frozenset(
    {
        "prior_report", "indication", "technique", "comparison", "history", "sex", "view", "study_date", "prior_date",
        "question_type", "answer_type",
    }
)  # fmt: skip
"""Fields with one meaning everywhere, by which adapters and metrics go."""


def check_unique(question_id: QuestionId, place: str, places: dict[str, str]) -> None:
    """Note where an id occurs; 17 and "17" are one id, since CSV cannot tell them apart.

    Raises:
        SuiteError: it has occurred before; names both places.
    """
    first = places.setdefault(str(question_id), place)
    if first != place:
        raise SuiteError(
            f"duplicate question_id {question_id!r}, first at {first}", where=place, hint="make ids unique"
        )


def question_id_of(row: Mapping[str, Any], place: str) -> QuestionId:
    """The id of a row, as it is typed there.

    Raises:
        SuiteError: there is none, or it is neither a whole number nor a text.
    """
    question_id = row.get("question_id")
    if question_id is None or question_id == "":
        raise SuiteError("missing question_id", where=place, hint="give every line a unique question_id")
    if isinstance(question_id, bool) or not isinstance(question_id, int | str):
        raise _wrong_type("question_id", question_id, "a whole number or a text", place)
    return question_id


def sample_of(row: Mapping[str, Any], place: str, *, prompts_required: bool = True) -> Sample:
    """One row of a suite as a Sample.

    Raises:
        SuiteError: it is not as a sample must be; names the place.
    """
    question_id = question_id_of(row, place)
    present = {key: value for key, value in row.items() if value is not None}
    text = present.get("text", "")
    if not isinstance(text, str):
        raise _wrong_type("text", text, "a text", place)
    if prompts_required and not text.strip():
        raise SuiteError("the prompt (text) is empty", where=place, hint="give every sample a prompt under `text`")
    images, laterals = _images(present.get("image", ""), place)
    columns = {name: path for name in IMAGE_COLUMNS if isinstance(path := present.get(name), str) and path}
    if columns:
        images, laterals = _with_columns(images, laterals, columns, place)
    reference_key = next((key for key in REFERENCE_KEYS if key in present), None)
    references = () if reference_key is None else _texts(reference_key, present[reference_key], place)
    labels = present.get("labels")
    if labels is not None and not isinstance(labels, list):
        raise _wrong_type("labels", labels, "a list of texts", place)
    subject = present.get("subject_id")
    if subject is not None and (isinstance(subject, bool) or not isinstance(subject, int | float | str)):
        raise _wrong_type("subject_id", subject, "a number or a text", place)
    for key in TEXT_FIELDS & present.keys():
        if not isinstance(present[key], str):
            raise _wrong_type(key, present[key], "a text", place)
    age = present.get("age")
    if age is not None and (isinstance(age, bool) or not isinstance(age, int | float | str)):
        raise _wrong_type("age", age, "a number of years or a text", place)
    _check_dates(present, place)
    used = {"question_id", "image", "text", "labels", reference_key, *columns}
    return Sample(
        question_id=question_id,
        images=images,
        text=text,
        references=references,
        labels=None if labels is None else _texts("labels", labels, place),
        fields={key: value for key, value in row.items() if key not in used},
        laterals=laterals,
    )


def _images(value: Any, place: str) -> tuple[tuple[str, ...], dict[Role, str]]:
    """The frontal images (current, prior) and the lateral ones of what stands under `image`.

    Raises:
        SuiteError: it is not as it must be; names the place.
    """
    if isinstance(value, dict):
        return _images_by_role({role: path for role, path in value.items() if path is not None}, place)
    images = _texts("image", value, place)
    images = () if images == ("",) else images
    if len(images) > 2:
        hint = 'give [current, prior], or say which is which: {"current": ..., "lateral": ..., "prior": ...}'
        raise SuiteError(f"{len(images)} images, at most two are possible in a list", where=place, hint=hint)
    if not isinstance(value, list) and images and images[0].startswith("{"):
        hint = 'write it as {"current": "a.png", "lateral": "b.png"}, each role once'
        raise SuiteError("image starts like an object and is none", where=place, hint=hint)
    if "" in images:
        raise SuiteError("an image path is empty", where=place, hint="leave the image out, or name its file")
    return images, {}


def _with_columns(
    images: Sequence[str], laterals: Mapping[Role, str], columns: Mapping[str, str], place: str
) -> tuple[tuple[str, ...], dict[Role, str]]:
    """The images of a row, with those that have a column of their own.

    Raises:
        SuiteError: two columns name different images of one role, or they do not go together; names the place.
    """
    given: dict[str, str] = dict((*zip(FRONTALS, images, strict=False), *laterals.items()))
    for name, path in columns.items():
        role = IMAGE_COLUMNS[name]
        if given.setdefault(role, path) != path:
            what = f"two {role.replace('_', ' ')} images: {given[role]} and {path}"
            raise SuiteError(what, where=place, hint=f"name it under image or under {name}")
    return _images_by_role(given, place)


def _images_by_role(value: Mapping[str, Any], place: str) -> tuple[tuple[str, ...], dict[Role, str]]:
    for role, path in value.items():
        if role not in ROLES:
            raise UnknownNameError(f"image role in {place}:", role, ROLES)
        if not isinstance(path, str):
            raise _wrong_type(f"the {role} image", path, "a text", place)
        if not path:
            raise SuiteError(f"the path of the {role} image is empty", where=place, hint="leave it out, or name it")
    given: dict[Role, str] = {role: value[role] for role in ROLES if role in value}
    if given and "current" not in given:
        raise SuiteError(
            f"a {next(iter(given))} image without a current one",
            where=place,
            hint="name the frontal image of the study under `current`",
        )
    for lateral, frontal in LATERAL_OF.items():
        if lateral in given and frontal not in given:
            raise SuiteError(f"a {lateral} image without a {frontal} one", where=place, hint=f"add `{frontal}`")
    laterals: dict[Role, str] = {role: path for role, path in given.items() if role in LATERAL_OF}
    for role, path in laterals.items():
        if other := next((name for name, same in given.items() if same == path and name != role), None):
            raise SuiteError(f"one file as {other} and as {role}: {path}", where=place, hint="give each its own file")
    return tuple(path for role, path in given.items() if role not in LATERAL_OF), laterals


def _check_dates(present: Mapping[str, Any], place: str) -> None:
    """The dates of the study and of the prior one are dates, and in this order.

    Raises:
        SuiteError: they are not; names the place.
    """
    dates = {}
    for key in ("study_date", "prior_date"):
        if key in present:
            try:
                dates[key] = datetime.fromisoformat(present[key]).replace(tzinfo=None)
            except ValueError as error:
                hint = "write it as 2024-05-31, or with the time as 2024-05-31T08:30"
                raise SuiteError(f"{key} is {present[key]!r}, not an ISO date", where=place, hint=hint) from error
    if len(dates) == 2 and dates["prior_date"].date() > dates["study_date"].date():
        raise SuiteError(
            f"the prior study ({present['prior_date']}) is newer than the current one ({present['study_date']})",
            where=place,
            hint="swap the two images and their dates, or correct the dates",
        )


def _texts(key: str, value: Any, place: str) -> tuple[str, ...]:
    """A text or a list of texts, as a tuple."""
    values: Iterable[Any] = value if isinstance(value, list) else (value,)
    texts = tuple(values)
    for item in texts:
        if not isinstance(item, str):
            raise _wrong_type(key, item, "a text or a list of texts", place)
    return texts


def _wrong_type(key: str, value: Any, expected: str, place: str) -> SuiteError:
    found = {
        "NoneType": "null",
        "bool": "true/false",
        "int": "a number",
        "float": "a number",
        "str": "a text",
        "list": "a list",
        "dict": "an object",
    }
    name = type(value).__name__
    return SuiteError(
        f"{key} is {found.get(name, f'a {name}')}, not {expected}", where=place, hint=f"make it {expected}"
    )
