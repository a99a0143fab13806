"""The report as a file: what is in it, what must not be, and what it says of what is missing."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from run_folders import change_record

from benchmarks.errors import InputError
from benchmarks.suites import load_suite
from reports import LoadedRun, load
from reports.cases import Cases, find_source
from reports.first_look import Look, first_look
from reports.page import write_report

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)> =cmd|' /C calc'!A0 \u2028 𝔸"


class Elements(HTMLParser):
    """Every element of a page, and the text of its scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] == "script":
            self.scripts.append(data)


def parsed(path: Path) -> Elements:
    elements = Elements()
    elements.feed(path.read_text(encoding="utf-8"))
    return elements


def data_of(path: Path, name: str = "data") -> Any:
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', path.read_text(), re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def with_images(folder: Path) -> Path:
    for name in "abc":
        Image.new("L", (400, 300), 90).save(folder.parent / f"{name}.png")
    (folder.parent / "d.png").write_bytes(b"")
    return folder


def test_everything_of_a_case_is_there(make_run: Callable[..., Path]) -> None:
    spans = [
        {"question_id": 1, "metric": "temporal_f1", "side": "reference", "start": 12, "end": 18, "label": "larger"}
    ]
    report = write_report([with_images(make_run(spans=spans))])
    data = data_of(report.path)
    first, second, third = data["cases"]
    assert first["refs"] == ["Effusion is larger."]
    assert second["refs"] == ["No effusion.", "Clear lungs."]
    assert first["answers"][0]["text"] == "The effusion has increased."
    assert first["answers"][0]["scores"] == [40.0, 5.0]
    assert first["answers"][0]["spans"] == [["reference", 12, 18, "temporal_f1", "larger"]]
    assert (first["prior"], second["prior"]) == (True, False)
    assert third["answers"][0]["error"] == "cannot read d.png"
    assert set(data_of(report.path, "images")) == {"a.png", "b.png", "c.png"}


def test_it_loads_nothing_and_runs_only_its_own_script(make_run: Callable[..., Path]) -> None:
    page = parsed(write_report([with_images(make_run())]).path)
    for tag, attributes in page.found:
        for name in ("src", "href"):
            target = attributes.get(name) or ""
            assert target.startswith(("data:", "#")) or not target, (tag, target)
    assert [tag for tag, _ in page.found].count("script") == 3
    (policy,) = [
        attributes["content"] for tag, attributes in page.found if tag == "meta" and "http-equiv" in attributes
    ]
    assert policy is not None
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]{44}'$", policy)


def test_the_scripts_hash_is_the_policys(make_run: Callable[..., Path]) -> None:
    from reports.page import script_hash

    text = write_report([make_run()]).path.read_text(encoding="utf-8")
    source = text[text.rindex("<script>") + len("<script>") : text.rindex("</script>")]
    assert script_hash(source) in html.unescape(text)


def test_text_stays_text(make_run: Callable[..., Path]) -> None:
    samples = [{"question_id": EVIL, "image": [], "text": EVIL, "reference": EVIL, "view": EVIL, "labels": [EVIL]}]
    answers = [{"question_id": EVIL, "prompt": EVIL, "text": EVIL, "metadata": {"finish": "error", "error": EVIL}}]
    floors = [{"name": EVIL, "n": 1, "scores": {"BLEU1": 1.0}}]
    folder = make_run(samples=samples, answers=answers, sample_scores={EVIL: [1.0]}, model=EVIL, floors=floors, n=1,
                      card={"note": EVIL, "trained_on": [EVIL]}, command=EVIL)  # fmt: skip
    report = write_report([folder])
    page = parsed(report.path)
    assert [tag for tag, _ in page.found].count("script") == 3
    assert not [attributes for _, attributes in page.found if "onerror" in attributes]
    (case,) = data_of(report.path)["cases"]
    assert (case["id"], case["prompt"], case["refs"], case["answers"][0]["text"]) == (EVIL, EVIL, [EVIL], EVIL)


