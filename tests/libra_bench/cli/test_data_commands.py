"""`libra-bench data ...` as the real program: from files to a scored run, refusals, exit status, no report text."""

from __future__ import annotations

import csv
import json
import zipfile

import pandas as pd
import pytest
from fake_mimic import write_fake_mimic
from PIL import Image

SECRET = "extraordinarily widened mediastinum"


@pytest.fixture
def tree(tmp_path):
    write_fake_mimic(tmp_path / "mimic", patients=30, seed=1)
    return tmp_path / "mimic"


def result(done, status=0):
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout)


def test_the_road_from_hospital_files_to_a_scored_run(cli, tree):
    archive = tree / "mimic-cxr" / "2.0.0" / "mimic-cxr-reports.zip"
    metadata = tree / "mimic-cxr-jpg" / "2.0.0" / "mimic-cxr-2.0.0-metadata.csv.gz"
    cut = result(cli("data", "sections", archive, "--out", "s.csv", "--conclusions", "c.csv", "--json"))
    with zipfile.ZipFile(archive) as reports:
        assert cut["reports"] == len(reports.namelist())
    assert cut["filled"]["findings"] > cut["filled"]["impression"] > 0
    with (cli.folder / "c.csv").open(newline="") as stream:
        assert len(list(csv.reader(stream))) == cut["reports"]
    paired = result(cli("data", "priors", metadata, "--out", "pairs.csv", "--json"))
    assert paired["images"] == paired["with_prior"] + paired["without_prior"]
    built = result(
        cli(
            *("data", "build", "findings", "--mimic-root", tree, "--split", "train", "--sections", "s.csv"),
            *("--out", "findings.jsonl", "--json"),
        )
    )
    checked = result(cli("data", "check", "findings.jsonl", "--image-root", built["image_root"], "--json"))
    assert checked["samples"] == built["samples"]
    assert [remark for remark in checked["remarks"] if remark["level"] == "error"] == []
    scored = cli(
        *("run", "--suite", "findings.jsonl", "--image-root", built["image_root"], "--model", "echo"),
        *("--metrics", "temporal_f1", "--out", "run", "--limit", 5, "--no-report", "--no-plots"),
    )
    assert scored.returncode == 0, scored.stderr


def test_your_own_data_in_a_spreadsheet(cli):
    for name in ("a.png", "b.png"):
        Image.new("L", (16, 16), 50).save(cli.folder / name)
    table = [{"file": "a.png", "before": "b.png", "truth": "Unchanged.", "why": "Cough", "mrn": "P1"}]
    pd.DataFrame(table).to_excel(cli.folder / "mine.xlsx", index=False)
    built = result(
        cli(
            *("data", "import", "table", "mine.xlsx", "--out", "mine.jsonl", "--image-column", "file"),
            *("--prior-column", "before", "--reference-column", "truth", "--patient-column", "mrn"),
            *("--context", "Indication=why", "--json"),
        )
    )
    assert (built["samples"], built["with_prior"]) == (1, 1)
    run = ("run", "--suite", "mine.jsonl", "--model", "echo", "--metrics", "temporal_f1", "--out", "run")
    done = cli(*run, "--no-report", "--no-plots")
    assert done.returncode == 0, done.stderr
    answer = json.loads((cli.folder / "run" / "answers.jsonl").read_text())
    assert answer["text"].endswith("radiology image. Following clinical context: Indication: Cough")
    exported = cli("data", "export", "csv", "mine.jsonl", "--answers", "run/answers.jsonl", "--out", "mine.csv")
    assert exported.returncode == 0, exported.stderr
    assert "prediction" in (cli.folder / "mine.csv").read_text(encoding="utf-8-sig").splitlines()[0]


def test_rexrank_both_ways(cli):
    entry = {"image_path": ["/a.png"], "key_image_path": "/a.png", "section_findings": "Clear.", "context": "Age: 3."}
    Image.new("L", (16, 16), 50).save(cli.folder / "a.png")
    (cli.folder / "in.json").write_text(json.dumps({"50": {**entry, "section_impression": None}}))
    built = result(cli("data", "import", "rexrank", "in.json", "--out", "r.jsonl", "--json"))
    assert built["samples"] == 1
    (cli.folder / "answers.jsonl").write_text('{"question_id": "50", "text": "Predicted."}\n')
    done = cli("data", "export", "rexrank", "r.jsonl", "--answers", "answers.jsonl", "--out", "out.json")
    assert done.returncode == 0, done.stderr
    written = json.loads((cli.folder / "out.json").read_text())["50"]
    assert written["model_prediction"] == "Predicted."
    assert {key: written[key] for key in entry} == entry
    back = cli("data", "import", "rexrank", "out.json", "--out", "r2.jsonl", "--answers-out", "a2.jsonl")
    assert back.returncode == 0, back.stderr
    assert json.loads((cli.folder / "a2.jsonl").read_text())["text"] == "Predicted."


