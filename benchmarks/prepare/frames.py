"""Read the tables that data sets come with (CSV, also gzipped, TSV, Excel, Parquet): cells as text, columns checked."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.errors import InputError
from benchmarks.files import reading

if TYPE_CHECKING:
    import pandas as pd


def read_frame(path: Path, needs: Sequence[str] = (), *, sheet: str | None = None) -> pd.DataFrame:
    """Read a table; an empty cell is an empty text, numbers stay as they are written.

    Text files are UTF-8 with or without a byte-order mark, with any line ends, separated by commas, semicolons or tabs
    (whichever the first line has most of), gzipped where the name ends in `.gz`.

    Args:
        path: `.xlsx` and `.parquet` by their ending, text otherwise.
        needs: columns that must be there.
        sheet: an Excel file's sheet; None: the first.

    Raises:
        InputError: the file or a column is missing, or the file cannot be read.
    """
    with reading(path):
        match path.suffix.lower():
            case ".xlsx" | ".xlsm" | ".xls":
                frame = _read_excel(path, sheet)
            case ".parquet":
                frame = _read_parquet(path)
            case _:
                frame = _read_text(path)
    missing = [column for column in needs if column not in frame.columns]
    if missing:
        has = ", ".join(map(str, frame.columns))
        columns = "column" if len(missing) == 1 else "columns"
        raise InputError(f"{columns} {', '.join(missing)} missing", where=path, hint=f"it has: {has}")
    return frame


def _read_text(path: Path) -> pd.DataFrame:
    import pandas as pd

    gzipped = path.suffix.lower() == ".gz"
    try:
        with gzip.open(path, "rt", encoding="utf-8-sig") if gzipped else path.open(encoding="utf-8-sig") as stream:
            first = stream.readline()
            stream.seek(0)
            separator = max(",;\t", key=first.count)
            return pd.read_csv(stream, sep=separator, dtype=str, keep_default_na=False, na_filter=False)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"not a readable gzip ({error})", where=path, hint="download it again") from error
    except pd.errors.EmptyDataError as error:
        raise InputError("is empty", where=path, hint="give a file with a header line") from error
    except pd.errors.ParserError as error:
        reason = str(error).removeprefix("Error tokenizing data. C error: ").strip()
        raise InputError(f"not a readable table ({reason})", where=path, hint="check its quotes and commas") from error


def _read_excel(path: Path, sheet: str | None) -> pd.DataFrame:
    import pandas as pd

    with path.open("rb") as stream:
        try:
            frame = pd.read_excel(stream, sheet_name=0 if sheet is None else sheet, dtype=object, na_filter=False)
        except ImportError as error:
            raise InputError(
                "Excel needs openpyxl, which is not installed", where=path, hint='pip install "libra-bench[tables]"'
            ) from error
        except (OSError, ValueError, KeyError, zlib.error, zipfile.BadZipFile) as error:
            what = f"not a readable Excel file ({error})"
            raise InputError(what, where=path, hint="save it as .xlsx or CSV") from error
    return _as_text(frame)


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    with path.open("rb") as stream:
        try:
            return _as_text(pd.read_parquet(stream))
        except ImportError as error:
            raise InputError(
                "Parquet needs pyarrow, which is not installed", where=path, hint='pip install "libra-bench[tables]"'
            ) from error
        except (OSError, ValueError) as error:
            raise InputError("not a readable Parquet file", where=path, hint="write it again") from error


def _as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Cells as text; whole numbers without a fraction, dates as ISO, nothing as the empty text."""
    return frame.map(_cell).rename(columns=str)


def _cell(value: object) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