def test_span_offsets_count_as_javascript_does(make_run: Callable[..., Path]) -> None:
    samples = [{"question_id": 1, "text": "Q", "reference": ["𝔸 new", "𝔸𝔸 new"]}]
    answers = [{"question_id": 1, "prompt": "Q", "text": "𝔸𝔸𝔸 new", "metadata": {}}]
    places = {"prediction": (4, 7), "reference": (2, 5), "reference 2": (3, 6)}
    spans = [
        {"question_id": 1, "metric": "temporal_f1", "side": side, "start": start, "end": end, "label": "new"}
        for side, (start, end) in places.items()
    ]
    report = write_report([make_run(samples=samples, answers=answers, spans=spans, sample_scores={"R": [1.0]})])
    found = {span[0]: (span[1], span[2]) for span in data_of(report.path)["cases"][0]["answers"][0]["spans"]}
    assert found == {"prediction": (7, 10), "reference": (3, 6), "reference 2": (5, 8)}


def test_without_text_only_ids_scores_and_counts_remain(make_run: Callable[..., Path]) -> None:
    samples = [
        {"question_id": "case-1", "image": ["a.png"], "text": "zq the prompt", "reference": "zq the reference",
         "indication": "chest pain of Jane Doe", "labels": ["zq a label"], "prior": "a field called prior"}
    ]  # fmt: skip
    answer = {
        "text": "zq the answer",
        "finish": "zq a finish",
        "new_tokens": "zq tokens",
        "seconds": "seconds in words",
    }
    metadata = {**answer, "alternatives": [{"text": "zq the second", "score": 0.1}] * 2, "error": "zq the error"}
    answers = [{"question_id": "case-1", "prompt": "zq the prompt", "text": "zq the answer", "metadata": metadata}]
    spans = [{"question_id": "case-1", "metric": "m", "side": "prediction", "start": 0, "end": 3, "label": "zq a span"}]
    strata = [
        {"by": by, "level": samples[0][by], "n": 1, "scores": [{"key": "ROUGE-L", "value": 41.5}]}
        for by in ("indication", "prior")
    ]
    folder = make_run(
        samples=samples, answers=answers, spans=spans, sample_scores={"ROUGE-L": [41.5]}, strata=strata,
        model="/a/path/to/weights", card={"note": "a note of the card"}, device="served at a place",
        warnings=["a warning of /a/path"], details={"label_set": {"zq a label": 1.0}},
        floors=[{"name": "a reader's name", "n": 1, "scores": {"ROUGE-L": 1.0}}],
        unavailable=[{"metric": "chexbert", "reason": "no file /a/path/m.pth", "remedy": "see /a/path"}],
        command="libra-bench run --image-root /a/path --option body=all",
    )  # fmt: skip
    (folder / "audit.json").write_text(json.dumps({"verdicts": ["a verdict on Jane Doe"], "arms": [], "baseline": {}}))
    report = write_report([with_images(folder)], text=False)
    page = report.path.read_text(encoding="utf-8")
    record = json.loads((folder / "run.json").read_text())
    values = [value for value in _strings([samples, metadata, spans]) if value not in ("case-1", "m", "prediction")]
    said = ["Jane Doe", "a reader", "served at", "/a/path", "body=all", record["suite"]["file"], str(folder.parent)]
    for text in [*values, *said, record["command"], "a note of", "a warning"]:
        assert text not in page, text
        assert json.dumps(text)[1:-1] not in page, text
    assert "data:image/webp" not in page
    (case,) = data_of(report.path)["cases"]
    assert case["answers"][0]["scores"] == [41.5]
    assert "by indication" in page
    assert "level 1" in page


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


def test_missing_images_are_counted_and_explained(make_run: Callable[..., Path]) -> None:
    report = write_report([with_images(make_run())])
    assert (report.n_images, report.n_missing_images) == (3, 1)
    assert "1 of 4 images could not be read; placeholders show where they belong." in report.notes
    assert data_of(report.path)["missing"] == {"d.png": "is an empty file"}


def test_an_image_outside_the_root_is_not_read(make_run: Callable[..., Path], tmp_path: Path) -> None:
    Image.new("L", (8, 8)).save(tmp_path / "outside.png")
    samples = [{"question_id": 1, "image": ["../outside.png"], "text": "Q", "reference": "R"}]
    report = write_report([make_run(samples=samples, sample_scores={"R": [1.0]})])
    assert (report.n_images, report.n_missing_images) == (0, 1)


