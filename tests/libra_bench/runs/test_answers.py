"""Answers on disk: torn lines, locks, a full disk, several processes' files, suite order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tracemalloc

import pytest

from benchmarks.errors import InputError, RunConflictError
from benchmarks.files import stored
from benchmarks.files.folder_lock import locked
from benchmarks.schema import Answer
from libra_bench.runs.answers import AnswerLog


def write(folder, *question_ids, rank=0):
    log = AnswerLog(folder, rank)
    for question_id in question_ids:
        log.append(Answer(question_id, "prompt", f"text of {question_id} – ü"))
    log.close()


def test_what_is_appended_is_read_again(tmp_path):
    write(tmp_path, 3, "a", 1)
    answers = AnswerLog(tmp_path).read()
    assert list(answers) == [3, "a", 1]
    assert answers["a"].text == "text of a – ü"


@pytest.mark.parametrize("cut", [2, 7, 40])
def test_a_torn_last_line_is_cut_off_and_nothing_else(tmp_path, cut):
    write(tmp_path, 1, 2, 3)
    path = tmp_path / "answers.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    assert list(AnswerLog(tmp_path).read()) == [1, 2]
    write(tmp_path, 3)
    assert path.read_bytes() == whole


def test_a_whole_last_line_that_lacks_only_its_newline_is_kept(tmp_path):
    write(tmp_path, 1, 2)
    path = tmp_path / "answers.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert list(AnswerLog(tmp_path).read()) == [1, 2]
    assert path.read_bytes() == whole


def test_a_file_that_is_as_it_should_be_is_not_written_again(tmp_path):
    write(tmp_path, 1, 2)
    path = tmp_path / "answers.jsonl"
    before = path.stat().st_ino
    log = AnswerLog(tmp_path)
    assert [answer.question_id for answer in log.finish([1, 2])] == [1, 2]
    assert path.stat().st_ino == before
    assert [answer.question_id for answer in log.finish([2, 1], log.read_for([2, 1]))] == [2, 1]
    assert list(AnswerLog(tmp_path).read()) == [2, 1]
    with path.open("ab") as stream:
        stream.write(path.read_bytes().splitlines(keepends=True)[0])
    log.finish([2, 1])
    assert path.read_bytes().count(b"\n") == 2


def test_an_answer_twice_is_one_and_two_different_answers_are_an_error(tmp_path):
    write(tmp_path, 1, 2)
    (tmp_path / "answers.rank1.jsonl").write_bytes((tmp_path / "answers.jsonl").read_bytes())
    assert list(AnswerLog(tmp_path).read()) == [1, 2]  # as a crash leaves it that came between merging and removing
    AnswerLog(tmp_path, 2).append(Answer(2, "prompt", "another text"))
    with pytest.raises(InputError, match=r"answers\.rank2\.jsonl: two different answers to question 2; keep one"):
        AnswerLog(tmp_path).read()


@pytest.mark.parametrize(
    "name", ["answers_backup.jsonl", "answers.rank0.jsonl", "answers.rank01.jsonl", "answers.rankx.jsonl"]
)
def test_only_our_own_files_count(tmp_path, name):
    write(tmp_path, 1)
    (tmp_path / name).write_text('{"question_id": 2, "prompt": "", "text": "not ours"}\n')
    AnswerLog(tmp_path).finish([1])
    assert (tmp_path / name).read_text().count("not ours") == 1


def test_what_json_does_not_have_is_written_as_null_or_text(tmp_path):
    log = AnswerLog(tmp_path)
    log.append(Answer(1, "prompt", "text", metadata={"score": float("-inf"), "path": tmp_path, "n": {1: (2,)}}))
    log.close()
    assert AnswerLog(tmp_path).read()[1].metadata == {"score": None, "path": str(tmp_path), "n": {"1": [2]}}


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "null",
        '{"question_id": true, "prompt": "", "text": ""}',
        '{"question_id": 1, "prompt": "", "text": 3}',
        '{"question_id": 1, "prompt": "", "text": "", "metadata": []}',
    ],
)
def test_a_line_of_another_shape_is_named(tmp_path, line):
    (tmp_path / "answers.jsonl").write_text(line + "\n" + '{"question_id": 9, "prompt": "", "text": "ok"}\n')
    with pytest.raises(InputError, match=r"answers\.jsonl:1: this line is not an answer"):
        AnswerLog(tmp_path).read()


def test_a_file_that_is_one_torn_line_becomes_empty(tmp_path):
    (tmp_path / "answers.jsonl").write_bytes(b'{"question_id": 1, "pro')
    assert AnswerLog(tmp_path).read() == {}
    assert (tmp_path / "answers.jsonl").read_bytes() == b""


def test_a_damaged_line_in_the_middle_is_named(tmp_path):
    write(tmp_path, 1, 2)
    path = tmp_path / "answers.jsonl"
    path.write_text("rubbish\n" + path.read_text())
    with pytest.raises(InputError, match=r"answers\.jsonl:1: this line is not an answer"):
        AnswerLog(tmp_path).read()


def test_finish_puts_every_process_answers_in_suite_order(tmp_path):
    write(tmp_path, 4, 1)
    write(tmp_path, 3, rank=1)
    write(tmp_path, 2, rank=7)
    finished = AnswerLog(tmp_path).finish([1, 2, 3, 4])
    assert [answer.question_id for answer in finished] == [1, 2, 3, 4]
    lines = (tmp_path / "answers.jsonl").read_text().splitlines()
    assert [json.loads(line)["question_id"] for line in lines] == [1, 2, 3, 4]
    assert list(json.loads(lines[0])) == ["question_id", "prompt", "text", "answer_id", "model_id", "metadata"]
    assert [path.name for path in tmp_path.glob("answers*")] == ["answers.jsonl"]


def test_finish_refuses_a_file_with_holes(tmp_path):
    write(tmp_path, 1)
    with pytest.raises(InputError, match="1 questions without an answer"):
        AnswerLog(tmp_path).finish([1, 2])


def test_forget_drops_only_what_it_is_told(tmp_path):
    write(tmp_path, 1, 2, 3)
    AnswerLog(tmp_path).forget([2])
    assert list(AnswerLog(tmp_path).read()) == [1, 3]


def test_a_second_process_is_refused_and_a_dead_one_does_not_hold_the_lock(tmp_path):
    hold = "from benchmarks.files.folder_lock import locked; from pathlib import Path\n"
    hold += f"with locked(Path({str(tmp_path)!r})):\n"
    process = subprocess.Popen(
        [sys.executable, "-c", hold + "    print('held', flush=True); import time; time.sleep(60)"],
        stdout=subprocess.PIPE,
    )
    process.stdout.readline()
    with pytest.raises(RunConflictError, match="another process is writing this folder"), locked(tmp_path):
        pass
    process.kill()
    process.wait()
    left, mine = tmp_path / f".run.json.{process.pid}.tmp", tmp_path / f".run.json.{os.getpid()}.tmp"
    for path in (left, mine):
        path.write_text("half")
    with locked(tmp_path):
        assert not left.exists()  # nobody else writes here
        assert mine.exists()


def test_a_full_disk_leaves_every_earlier_answer_whole(tmp_path):
    program = f"""
