"""`data build` of the published data sets and `suites show`, as commands: cards, steps, refusals."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from repository import ROOT, load_script

from benchmarks.catalog import SUITES
from benchmarks.files import sha256_file
from benchmarks.records.data_card import read_card

SOURCES = {
    "rexgradient": ["rexgradient"],
    "chexpert-plus": ["chexpert-plus"],
    "padchest-gr": ["padchest-gr"],
    "rexvqa": ["rexvqa"],
    "iu-xray": ["iu-xray/ReXRank_IUXray_test.json"],
    "vqa-rad": ["vqa-rad/VQA_RAD Dataset Public.json", "--split", "test"],
    "slake": ["slake/test.json"],
    "ms-cxr-t": ["ms-cxr-t", "--mimic-root", "ms-cxr-t/mimic", "--workers", 1],
    "chextemporal": ["chextemporal"],
}


@pytest.fixture(scope="module")
def fakes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fakes")
    load_script("make_fake_datasets").write_fakes(folder, patients=3)
    return folder


@pytest.fixture
def build(cli, fakes):
    """A suite of a fake, built into the test's folder."""

    def command(name, *more, source=None):
        first, *others = source or SOURCES[name]
        paths = [fakes / word if str(word).startswith(name) else word for word in (first, *others)]
        return cli("data", "build", name, *paths, "--out", f"{name}.jsonl", *more)

    return command


def test_every_suite_of_the_catalogue_has_a_source_and_a_licence():
    assert SOURCES.keys() <= {card.name for card in SUITES}
    for card in SUITES:
        assert card.licence, card.name
        assert card.file or (card.homepage and card.source), card.name


@pytest.mark.parametrize("name", SOURCES)
def test_a_suite_is_built_with_its_card_checked_and_loaded(cli, build, name):
    done = build(name, "--json")
    assert done.returncode == 0, done.stderr
    built = json.loads(done.stdout)
    out = cli.folder / f"{name}.jsonl"
    card = read_card(out)
    assert card is not None
    assert (card.suite, card.n, card.sha256) == (name, built["samples"], sha256_file(out))
    assert card.steps == built["steps"]
    assert card.licence
    assert card.sources
    assert all(source.sha256 or source.bytes is None for source in card.sources)
    checked = cli("data", "check", out, "--image-root", built["image_root"], "--json")
    assert [one for one in json.loads(checked.stdout)["remarks"] if one["level"] == "error"] == []
    shown = json.loads(cli("suites", "show", name, "--data", out, "--json").stdout)
    assert (shown["n"], shown["homepage"]) == (card.n, card.homepage)


def test_labels_alone_can_be_scored(cli, build):
    root = json.loads(build("chextemporal", "--json").stdout)["image_root"]
    words = ["--data", "chextemporal.jsonl", "--image-root", root, "--model", "constant", "--option"]
    done = cli(
        *("run", "--suite", "chextemporal", *words, "text=No interval change.", "--out", "run"),
        *("--no-report", "--no-plots", "--json"),
    )
    assert done.returncode == 0, done.stderr
    scores = {score["key"]: score["value"] for score in json.loads(done.stdout)["scores"]}
    assert scores["Temporal-labels-coverage"] == 100
    assert 0 < scores["Temporal-labels-accuracy"] < 100


@pytest.mark.slow
def test_from_a_downloaded_folder_to_temporal_labels(program):
    """The script, the builder, a run and its page, each as the real program."""
    script = [sys.executable, ROOT / "scripts" / "make_fake_datasets.py", "--out", "fakes", "--only", "ms-cxr-t"]
    subprocess.run(script, check=True, cwd=program.folder, capture_output=True)
    folder = "fakes/ms-cxr-t"
    done = program("data", "build", "ms-cxr-t", folder, "--mimic-root", f"{folder}/mimic", "--out", "t.jsonl")
    assert done.returncode == 0, done.stderr
    words = ("--suite", "ms-cxr-t", "--data", "t.jsonl", "--image-root", f"{folder}/mimic", "--model", "libra-tiny")
    done = program("run", *words, "--out", "run")
    assert done.returncode == 0, done.stderr
    scores = json.loads((program.folder / "run" / "scores.json").read_text())
    assert scores["details"]["temporal_labels"]["classes"] == ["worse", "stable", "improved"]
    assert list((program.folder / "run" / "plots").glob("progressions*.png"))