def test_thumbnails_are_small(make_run: Callable[..., Path]) -> None:
    import base64
    import io

    report = write_report([with_images(make_run())])
    source = data_of(report.path, "images")["a.png"]
    picture = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2])))
    assert (picture.format, picture.size) == ("WEBP", (320, 240))


def test_links_lead_from_the_page_to_the_files(make_run: Callable[..., Path], tmp_path: Path) -> None:
    folder = with_images(make_run())
    report = write_report([folder], tmp_path / "elsewhere" / "page.html", images="link")
    link = data_of(report.path, "images")["a.png"]
    assert (report.path.parent / link).resolve() == (folder.parent / "a.png").resolve()
    assert "data:image/webp" not in report.path.read_text()


def test_no_images_at_all(make_run: Callable[..., Path]) -> None:
    report = write_report([with_images(make_run())], images="none")
    assert data_of(report.path)["images"] is False
    assert report.n_images == 0


def test_without_the_suite_file_predictions_remain(make_run: Callable[..., Path]) -> None:
    folder = make_run()
    (folder.parent / "demo.jsonl").unlink()
    change_record(folder, suite={"name": "mine"})
    report = write_report([folder])
    assert any("is not there: prompts and predictions only" in note for note in report.notes)
    first = data_of(report.path)["cases"][0]
    assert (first["refs"], first["prompt"]) == ([], "Describe.")


def test_a_changed_suite_file_is_not_shown_as_the_reference(make_run: Callable[..., Path]) -> None:
    folder = make_run()
    with (folder.parent / "demo.jsonl").open("a") as stream:
        stream.write('{"question_id": 4, "text": "Q", "reference": "R"}\n')
    change_record(folder, suite={"name": "mine"})
    report = write_report([folder])
    assert any("has changed since the run" in note for note in report.notes)
    assert data_of(report.path)["cases"][0]["refs"] == []


