"""The report of a large run: a page, and its cases in pieces beside it, which go together whatever happens."""

from __future__ import annotations

import html
import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from run_folders import DEMO, write_large_run

from benchmarks.files.folder_lock import locked
from libra_bench.runs.shown_folder import draw
from reports.cases.pieces import CASES_PER_PIECE
from reports.page import Report, write_report
from reports.page.settings import Settings, is_whole, settings_of

N = 2 * CASES_PER_PIECE + 7


def written(*arguments: Any, **options: Any) -> Report:
    """A report without plots, which take most of the time."""
    return write_report(*arguments, drawn=dict, **options)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_large_run(tmp_path_factory.mktemp("large") / "run", N)


def value_of(piece: Path) -> Any:
    """What a piece hands to the page."""
    found = re.fullmatch(r'reportPiece\("(\w+)", (".*")\);\n', piece.read_text(encoding="ascii"))
    assert found is not None
    assert found[1] == piece.stem
    return json.loads(json.loads(found[2]))


def data_of(page: Path) -> Any:
    found = re.search(r'id="data">(.*?)</script>', page.read_text())
    assert found is not None
    return json.loads(found[1])


def everything(page: Path) -> dict[str, bytes]:
    """The files of a report."""
    return {
        str(path.relative_to(page.parent)): path.read_bytes()
        for path in page.parent.rglob("*")
        if path.is_file() and (path == page or "_cases/" in str(path))
    }


def test_every_case_is_in_one_piece_and_none_in_the_page(large: Path, tmp_path: Path) -> None:
    one = written([large], tmp_path / "one.html", images="none")
    many = written([large], tmp_path / "many.html", images="none", max_cases_in_page=N - 1)
    assert (one.pieces, many.n_cases) == (None, N)
    assert many.pieces is not None
    whole, head = data_of(one.path), data_of(many.path)
    pieces = [value_of(path) for path in sorted(many.pieces.glob("0*.js"))]
    assert [len(piece["cases"]) for piece in pieces] == [CASES_PER_PIECE, CASES_PER_PIECE, 7]
    assert [case for piece in pieces for case in piece["cases"]] == whole["cases"]
    assert value_of(many.pieces / "index.js") == whole["index"]
    assert value_of(many.pieces / "words.js") == whole["words"]
    assert head == {
        "runs": whole["runs"], "columns": whole["columns"], "text": True, "marks": ["temporal_f1"], "images": False,
        "folder": f"many_cases/{many.pieces.name}", "size": CASES_PER_PIECE,
    }  # fmt: skip
    assert "has resolved" not in many.path.read_text()
    policies = [html.unescape(found) for found in re.findall(r'script-src ([^"]*)"', many.path.read_text())]
    assert [re.sub(r"sha256-[^']+", "HASH", policy) for policy in policies] == ["'HASH' 'strict-dynamic'"]
    assert is_whole(many.path)
    (many.pieces / "index.js").unlink()
    assert not is_whole(many.path)


def test_images_are_links_unless_thumbnails_are_asked_for(large: Path, tmp_path: Path) -> None:
    links = written([large], tmp_path / "links.html", max_cases_in_page=10)
    assert links.pieces is not None
    images = value_of(links.pieces / "0000.js")["images"]
    name, source = next(iter(images.items()))
    assert (links.path.parent / source).resolve() == (DEMO / name).resolve()
    assert any("--embed-images" in note for note in links.notes)
    small = written([large], tmp_path / "small.html", images="embed", max_cases_in_page=10)
    assert small.pieces is not None
    assert value_of(small.pieces / "0000.js")["images"][name].startswith("data:image/webp")


def test_an_image_that_browsers_cannot_show_is_no_link(make_run: Callable[..., Path]) -> None:
    folder = make_run()
    for name in ("a.png", "b.png", "c.png", "d.png"):
        (folder.parent / name).write_bytes(b"")
    suite = folder.parent / "demo.jsonl"
    suite.write_text(suite.read_text().replace("a.png", "a.dcm"))
    (folder.parent / "a.dcm").write_bytes(b"")
    record = json.loads((folder / "run.json").read_text())
    record["suite"]["sha256"] = None
    (folder / "run.json").write_text(json.dumps(record))
    report = written([folder], max_cases_in_page=1)
    assert report.pieces is not None
    missing = value_of(report.pieces / "0000.js")["missing"]
    assert missing == {"a.dcm": "browsers do not show this kind of file; `libra-bench serve` does"}


