"""A Hugging Face dataset on disk (`Dataset.save_to_disk`): its rows, and its images as bytes or paths."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.errors import InputError
from benchmarks.wording import first_line

SPLITS_FILE = "dataset_dict.json"
"""In the folder of several splits, each a folder of its own."""
STATE_FILE = "state.json"
USUAL_SPLIT = "test"


def is_dataset(path: Path) -> bool:
    """Whether a path is the folder of a dataset, or of its splits."""
    return path.is_dir() and any((path / name).is_file() for name in (SPLITS_FILE, STATE_FILE))


def split_folder(path: Path) -> Path:
    """The folder of the one split, or of the split `test`.

    Raises:
        InputError: there are several, and none is called so; names them.
    """
    if not (path / SPLITS_FILE).is_file():
        return path
    names = sorted(one.name for one in path.iterdir() if (one / STATE_FILE).is_file())
    if len(names) != 1 and USUAL_SPLIT not in names:
        raise InputError(
            f"has the splits {', '.join(names) or 'none'}", where=path, hint=f"give the folder of one: {path}/NAME"
        )
    return path / (names[0] if len(names) == 1 else USUAL_SPLIT)


def read_dataset(path: Path, *, images: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (place, row); absent values are left out.

    Args:
        path: the folder.
        images: whether columns of images are wanted, each cell {"bytes", "path"}; else they are left out.

    Raises:
        InputError: it cannot be read, or `datasets` is not installed.
    """
    try:
        import datasets
    except ImportError as error:
        raise InputError(
            "a dataset on disk needs `datasets`, which is not installed",
            where=path,
            hint='pip install "libra-bench[hub-data]"',
        ) from error
    folder = split_folder(path)
    try:
        rows = datasets.load_from_disk(str(folder))
        pictures = [name for name, feature in rows.features.items() if _holds_images(feature)]
        for name in pictures if images else ():
            rows = rows.cast_column(name, _undecoded(rows.features[name]))
        if not images:
            rows = rows.remove_columns(pictures)
        for number, row in enumerate(rows, start=1):
            yield f"{folder}: row {number}", {name: value for name, value in row.items() if value is not None}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:  # a file of it is damaged
        raise InputError(
            f"cannot be read as a dataset ({first_line(error)})", where=folder, hint="save it again: save_to_disk"
        ) from error


def _holds_images(feature: Any) -> bool:
    import datasets

    return isinstance(feature, datasets.Image) or _holds_images_in_list(feature)


def _holds_images_in_list(feature: Any) -> bool:
    import datasets

    return isinstance(feature, datasets.List) and isinstance(feature.feature, datasets.Image)


def _undecoded(feature: Any) -> Any:
    import datasets

    plain = datasets.Image(decode=False)
    return datasets.List(plain) if _holds_images_in_list(feature) else plain
