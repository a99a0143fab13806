"""Judges through the real program: scoring, kills, experiments, publishing."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import time

import pytest
from faulty_endpoint import refuse
from real_program import read_lines

REPLY = json.dumps({"matched": ["effusion"], "errors": []})


@pytest.fixture
def texts(tmp_path):
    """20 studies with predictions, and a cache of their own."""
    for name, row in (("references", {"image": [], "text": "x"}), ("predictions", {})):
        with (tmp_path / f"{name}.jsonl").open("w") as stream:
            for number in range(20):
                report = {"reference" if name == "references" else "text": f"Small left effusion, case {number}."}
                stream.write(json.dumps({"question_id": number, **row, **({"text": "x"} | report)}) + "\n")
    return ["--references", "references.jsonl", "--predictions", "predictions.jsonl"]


def metric(server, *more):
    return f"report_judge[{','.join([f'base_url={server.url}', 'model=tiny', *more])}]"


def test_score_says_what_it_will_take_and_publishes_without_texts(cli, server, texts):
    server.answer = lambda _: REPLY
    done = cli("score", *texts, "--metrics", metric(server), "--json")
    assert done.returncode == 0, done.stderr
    assert "report_judge: 20 questions to tiny" in done.stderr
    scores = {row["key"]: row["value"] for row in json.loads(done.stdout)["scores"]}
    assert scores["Report-judge-score"] == 100
    assert len(server.requests) == 20
    done = cli("metrics", "judgements", "--out", "out.jsonl", "--no-text")
    assert done.returncode == 0, done.stderr
    rows = read_lines(cli.folder / "out.jsonl")
    assert len(rows) == 20
    assert "effusion" not in json.dumps(rows)


def test_a_wrong_key_a_hopeless_judge_and_too_many_questions_are_one_line(cli, server, texts):
    for answer, more, key, said in (
        ("I cannot.", (), "", "replies could not be read: the reply is prose"),
        (REPLY, ("revision=x", "ask_above=5"), "", "ask_above=20"),
        (REPLY, ("revision=y",), "ключ", "holds characters that no key has"),
    ):
        server.answer = lambda _, answer=answer: answer
        done = cli("score", *texts, "--metrics", metric(server, *more), OPENAI_API_KEY=key)
        assert done.returncode == 2
        assert said in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr


UNUSABLE = {
    "an unknown model": ({"models": ["tiny", "large"]}, "does not know the model 'tny' (404: The model `tny` does not"),
    "an unknown model, and no list": ({"models": None}, "check the model's name and the address"),
    "a wrong key": ({"always": refuse(401, "bad key")}, "refuses the key (401); set OPENAI_API_KEY"),
    "a wrong key, and no list": ({"models": None, "faults": [refuse(403, "bad")]}, "refuses the key (403)"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_judge_that_cannot_be_asked_is_found_before_anything_is_generated_or_scored(cli, server, texts, case):
    state, said = UNUSABLE[case]
    server.knows = lambda name: name == "tiny"
    for name, value in state.items():
        setattr(server, name, value)
    wrong = f"bleu,report_judge[base_url={server.url},model=tny]"
    run = ("run", "--suite", "demo", "--model", "constant", "--out", "out", "--limit", "2", "--metrics", wrong)
    for command in (("score", *texts, "--metrics", wrong), run):
        server.faults = list(state.get("faults", ()))
        done = cli(*command, OPENAI_API_KEY="sk-some-key-0001")
        assert done.returncode == 2, done.stderr
        last = done.stderr.splitlines()[-1]
        assert last.startswith(f"error: {server.url}: ")
        assert said in last
    assert not list((cli.folder / "out").glob("answers*"))
    assert not [request for request in server.requests if request.get("max_tokens") != 1]


def test_a_server_that_is_not_there_is_found_before_anything_is_generated(cli, texts):
    nowhere = "report_judge[base_url=http://127.0.0.1:9/v1,model=tiny]"
    done = cli("run", "--suite", "demo", "--model", "constant", "--out", "out", "--metrics", nowhere)
    assert done.returncode == 2
    assert "no server answers there" in done.stderr.splitlines()[-1]
    assert not list((cli.folder / "out").glob("answers*"))


def test_too_many_questions_are_found_before_anything_is_generated(cli, server, texts):
    run = ("run", "--suite", "demo", "--model", "constant", "--out", "out", "--limit", "16")
    for name, n in (("report_judge", "ask_above=32"), ("radfact", "ask_above=")):
        done = cli(*run, "--metrics", f"{name}[base_url={server.url},model=tiny,ask_above=3,repeats=2]")
        assert done.returncode == 2
        assert n in done.stderr.splitlines()[-1]
    assert not list((cli.folder / "out").glob("answers*"))
    assert server.requests == []


def test_what_is_answered_already_is_scored_without_a_server(cli, server, texts):
    server.answer = lambda _: REPLY
    assert cli("score", *texts, "--metrics", metric(server)).returncode == 0
    done = cli("score", *texts, "--metrics", "report_judge[base_url=http://127.0.0.1:9/v1,model=tiny]")
    assert done.returncode == 0, done.stderr


def test_a_name_that_the_server_does_not_list_but_answers_to_is_noted(cli, server, texts, caplog):
    server.answer, server.models = (lambda _: REPLY), ["large"]
    done = cli("score", *texts, "--metrics", metric(server))
    assert done.returncode == 0, done.stderr
    assert "lists large, and not 'tiny', but answers to that, too" in caplog.text


@pytest.mark.slow
def test_experiments_take_judges(cli, server, texts):
    def answer(request):
        report = request["messages"][-1]["content"]
        worse = "right" in report
        errors = [{"category": "location", "finding": "effusion", "significant": True}] if worse else []
        return json.dumps({"matched": ["effusion"], "errors": errors})

    server.answer = answer
    done = cli("metrics", "sensitivity", "--references", "references.jsonl", "--metrics", metric(server), "--out", "s")
    assert done.returncode == 0, done.stderr
    with (cli.folder / "ratings.csv").open("w") as stream:
        stream.write("study,reference,prediction,rater\n")
        for number in range(8):
            side = "right" if number % 2 else "left"
            stream.write(f"{number},Small left effusion {number}.,Small {side} effusion {number}.,{1 + number % 2}\n")
    done = cli("metrics", "agreement", "--data", "ratings.csv", "--metrics", metric(server), "--out", "a")
    assert done.returncode == 0, done.stderr
    assert "Report-judge-score" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("typed", "asked"), [(b"y\n", 20), (b"n\n", 0), (b"\n", 0)])
def test_on_a_terminal_it_asks(program, server, texts, typed, asked):
    server.answer = lambda _: REPLY
    ours, theirs = pty.openpty()
    command = program.command("score", *texts, "--metrics", metric(server, "ask_above=5"))
    with subprocess.Popen(command, cwd=program.folder, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs) as run:
        os.close(theirs)
        os.write(ours, typed)
        shown = b""
        with contextlib.suppress(OSError):  # the other side has closed it
            while piece := os.read(ours, 4096):
                shown += piece
    os.close(ours)
    assert b"20 questions to tiny" in shown
    assert b"Continue? [y/N]" in shown
    assert run.returncode == (0 if asked else 2)
    assert len(server.requests) == asked


@pytest.mark.slow
def test_a_killed_run_continues_where_it_was(program, server, texts):
    def answer(_):
        time.sleep(0.2)
        return REPLY

    server.answer = answer
    command = ("score", *texts, "--metrics", metric(server, "concurrency=1"))
    running = program.start(*command)
    deadline = time.monotonic() + 60
    while len(server.requests) < 6 and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.wait(60)
    before = len(server.requests)
    assert 6 <= before < 20
    done = program(*command)
    assert done.returncode == 0, done.stderr
    assert f"{before - 1} answered before" in done.stderr or f"{before} answered before" in done.stderr
    assert len(server.requests) <= 21