def test_without_text_no_piece_has_any(make_run: Callable[..., Path]) -> None:
    texts = {"text": "zq prompt", "reference": "zq reference", "indication": "zq of Jane Doe", "view": "zq view"}
    samples = [{"question_id": f"case-{at}", "image": ["a.png"], "labels": ["zq label"], **texts} for at in range(3)]
    metadata = {"error": "zq error", "finish": "zq finish", "alternatives": [{"text": "zq other"}] * 2}
    answers = [
        {"question_id": f"case-{at}", "prompt": "zq prompt", "text": "zq answer", "metadata": metadata}
        for at in range(3)
    ]
    spans = [{"question_id": "case-1", "metric": "m", "side": "prediction", "start": 0, "end": 2, "label": "zq span"}]
    folder = make_run(samples=samples, answers=answers, spans=spans)
    Image.new("L", (40, 30), 90).save(folder.parent / "a.png")
    report = written([folder], text=False, max_cases_in_page=1)
    assert report.pieces is not None
    assert {path.name for path in report.pieces.iterdir()} == {"0000.js", "index.js"}
    for name, content in everything(report.path).items():
        for word in (b"zq", b"Jane", b"a.png", b"data:image/webp"):
            assert word not in content, (name, word)
    assert value_of(report.pieces / "index.js")["ids"] == ["case-0", "case-1", "case-2"]
    assert value_of(report.pieces / "0000.js")["cases"][0]["answers"][0]["scores"] == [40.0, 5.0]


def test_who_may_read_the_folder_of_the_page_may_read_its_cases_and_no_others(large: Path, tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir(mode=0o700)
    for name in ("ours/page.html", "new/page.html"):
        report = written([large], tmp_path / name, images="none", max_cases_in_page=1)
        assert report.pieces is not None
        for folder in (report.pieces, report.pieces.parent):
            assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(report.path.parent.stat().st_mode)
        assert {stat.S_IMODE(path.stat().st_mode) for path in report.pieces.iterdir()} == {0o600}


def test_a_new_version_takes_the_place_of_the_old_one(make_run: Callable[..., Path]) -> None:
    folder = make_run()
    first = written([folder], images="none", max_cases_in_page=1)
    again = written([folder], images="none", max_cases_in_page=1)
    assert first.pieces is not None
    assert again.pieces == first.pieces
    theirs = folder / "report_cases" / "notes"
    theirs.mkdir()
    answers = (folder / "answers.jsonl").read_text().replace("Clear lungs.", "No change.")
    (folder / "answers.jsonl").write_text(answers)
    second = written([folder], images="none", max_cases_in_page=1)
    assert second.pieces is not None
    assert {path.name for path in (folder / "report_cases").iterdir()} == {second.pieces.name, "notes"}
    theirs.rmdir()
    written([folder], images="none")
    assert not (folder / "report_cases").exists()


def test_what_ends_in_the_middle_leaves_the_old_report(large: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    written([large], path, images="none", max_cases_in_page=1)
    before = everything(path)
    done = 0

    def stopping() -> None:
        nonlocal done
        done += 1
        if done > 60:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written([large], path, max_cases_in_page=1, on_images=lambda total: stopping)
    assert everything(path) == before
    assert is_whole(path)


def test_what_a_killed_process_was_writing_is_removed(make_run: Callable[..., Path]) -> None:
    folder = make_run()
    left = folder / "report_cases" / ".new.999999999.tmp"
    left.mkdir(parents=True)
    (left / "0000.js").write_text("half")
    with locked(folder):
        assert not left.exists()
    same_number = folder / "report_cases" / f".new.{os.getpid()}.tmp"
    same_number.mkdir(parents=True)
    (same_number / "0007.js").write_text("of a killed process, with text")
    report = written([folder], text=False, max_cases_in_page=1)
    assert report.pieces is not None
    assert {path.name for path in report.pieces.iterdir()} == {"0000.js", "index.js"}


def test_it_is_made_again_as_it_was_and_where_a_piece_is_gone(make_run: Callable[..., Path]) -> None:
    folder = make_run()
    report = written([folder], text=False, one_file=True)
    assert settings_of(report.path) == Settings(text=False, one_file=True)
    assert draw(folder, plots=False)
    assert settings_of(report.path) == Settings(text=False, one_file=True)
    assert not draw(folder, plots=False)
    written([folder], text=False, one_file=True, max_cases_in_page=1)
    assert not draw(folder, plots=False)
    pieces = written([folder], text=False, max_cases_in_page=1).pieces
    assert pieces is not None
    (pieces / "index.js").unlink()
    assert draw(folder, plots=False)
    assert settings_of(report.path) == Settings(text=False)
