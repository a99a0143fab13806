"""Folders as suites: images with a prior by name, or a Hugging Face dataset on disk, written down as a suite's file.

The file is kept in the cache, under the hash of what it was made from, so that a run can be continued, scored and shown
as that of any suite.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.catalog import FINDINGS_PROMPT, IMPRESSION_PROMPT
from benchmarks.errors import SuiteError
from benchmarks.files import atomic_write, files_below, sha256_file, sha256_json, user_cache
from benchmarks.schema import REFERENCE_KEYS, Role
from benchmarks.tables.hf_dataset import is_dataset, read_dataset, split_folder

IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".dcm", ".dicom")
ROLE_ENDINGS: Mapping[str, Role] = {"prior": "prior", "lateral": "lateral"}
"""What NAME_prior.png and NAME-lateral.png are of NAME.png."""
RULE = "NAME_prior is the prior image of NAME, NAME_lateral its lateral view, NAME.txt its reference"
ROLE_COLUMNS: Mapping[Role, tuple[str, ...]] = {
    "current": ("image", "images", "main_image", "current_image"),
    "lateral": ("lateral", "lateral_image"),
    "prior": ("prior", "prior_image"),
}
"""Role -> what its column of a dataset may be called."""


@dataclass(frozen=True, slots=True)
class FolderSuite:
    """What a folder was found to be."""

    file: Path
    image_root: Path
    note: str
    """What was found, and by which rule."""


def suite_of_folder(folder: Path) -> FolderSuite:
    """The suite of a folder.

    Raises:
        SuiteError: it holds neither images nor a dataset. InputError: the dataset cannot be read.
    """
    return _of_dataset(folder) if is_dataset(folder) else _of_images(folder)


def _of_images(folder: Path) -> FolderSuite:
    files = [path for path in files_below(folder) if path.suffix.lower() in IMAGE_ENDINGS]
    if not files:
        raise SuiteError(
            "holds neither images nor a dataset", where=folder, hint="give a folder of images, or a suite's file"
        )
    named: dict[str, Path] = {}
    for path in files:
        name = str(path.relative_to(folder).with_suffix(""))
        if (other := named.setdefault(name, path)) != path:
            raise SuiteError(f"two images of one name, {other.name} and {path.name}", where=folder, hint="rename one")
    rows = list(_rows_of_images(folder, named))
    counts = [f"{len(rows)} studies"]
    for role in ("prior", "lateral"):
        counts.append(f"{sum(role in row['image'] for row in rows)} with a {role}")
    counts.append(f"{sum('reference' in row for row in rows)} with a reference")
    note = f"{', '.join(counts)} ({RULE})"
    return FolderSuite(_kept(folder.resolve().name, sha256_json(rows), rows), folder, note)


def _rows_of_images(folder: Path, named: Mapping[str, Path]) -> Iterator[dict[str, Any]]:
    belongs = {
        f"{name}{mark}{ending}": role for name in named for ending, role in ROLE_ENDINGS.items() for mark in "_-"
    }
    for name, path in named.items():
        if name in belongs:
            continue
        images = {"current": str(path.relative_to(folder))}
        for ending, role in ROLE_ENDINGS.items():
            other = named.get(f"{name}_{ending}") or named.get(f"{name}-{ending}")
            if other is not None:
                images[role] = str(other.relative_to(folder))
        row: dict[str, Any] = {"question_id": name, "image": images, "text": FINDINGS_PROMPT}
        text = path.with_suffix(".txt")
        if text.is_file():
            row["reference"] = text.read_text(encoding="utf-8-sig", errors="replace").strip()
        yield row


def _of_dataset(folder: Path) -> FolderSuite:
    split = split_folder(folder)
    name = folder.resolve().name
    digest = sha256_json({path.name: sha256_file(path) for path in sorted(split.iterdir()) if path.is_file()})
    place = _place(name, digest)
    file = place / f"{name}.jsonl"
    if not file.exists():
        rows = [
            _row_of_dataset(row, number, where, place)
            for number, (where, row) in enumerate(read_dataset(split, images=True), start=1)
        ]
        _kept(name, digest, rows)
    return FolderSuite(file, place, f"the dataset {split}")


def _row_of_dataset(row: Mapping[str, Any], number: int, where: str, place: Path) -> dict[str, Any]:
    """A row as a line of a suite's file; its images are written beside it."""
    rest = dict(row)
    question_id = rest.pop("question_id", number)
    images: dict[str, str] = {}
    for role, columns in ROLE_COLUMNS.items():
        column = next((one for one in columns if one in rest), None)
        if column is None:
            continue
        cell = rest.pop(column)
        cells = cell if isinstance(cell, list) else [cell]
        for which, one in zip((role, "prior") if role == "current" else (role,), cells, strict=False):
            images[which] = _saved(one, f"images/{number:06d}_{which}", where, place)
    prompt = rest.pop("text", None) or rest.pop("prompt", None) or _prompt_for(rest)
    line = {"question_id": question_id, "text": prompt} | ({"image": images} if images else {})
    return line | {key: value for key, value in rest.items() if _is_json(value)}


def _prompt_for(row: Mapping[str, Any]) -> str:
    """The prompt that asks for what a row has as its reference."""
    key = next((key for key in REFERENCE_KEYS if key in row), None)
    return IMPRESSION_PROMPT if key == "impression" else FINDINGS_PROMPT


def _saved(cell: Any, name: str, where: str, place: Path) -> str:
    """Write an image below a folder; its name there.

    Raises:
        SuiteError: the cell holds no image.
    """
    data = _bytes_of(cell)
    if data is None:
        raise SuiteError("holds no image that can be read", where=where, hint="save the dataset with its images")
    ending = next((ending for head, ending in _HEADS.items() if data.startswith(head)), ".png")
    with atomic_write(place / f"{name}{ending}", "wb", private=True) as stream:
        stream.write(data)
    return f"{name}{ending}"


_HEADS = {b"\xff\xd8": ".jpg", b"II*\0": ".tif", b"MM\0*": ".tif", b"BM": ".bmp", b"RIFF": ".webp"}
"""How files of images begin; all else is PNG, which the reader tells from DICOM."""


def _bytes_of(cell: Any) -> bytes | None:
    if not isinstance(cell, Mapping):
        return None
    if cell.get("bytes"):
        return bytes(cell["bytes"])
    path = Path(str(cell.get("path") or ""))
    return path.read_bytes() if path.is_file() else None


def _is_json(value: Any) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def _place(name: str, digest: str) -> Path:
    return user_cache() / "suites" / f"{name}-{digest[:12]}"


def _kept(name: str, digest: str, rows: list[dict[str, Any]]) -> Path:
    """Write the lines of a suite into the cache, unless they are there."""
    file = _place(name, digest) / f"{name}.jsonl"
    if not file.exists():
        with atomic_write(file, private=True) as stream:
            stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return file
