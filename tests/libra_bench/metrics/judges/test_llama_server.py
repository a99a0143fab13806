"""Judges against a real server: llama-cpp-python with SmolLM2-135M. Its verdicts are nonsense, its faults are real.

`make test-llama` makes the environment for this.
"""

from __future__ import annotations

import json
import time

import llama_server
import pytest

from libra_bench.metrics.judges.judgements import Judgements

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (llama_server.ENVIRONMENT / ".installed").exists(), reason="no .venv-llama here: make test-llama"
    ),
]
PAIRS = [
    ("Small left pleural effusion.", "Small left pleural effusion, unchanged."),
    ("The lungs are clear.", "New opacity in the right lower lobe."),
    ("Mild cardiomegaly. No pneumothorax.", "Moderate cardiomegaly. No pneumothorax."),
    ("Right chest tube in place.", "Left chest tube in place. Small apical pneumothorax."),
]
PROMPT = (
    "Compare the reports. Reference: {reference}\nCandidate: {candidate}\nReply in three parts:\n"
    "[Clinically Significant Errors]:\n(a) ...: 0.\n\n[Clinically Insignificant Errors]:\n(a) ...: 0.\n\n"
    "[Matched Findings]:\n1. ...\n"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with llama_server.llama_server(tmp_path_factory.mktemp("llama")) as running:
        yield running


@pytest.fixture
def texts(tmp_path):
    def written(pairs) -> list[str]:
        for name, place, key in (("predictions", 0, "text"), ("references", 1, "reference")):
            rows = [{"question_id": n, "text": "x", key: pair[place]} for n, pair in enumerate(pairs)]
            (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
        return ["--references", "references.jsonl", "--predictions", "predictions.jsonl", "--json"]

    return written


def metric(name, server, *more):
    return f"{name}[{','.join([f'base_url={server.url}', 'model=smollm2', 'concurrency=4', *more])}]"


@pytest.mark.parametrize(("name", "n"), [("report_judge", 4), ("green", 4), ("radfact", 2), ("crimson", 1)])
def test_every_judge_counts_what_it_cannot_read_or_is_stopped(cli, server, texts, name, n):
    more = ["max_tokens=80", "timeout=900"]
    if name == "green":
        (cli.folder / "prompt.txt").write_text(PROMPT)
        more.append("prompt=prompt.txt")
    began = time.perf_counter()
    done = cli("score", *texts(PAIRS[:n]), "--metrics", metric(name, server, *more))
    shown = {"metric": name, "seconds": round(time.perf_counter() - began, 1), "status": done.returncode}
    if done.returncode == 0:
        found = json.loads(done.stdout)
        shown |= {row["key"]: row["value"] for row in found["scores"] if row["key"].endswith(("-unparsed", "-tokens"))}
        shown |= found["details"][name]
        unparsed = next(row["value"] for row in found["scores"] if row["key"].endswith("-unparsed"))
        assert unparsed == 100 * found["details"][name]["unparsed"]["n"] / n
        assert found["details"][name]["served_models"] == ["smollm2"]
    else:
        assert done.returncode == 2, done.stderr
        assert "replies could not be read: " in done.stderr.splitlines()[-1]
        shown["said"] = done.stderr.splitlines()[-1]
    print(json.dumps(shown))


def test_a_server_that_is_killed_in_the_middle_and_started_again_goes_on(program, tmp_path, texts):
    pairs = [(f"{said} Study {n}.", true) for n in range(2) for said, true in PAIRS]
    with llama_server.llama_server(tmp_path) as server:
        command = ("score", *texts(pairs), "--metrics", metric("report_judge", server, "max_tokens=40", "retries=1"))
        running = program.start(*command)
        wait_for_judgements(program, 2)
        server.kill()
        assert running.wait(600) in (0, 2)  # those without a reply are counted, or too many stop it
        kept = wait_for_judgements(program, 2)
        assert kept < len(pairs)
        done = program(*command)
        assert done.returncode == 2
        assert "no server answers there" in done.stderr.splitlines()[-1]
        server.start()
        done = program(*command)
        assert f"{len(pairs) - kept} questions to smollm2" in done.stderr or "could not be read" in done.stderr
        assert wait_for_judgements(program, 2) > kept


def wait_for_judgements(program, least: int) -> int:
    """How many are kept, once there are so many."""
    path = program.folder / "cache" / "judgements" / "judgements.sqlite3"
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        if path.exists() and (n := sum(1 for _ in Judgements(path).rows())) >= least:
            return n
        time.sleep(0.1)
    raise AssertionError(f"no {least} judgements are kept")


def test_replies_that_take_too_long_are_said_in_one_line(cli, server, texts):
    done = cli("score", *texts(PAIRS), "--metrics", metric("report_judge", server, "timeout=0.2", "retries=1"))
    assert done.returncode == 2
    assert "all 4 questions got no reply: no whole reply within 0.2 seconds, after 2 attempts" in done.stderr


def test_a_wrong_key_is_found_before_anything_is_scored(cli, tmp_path, texts):
    with llama_server.llama_server(tmp_path, key="sk-right-key-0001") as server:
        for key, said in (("", "wants a key (401)"), ("sk-wrong-key-0001", "refuses the key (401)")):
            done = cli("score", *texts(PAIRS), "--metrics", metric("report_judge", server), OPENAI_API_KEY=key)
            assert done.returncode == 2
            assert said in done.stderr.splitlines()[-1]
        many = metric("report_judge", server, "max_tokens=20")
        done = cli("score", *texts(PAIRS), "--metrics", many, OPENAI_API_KEY="sk-right-key-0001")
        assert "key" not in done.stderr
