"""The sections equal those of the published parser."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import pytest
from every_case import every_case
from repository import GOLDEN

from benchmarks.errors import InputError
from benchmarks.prepare.reports import ReportCounts, cut_reports, decode_report, find_reports, write_sections
from benchmarks.prepare.section_rules import CONCLUSION_SECTION, CONCLUSION_SPAN
from benchmarks.prepare.sections import section_report, section_text

ORACLE = json.loads((GOLDEN / "sections.json").read_text(encoding="utf-8"))
TABLE = ORACLE["create_section_files"]["--no_split"]["files"]
REPORTS = {report["study"]: report["text"] for report in ORACLE["reports"]}


@every_case("report", ORACLE["reports"])
def test_sections_names_and_starts_equal_the_published_parser(report):
    texts, names, starts = section_text(report["text"])
    assert (texts, names, starts) == (report["sections"], report["section_names"], report["section_idx"])


def plant(root: Path) -> Path:
    """The oracle's reports in MIMIC's layout: even studies, odd ones, then the ones cut by hand, a patient each."""
    hand = 0
    for study, text in REPORTS.items():
        patient = root / "p10" / f"p1000000{int(study[1:]) % 2}"
        if study in CONCLUSION_SECTION or study in CONCLUSION_SPAN:
            patient = root / "p19" / f"p1900000{hand}"
            hand += 1
        patient.mkdir(parents=True, exist_ok=True)
        (patient / f"{study}.txt").write_bytes(text.encode())
    assert hand == 5
    return root


def tables(source: Path, tmp_path: Path, workers: int = 1) -> tuple[bytes, bytes, ReportCounts]:
    counts = ReportCounts()
    out, conclusions = tmp_path / "sections.csv", tmp_path / "conclusions.csv"
    write_sections(cut_reports(source, counts=counts, workers=workers), out, conclusions=conclusions)
    return out.read_bytes(), conclusions.read_bytes(), counts


def test_the_written_tables_equal_the_published_script(tmp_path):
    sections, conclusions, counts = tables(plant(tmp_path / "files"), tmp_path)
    assert sections.decode() == TABLE["mimic_cxr_sectioned.csv"]
    assert conclusions.decode() == TABLE["mimic_cxr_sections.csv"]
    assert (counts.reports, counts.by_hand) == (len(REPORTS), 5)


def test_studies_cut_by_hand_have_a_conclusion_and_no_sections():
    assert (len(CONCLUSION_SECTION), len(CONCLUSION_SPAN)) == (23, 31)
    text = "x\n INDICATION: why.\n RECOMMENDATION: follow up.\n"
    assert section_report("s50913680", text).sections is None
    assert section_report("s50913680", text).conclusion == "follow up."
    assert section_report("s50525523", "0123456789" * 50).conclusion == ("0123456789" * 50)[201:349]
    assert section_report("s58235663", text).conclusion == ""
    assert section_report("s56451190", text).conclusion == ""  # its section is not there: no crash


def test_zip_and_folder_and_several_processes_give_the_same_tables(tmp_path):
    root = plant(tmp_path / "files")
    for number in range(2100):
        (root / "p11" / "p11000000").mkdir(parents=True, exist_ok=True)
        (root / "p11" / "p11000000" / f"s{51000000 + number}.txt").write_text(f"\n FINDINGS: number {number}.\n")
    archive = tmp_path / "mimic-cxr-reports.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(root.rglob("*.txt"), reverse=True):
            file.write(path, Path("files") / path.relative_to(root))
    from_folder = tables(root, tmp_path)
    assert tables(archive, tmp_path)[:2] == from_folder[:2]
    assert tables(archive, tmp_path, workers=2) == from_folder


def test_a_table_whose_name_ends_in_gz_is_gzipped(tmp_path):
    write_sections(cut_reports(plant(tmp_path / "files")), tmp_path / "s.csv.gz")
    assert gzip.decompress((tmp_path / "s.csv.gz").read_bytes()).decode() == TABLE["mimic_cxr_sectioned.csv"]


def test_a_damaged_member_of_a_zip_is_named(tmp_path):
    archive = tmp_path / "r.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("p10/s5.txt", "\n FINDINGS: clear.\n" * 50)
    data = bytearray(archive.read_bytes())
    data[45:50] = b"\xff" * 5
    archive.write_bytes(data)
    with pytest.raises(InputError, match=r"report p10/s5.txt cannot be read"):
        list(cut_reports(archive))


def test_only_the_wanted_studies_are_cut(tmp_path):
    root = plant(tmp_path / "files")
    assert [report.study for report in cut_reports(root, studies={"s50000002", "s59999999"})] == ["s50000002"]


def test_study_folders_with_images_are_not_walked(tmp_path):
    patient = tmp_path / "p10" / "p10000032"
    (patient / "s50414267").mkdir(parents=True)
    (patient / "s50414267" / "s1.txt").write_text("not a report")
    (patient / "s50414267.txt").write_text("\n FINDINGS: clear.\n")
    assert find_reports(tmp_path) == {"s50414267": "p10/p10000032/s50414267.txt"}


@pytest.mark.parametrize(
    ("data", "other"),
    [
        (b"\xef\xbb\xbf\r\n FINDINGS: caf\xc3\xa9\r\n", False),
        ("\n FINDINGS: café\n".encode("utf-16"), False),
        (b"\n FINDINGS: caf\xe9\n", True),
    ],
    ids=["bom and windows line ends", "utf-16", "windows-1252"],
)
def test_any_encoding_is_read_and_the_odd_ones_are_named(data, other, tmp_path):
    assert decode_report(data) == ("\n FINDINGS: café\n", other)
    (tmp_path / "s5.txt").write_bytes(data)
    _, _, counts = tables(tmp_path, tmp_path / "out")
    assert counts.other_encoding == (["s5"] if other else [])


def test_bad_sources_are_named(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        find_reports(tmp_path / "absent")
    with pytest.raises(InputError, match="no reports here"):
        find_reports(tmp_path)
    broken = tmp_path / "reports.zip"
    broken.write_bytes(b"PK not a zip")
    with pytest.raises(InputError, match="not a readable zip"):
        find_reports(broken)
    for patient in ("p1", "p2"):
        (tmp_path / patient).mkdir()
        (tmp_path / patient / "s5.txt").write_text("x")
    with pytest.raises(InputError, match="s5 occurs twice"):
        find_reports(tmp_path)