def test_a_suite_that_was_read_is_not_read_again(
    make_run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_run()
    file = folder.parent / "demo.jsonl"
    known, changed = load_suite(file), load_suite(file)
    expected = data_of(write_report([folder]).path)
    monkeypatch.setattr("benchmarks.suites.read_samples", lambda *path, **options: [])
    assert data_of(write_report([folder], known=known).path) == expected
    other = replace(changed, sha256="0" * 64)  # read before it was the run's
    assert data_of(write_report([folder], known=other).path)["cases"][0]["refs"] == []


def test_a_moved_suite_file_can_be_named(make_run: Callable[..., Path], tmp_path: Path) -> None:
    folder = with_images(make_run())
    moved = (folder.parent / "demo.jsonl").rename(tmp_path / "moved.jsonl")
    report = write_report([folder], suite=moved, image_root=folder.parent)
    assert data_of(report.path)["cases"][0]["refs"] == ["Effusion is larger."]
    assert report.n_images == 3


def test_an_unfinished_run_says_what_is_missing(make_run: Callable[..., Path]) -> None:
    folder = make_run()
    lines = (folder / "answers.jsonl").read_text().splitlines(keepends=True)
    (folder / "answers.jsonl").write_text("".join(lines[:2]))
    (folder / "samples.csv").unlink()  # a run that is not finished has not been scored
    report = write_report([folder])
    assert report.n_cases == 2
    assert "libra-tiny has answered 2 of 3 studies: run it again to continue." in report.notes


def test_no_cases(make_run: Callable[..., Path]) -> None:
    report = write_report([make_run(samples=[], answers=[])])
    assert report.n_cases == 0
    assert "Cases (0)" in report.path.read_text()


def test_a_run_without_scores_shows_its_cases(make_run: Callable[..., Path]) -> None:
    folder = make_run()
    for name in ("scores.json", "samples.csv", "spans.jsonl"):
        (folder / name).unlink()
    report = write_report([folder])
    assert any("has not been scored" in note for note in report.notes)
    assert report.n_cases == 3
    assert "There are no scores." in report.path.read_text()


def test_a_run_without_answers_is_refused(make_run: Callable[..., Path]) -> None:
    folder = make_run()
    (folder / "answers.jsonl").unlink()
    with pytest.raises(InputError, match=r"no answers\.jsonl"):
        write_report([folder])
    assert not (folder / "report.html").exists()


def test_two_runs_side_by_side(make_run: Callable[..., Path]) -> None:
    a = make_run("a", model="one", fingerprint="a")
    b = make_run("b", model="two", fingerprint="b", sample_scores={"ROUGE-L": [1.0, 2.0, 3.0]})
    data = data_of(write_report([a, b]).path)
    assert [run["name"] for run in data["runs"]] == ["one", "two"]
    assert [answer["scores"] for answer in data["cases"][0]["answers"]] == [[40.0, 5.0], [1.0, None]]


def test_runs_of_different_suites_are_refused(make_run: Callable[..., Path]) -> None:
    a, b = make_run("a"), make_run("b", suite="other", fingerprint="b")
    with pytest.raises(InputError, match=r"is a run of suite 'demo', .* of 'other'; give two runs of the same suite"):
        write_report([a, b])


def test_runs_of_different_studies_are_refused(make_run: Callable[..., Path]) -> None:
    a, b = make_run("a"), change_record(make_run("b", fingerprint="b"), suite={"sha256": "another"})
    with pytest.raises(InputError, match="were asked different studies of suite 'demo'"):
        write_report([a, b])


def test_three_runs_are_refused(make_run: Callable[..., Path]) -> None:
    runs = [make_run(name, fingerprint=name) for name in "abc"]
    with pytest.raises(InputError, match="one run or of two, not of 3"):
        write_report(runs)


def test_the_same_run_gives_the_same_bytes(make_run: Callable[..., Path]) -> None:
    folder = with_images(make_run())
    assert write_report([folder]).path.read_bytes() == write_report([folder]).path.read_bytes()


def looks_at(run: LoadedRun) -> list[Look]:
    cases = Cases([run], find_source(run))
    assert len(list(cases)) == 3
    return first_look(run, cases)


def test_what_to_look_at_first(make_run: Callable[..., Path]) -> None:
    errors = {
        "Report-errors-score": [90.0, 20.0, None],
        "Report-errors-false-finding": [0.0, 2.0, None],
        "Report-errors-missing-finding": [1.0, 1.0, None],
    }
    floors = [{"name": "empty", "n": 3, "scores": {"BLEU1": 60.0, "ROUGE-L": 1.0}}]
    run = load(make_run(sample_scores=errors, floors=floors))
    looks = {look.text: list(look.cases) for look in looks_at(run)}
    assert looks == {
        "1 study failed": [3],
        "1 study ended at the limit of new tokens": [2],
        "missing finding errors in 2 studies of 3": [1, 2],
        "false finding errors in 1 study of 3": [2],
        "the lowest Report errors, score": [2, 1],
        "BLEU-1 (%): the reference point “empty text” scores as well": [],
    }
    page = write_report([run]).path.read_text()
    assert "What to look at first" in page
    assert '<a href="#case=2">2</a>' in page


def test_a_text_that_is_given_often_is_said(make_run: Callable[..., Path]) -> None:
    answers = [
        {"question_id": at, "prompt": "p", "text": "No change.", "answer_id": str(at), "model_id": "m",
         "metadata": {"finish": "stop"}}
        for at in (1, 2, 3)
    ]  # fmt: skip
    run = load(make_run(answers=answers))
    assert "3 of 3 answers are the same text" in [look.text for look in looks_at(run)]


def test_what_an_audit_found_is_on_the_page_and_a_damaged_one_is_one_line(make_run):
    folder = make_run(samples=[{"question_id": 1, "text": "Describe.", "reference": "Clear."}])
    arm = {"arm": "no-image", "n": 1, "identical_texts": 0.5, "scores": [{"key": "ROUGE-L", "difference": -1.234}]}
    found = {"verdicts": ["Does it look? Yes."], "baseline": {"ROUGE-L": 40.0, "BLEU1": None}, "arms": [arm]}
    (folder / "audit.json").write_text(json.dumps(found))
    page = write_report([folder]).path.read_text(encoding="utf-8")
    assert all(words in page for words in ("Does it look? Yes.", "no-image", "50 %", "-1.23"))
    (folder / "audit.json").write_text(json.dumps({**found, "arms": 3}))
    with pytest.raises(InputError, match="arms"):
        write_report([folder])
