"""Tables are read whatever a hospital's software makes of them."""

from __future__ import annotations

import gzip

import pandas as pd
import pytest

from benchmarks.errors import InputError
from benchmarks.prepare.frames import read_frame

ROWS = [{"id": "007", "text": "a, b"}, {"id": "8", "text": ""}]


@pytest.mark.parametrize(
    "data",
    [
        b'id,text\n007,"a, b"\n8,\n',
        b'\xef\xbb\xbfid,text\r\n007,"a, b"\r\n8,\r\n',
        b'id;text\n007;"a, b"\n8;\n',
        b"id\ttext\n007\ta, b\n8\t\n",
    ],
    ids=["plain", "bom and windows line ends", "semicolons", "tabs"],
)
@pytest.mark.parametrize("gzipped", [False, True])
def test_text_tables(data, gzipped, tmp_path):
    path = tmp_path / ("t.csv.gz" if gzipped else "t.csv")
    path.write_bytes(gzip.compress(data) if gzipped else data)
    assert read_frame(path, ["id"]).to_dict("records") == ROWS


@pytest.mark.parametrize("ending", ["xlsx", "parquet"])
def test_excel_and_parquet(ending, tmp_path):
    path = tmp_path / f"t.{ending}"
    frame = pd.DataFrame({"id": [7.0, 8.0], "text": ["a", None]})
    frame.to_excel(path, index=False) if ending == "xlsx" else frame.to_parquet(path)
    assert read_frame(path).to_dict("records") == [{"id": "7", "text": "a"}, {"id": "8", "text": ""}]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("t.csv.gz", b"<html>please log in</html>", "t.csv.gz: not a readable gzip"),
        ("t.csv.gz", gzip.compress(b"id\n" * 9999, mtime=0)[:40], "t.csv.gz: not a readable gzip"),
        ("t.csv", b"", "t.csv: is empty"),
        ("t.csv", b"id,text\n1,caf\xe9\n", "not UTF-8 text"),
        ("t.csv", b"id,text\n1,2,3,4\n5\n6,7,8,9,10,11\n", "not a readable table"),
        ("t.csv", b"text\nx\n", "t.csv: column id missing; it has: text"),
        ("t.xlsx", b"not excel", "not a readable Excel file"),
        ("t.parquet", b"not parquet", "not a readable Parquet file"),
    ],
)
def test_bad_tables_are_named(name, data, message, tmp_path):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_frame(tmp_path / name, ["id"])


def test_missing_files(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_frame(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_frame(tmp_path)