def test_phantoms(cli):
    counts = result(cli("data", "phantoms", "--patients", 2, "--seed", 3, "--out", "ph", "--image-size", 64, "--json"))
    assert counts["patients"] == 2
    assert len(list((cli.folder / "ph").rglob("*.png"))) == counts["images"]
    again = cli("data", "phantoms", "--patients", 2, "--out", "ph")
    assert again.returncode == 2
    assert "is not empty; pass --force" in again.stderr


def test_an_output_is_not_replaced_without_force_and_appears_only_when_complete(cli):
    (cli.folder / "p10").mkdir()
    (cli.folder / "p10" / "s5.txt").write_text("\n FINDINGS: clear.\n")
    (cli.folder / "s.csv").write_text("mine")
    refused = cli("data", "sections", "p10", "--out", "s.csv")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "error: s.csv: exists already; pass --force to replace it\n"
    assert (cli.folder / "s.csv").read_text() == "mine"
    assert cli("data", "sections", "p10", "--out", "s.csv", "--force").returncode == 0
    assert "s5,clear." in (cli.folder / "s.csv").read_text()
    assert sorted(path.name for path in cli.folder.iterdir()) == ["p10", "s.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("priors", "m.csv", "--out", "p.csv"),
            "m.csv: columns missing: StudyTime, study_id, dicom_id; it has",
        ),
        (("priors", "m.csv", "--out", "p.csv", "--rule", "frontl"), "unknown rule 'frontl'; did you mean 'frontal'?"),
        (("sections", "absent", "--out", "s.csv"), "absent: no such file or folder"),
        (("build", "slake", "m.csv", "--out", "x.txt"), "x.txt: cannot tell the format; end it in .jsonl"),
        (("check", "absent.jsonl"), "absent.jsonl: no such file"),
        (("export", "csv", "absent.jsonl", "--out", "x.csv"), "absent.jsonl: no such suite file"),
        (("import", "table", "m.csv", "--out", "x.jsonl", "--context", "a"), "--context: 'a' is not LABEL=COLUMN"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(cli, arguments, message):
    (cli.folder / "m.csv").write_text("subject_id,StudyDate\n1,2\n")
    done = cli("data", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {message}"), done.stderr
    assert done.stderr.count("\n") == 1


def test_check_says_every_error_with_its_line_and_ends_with_2(cli):
    rows = [{"question_id": 1, "image": ["no.png"], "text": "q", "reference": SECRET}] * 2
    (cli.folder / "s.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + "{\n")
    done = cli("data", "check", "s.jsonl")
    assert done.returncode == 2
    assert [line for line in done.stderr.splitlines() if line.startswith("error: ")] != []
    assert all(f"s.jsonl:{line}" in done.stderr for line in (1, 2, 3))
    assert "errors" in done.stdout
    assert len(result(cli("data", "check", "s.jsonl", "--json"), status=2)["remarks"]) == 3
    assert SECRET not in done.stdout + done.stderr


def test_check_names_a_kind_of_error_once_with_its_count_and_first_places(cli):
    rows = [{"question_id": number, "image": [f"{number}.png"], "text": "q", "reference": "r"} for number in range(6)]
    (cli.folder / "s.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = cli("data", "check", "s.jsonl")
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert line.startswith("error: 6 x no such image; check the name and --image-root: ")
    assert line.endswith(": s.jsonl:1, s.jsonl:2, s.jsonl:3 and 3 more")
    assert "--json lists every place" in done.stderr


def test_check_counts_rows_as_spreadsheets_do(cli):
    (cli.folder / "s.csv").write_text('question_id,text,reference\n1,"two\nlines",r\n2,,r\n')
    assert "s.csv:4 (row 3): the prompt (text) is empty" in cli("data", "check", "s.csv").stderr


def test_no_report_text_on_the_screen(cli):
    (cli.folder / "files" / "p10").mkdir(parents=True)
    for number in range(3):
        text = f"\n FINDINGS: {SECRET} caf\xe9.\n"
        (cli.folder / "files" / "p10" / f"s{number}.txt").write_bytes(text.encode("latin-1"))
    done = cli("data", "sections", "files", "--out", "s.csv")
    assert done.returncode == 0
    assert "3 reports are not UTF-8 and were read as Windows-1252: s0, s1, s2" in done.stderr
    assert SECRET not in done.stdout + done.stderr
    assert SECRET in (cli.folder / "s.csv").read_text()


def test_an_excel_file_is_no_suite_and_the_message_says_how_to_make_one(cli):
    (cli.folder / "mine.xlsx").write_bytes(b"PK")
    done = cli("data", "check", "mine.xlsx")
    assert done.returncode == 2
    assert "libra-bench data import table mine.xlsx --out mine.jsonl" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_suite_that_is_shipped_can_be_exported_by_its_name(cli):
    ended = cli("data", "export", "csv", "demo-vqa", "--out", "demo.csv")
    assert ended.returncode == 0, ended.stderr
    assert (cli.folder / "demo.csv").is_file()
    ended = cli("data", "export", "csv", "findings", "--out", "findings.csv")
    assert ended.returncode == 2
    assert "then give its file" in ended.stderr
    assert "--suite" not in ended.stderr