def test_suites_show_of_what_has_no_card(cli):
    shown = json.loads(cli("suites", "show", "demo-temporal", "--json").stdout)
    assert (shown["n"], shown["patients"], shown["fields"]["changes"]) == (46, 20, 46)
    told = json.loads(cli("suites", "show", "rexgradient", "--json").stdout)
    assert "data build rexgradient" in told["how to get it"]
    assert told["published"] == 10000
    assert cli("suites", "show", "nothing").returncode == 2
    assert {card["name"] for card in json.loads(cli("suites", "--json").stdout)} >= SOURCES.keys()


def test_a_suite_that_was_changed_is_not_what_its_card_says(cli, build):
    build("slake")
    out = cli.folder / "slake.jsonl"
    lines = out.read_text().splitlines(keepends=True)
    out.write_text("".join(lines[1:]))
    done = cli("suites", "show", out, "--json")
    assert json.loads(done.stdout)["n"] == len(lines) - 1
    assert "has changed since slake.card.json was written" in done.stderr


def test_a_run_warns_of_a_file_that_is_not_what_its_card_says(cli, build):
    root = json.loads(build("slake", "--json").stdout)["image_root"]
    out = cli.folder / "slake.jsonl"
    words = ("--data", out, "--image-root", root, "--model", "constant", "--limit", 1)
    assert "warning" not in cli("generate", "--suite", "slake", *words, "--out", "a").stderr
    out.write_text(out.read_text() + "\n")
    done = cli("generate", "--suite", "vqa-rad", *words, "--out", "b")
    assert "slake.jsonl was built as slake, and is run as vqa-rad" in done.stderr
    assert "slake.jsonl has changed since it was built" in done.stderr
    (cli.folder / "slake.card.json").write_text("{")
    done = cli("generate", "--suite", "slake", *words, "--out", "c")
    assert (done.returncode, "the data card of the suite is not read" in done.stderr) == (0, True)


def test_missing_images_stop_a_build_and_are_named(build, cli):
    done = build("rexgradient", "--image-root", cli.folder)
    assert done.returncode == 2
    assert "images are not there (deid_png/" in done.stderr
    assert not (cli.folder / "rexgradient.jsonl").exists()
    assert not (cli.folder / "rexgradient.card.json").exists()
    assert build("rexgradient", "--image-root", cli.folder, "--allow-absent-images").returncode == 0


def test_a_file_that_is_there_stops_a_build_at_once(build):
    assert build("rexvqa").returncode == 0
    again = build("rexvqa")
    assert again.returncode == 2
    assert "exists already" in again.stderr


def test_nothing_left_says_where_it_went(cli, fakes):
    """All reports empty, and no study with a frontal image."""
    whole = json.loads((fakes / "rexgradient/metadata/test_metadata_view_position.json").read_text())
    for change in ({"Findings": ""}, {"ImageViewPosition": ["LATERAL", "LATERAL"]}):
        (cli.folder / "m.json").write_text(json.dumps({name: entry | change for name, entry in whole.items()}))
        done = cli("data", "build", "rexgradient", "m.json", "--out", "o.jsonl")
        assert done.returncode == 2
        assert "no samples (studies in the files" in done.stderr


def test_an_id_twice_stops_a_build(cli, fakes):
    rows = json.loads((fakes / "slake/test.json").read_text())
    (cli.folder / "test.json").write_text(json.dumps([row | {"qid": 7} for row in rows]))
    done = cli("data", "build", "slake", "test.json", "--image-root", fakes / "slake/imgs", "--out", "o.jsonl")
    assert done.returncode == 2
    assert "the id slake-7 occurs twice" in done.stderr