import resource
from pathlib import Path
from benchmarks.errors import StorageError
from benchmarks.schema import Answer
from libra_bench.runs.answers import AnswerLog
log = AnswerLog(Path({str(tmp_path)!r}))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    for number in range(100):
        log.append(Answer(number, "prompt", "x" * 50))
except StorageError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "cannot write an answer" in done.stdout
    assert "run the same command again" in done.stdout
    answers = AnswerLog(tmp_path).read()
    assert list(answers) == list(range(len(answers)))
    assert len(answers) > 3
    assert (tmp_path / "answers.jsonl").read_bytes().endswith(b"\n")


def test_many_answers_are_read_into_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "MANY", 50)
    monkeypatch.setattr(stored, "_AT_ONCE", 1 << 14)
    n, text = 400, "The effusion is unchanged. " * 100
    for rank, numbers in enumerate((range(0, n, 2), range(1, n, 2), range(0, n, 7))):  # the last ones again
        with AnswerLog(tmp_path, rank) as log:
            for number in numbers:
                log.append(Answer(number, "prompt", f"{text}{number}"))
    tracemalloc.start()
    answers = AnswerLog(tmp_path).read_for(range(n))
    held, peak = tracemalloc.get_traced_memory()
    complete = AnswerLog(tmp_path).finish(range(n), answers)
    assert tracemalloc.get_traced_memory()[1] < 0.5 * n * len(text)
    tracemalloc.stop()
    assert held < peak < 0.3 * n * len(text)
    assert [*answers] == [*range(0, n, 2), *range(1, n, 2)]
    assert [answer.text for answer in complete] == [f"{text}{number}" for number in range(n)]
    assert [*AnswerLog(tmp_path).read().values()] == [*complete]
