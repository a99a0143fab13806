"""Side environments: what they may erase, and how their workers are spoken to."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.environments import SideEnvironment, Worker
from benchmarks.errors import InputError, LibraBenchError

ECHO = """
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    if request["do"] == "exit":
        print("out of words", file=sys.stderr)
        sys.exit(3)
    if request["do"] == "noise":
        print("x" * 1_000_000, file=sys.stderr)
    print(json.dumps({"error": "no"} if request["do"] == "fail" else {"said": request["do"]}), flush=True)
"""


@pytest.fixture
def worker(tmp_path: Path):
    program = tmp_path / "echo.py"
    program.write_text(ECHO)
    with Worker(Path(sys.executable), program) as running:
        yield running


def filled(folder: Path) -> Path:
    folder.mkdir()
    (folder / "thesis.tex").write_text("the work of years")
    return folder


def test_a_folder_with_other_files_is_never_emptied(tmp_path):
    folder = filled(tmp_path / "work")
    with pytest.raises(InputError, match="did not make"):
        SideEnvironment("official", {"none": "1"}).install(folder)
    assert (folder / "thesis.tex").read_text() == "the work of years"


def test_the_cache_is_no_exception(tmp_path, monkeypatch):
    monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path))
    folder = filled(tmp_path / "official")
    with pytest.raises(InputError, match="did not make"):
        SideEnvironment("official", {"none": "1"}).install()
    assert (folder / "thesis.tex").exists()


def test_files_and_links_that_lead_nowhere_are_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    for name, what in (("file", "is a file"), ("link", "leads nowhere")):
        with pytest.raises(InputError, match=what):
            SideEnvironment("official", {"none": "1"}).install(tmp_path / name)


def test_what_pip_would_take_otherwise_is_refused(tmp_path):
    environment = SideEnvironment("official", {"none": "1"}, with_torch=False)
    for further in ("--index-url=http://127.0.0.1", "./setup.py", "-rlist.txt", "con\n-e."):
        with pytest.raises(InputError, match="is no requirement"):
            environment.install(tmp_path / "new", further=[further])
    with pytest.raises(InputError, match="no such folder of wheels"):
        environment.install(tmp_path / "new", wheels=tmp_path / "absent")
    with pytest.raises(InputError, match="is no requirement"):
        SideEnvironment("official", {"--pre x": "1"}).install(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_an_installation_that_stops_at_once_is_known_as_ours(tmp_path, monkeypatch):
    class StoppedError(Exception):
        """In the place of a kill."""

    def stopped(*_: object, **__: object) -> None:
        raise StoppedError

    environment = SideEnvironment("official", {"none": "1"})
    monkeypatch.setattr("venv.create", stopped)
    for _ in range(2):
        with pytest.raises(StoppedError):
            environment.install(tmp_path / "new")


@pytest.mark.slow
def test_an_interrupted_installation_is_made_again(tmp_path, tmp_path_factory):
    environment = SideEnvironment("official", {"none": "1"})
    (tmp_path / environment.stamp).write_text('{"installing": {}}')
    (tmp_path / "half").write_text("x")
    with pytest.raises(LibraBenchError, match="could not be installed"):  # no such wheel, but the folder is taken
        environment.install(tmp_path, wheels=tmp_path_factory.mktemp("empty"))
    assert not (tmp_path / "half").exists()
    assert environment.python(tmp_path) is None


@pytest.mark.parametrize("content", ["[]", "null", "{", '{"packages": 3}'])
def test_a_damaged_stamp_is_an_incomplete_environment(tmp_path, content):
    environment = SideEnvironment("official", {"none": "1"})
    (tmp_path / environment.stamp).write_text(content)
    assert environment.python(tmp_path) is None


def test_one_worker_answers_many_requests(worker):
    assert [worker.ask(do=str(number))["said"] for number in range(3)] == ["0", "1", "2"]


def test_a_worker_that_prints_much_does_not_hang(worker):
    assert worker.ask(do="noise") == {"said": "noise"}


def test_a_failure_is_the_programs_own_message_and_the_next_request_works(worker):
    with pytest.raises(LibraBenchError, match=r"^no$"):
        worker.ask(do="fail")
    assert worker.ask(do="on") == {"said": "on"}


def test_the_last_words_of_a_worker_that_ended(worker):
    for _ in range(2):
        with pytest.raises(LibraBenchError, match="out of words"):
            worker.ask(do="exit")
