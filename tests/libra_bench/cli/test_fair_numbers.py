"""What makes a number fair: the model's own prompt and decoding, clean texts, and what was left out, all said aloud."""

from __future__ import annotations

import json

import pytest
import tiny_vlms
from real_program import read_lines

from benchmarks.catalog import DEMO

CHATTY = """
REFUSAL = "I'm sorry, but I cannot view images."
REPORT = "**Findings:**\\n- No change.\\n\\n**Impression:** None.<|im_end|> And then?"


def answer(questions):
    return [REFUSAL if question.question_id == "s0" else REPORT for question in questions]
"""
SPARE = ("--metrics", "temporal_f1", "--no-report", "--no-plots")


@pytest.fixture
def chatty(cli, monkeypatch):
    (cli.folder / "chatty_model.py").write_text(CHATTY)
    monkeypatch.syspath_prepend(str(cli.folder))
    lines = [
        {"question_id": f"s{n}", "text": f"Describe study {n}.", "reference": "No change.", "prior_report": "Old."}
        for n in range(4)
    ]
    (cli.folder / "suite.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return cli


def run(cli, *arguments):
    done = cli("run", "--suite", "suite.jsonl", "--model", "chatty_model:answer", *SPARE, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    folder = cli.folder / found["run"]
    return found, json.loads((folder / "run.json").read_text()), read_lines(folder / "answers.jsonl"), done.stderr


def test_the_cleaned_text_is_scored_and_the_written_one_is_kept(chatty):
    plain, record, answers, said = run(chatty)
    assert record["cleaning"] == "none"
    assert record["suspicious"] == {"Markdown": 3, "chat tokens": 3, "refusal": 1} | {
        name: count for name, count in record["suspicious"].items() if name == "heading"
    }
    assert "texts that look wrong: " in said
    cleaned, record, again, said = run(chatty, "--cleaning", "findings-1", "--replace")
    assert again == answers
    assert (record["cleaning"], record["suspicious"]["refusal"]) == ("findings-1", 1)
    before, after = (found["scores"][0] for found in (plain, cleaned))
    assert after["signature"] == before["signature"] + "|clean:findings-1"
    scored = chatty("score", cleaned["run"], *SPARE[:2], "--cleaning", "none")
    assert scored.returncode == 2
    assert "--replace" in scored.stderr
    wrong = chatty("run", "--suite", "suite.jsonl", "--model", "chatty_model:answer", "--cleaning", "report")
    assert "did you mean 'report-1'" in wrong.stderr


def test_a_model_without_a_card_is_decoded_greedily_and_says_so(cli, tmp_path):
    folder = tiny_vlms.llava(tmp_path / "llava")
    config = json.loads((folder / "generation_config.json").read_text())
    (folder / "generation_config.json").write_text(json.dumps({**config, "max_new_tokens": 7}))
    done = cli("run", "--suite", "demo", "--model", folder, "--limit", 2, *SPARE, "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads((cli.folder / json.loads(done.stdout)["run"] / "run.json").read_text())
    assert (record["protocol"]["name"], record["decoding"]["max_new_tokens"]) == ("greedy", 7)
    assert record["decoding"]["temperature"] == 0  # the checkpoint's sampling is not ours
    assert "there is no card for" in done.stderr
    assert "with the checkpoint's own settings (max_new_tokens 7)" in done.stderr
    assert any("there is no card for" in warning for warning in record["warnings"])


def test_what_is_not_read_is_said_recorded_and_shown(cli):
    done = cli("run", "--suite", "demo", "--model", "libra-tiny", "--limit", 12, *SPARE[:2], "--no-plots", "--json")
    assert done.returncode == 0, done.stderr
    folder = cli.folder / json.loads(done.stdout)["run"]
    left_out = json.loads((folder / "run.json").read_text())["left_out"]
    assert left_out.keys() == {"lateral", "prior_lateral", "prior_report"}
    words = f"prior reports of {left_out['prior_report']} studies"
    assert done.stderr.count(words) == 1
    assert f"libra-tiny does not read what this suite has: lateral images of {left_out['lateral']}" in (
        folder / "report.html"
    ).read_text(encoding="utf-8")
    assert words in cli("leaderboard", "runs", "--markdown", "board.md").stdout or words in (
        cli.folder / "board.md"
    ).read_text(encoding="utf-8")


def test_try_shows_the_prompt_the_texts_and_what_looks_wrong(chatty):
    done = chatty("models", "try", "chatty_model:answer", "--suite", "suite.jsonl", "--n", 3, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["prompt"] == "Describe study 0."
    assert [study["question_id"] for study in found["studies"]] == ["s0", "s2", "s3"]
    assert found["looks_wrong"]["refusal"] == 1
    shown = chatty("models", "try", "chatty_model:answer", "--suite", "suite.jsonl", "--cleaning", "report-1").stdout
    assert "scored as: No change. None." in shown
    assert "refusal" in shown


def test_several_questions_about_one_study(cli, monkeypatch):
    import io
    import sys

    images = [DEMO / "images" / "00001" / name for name in ("2.png", "1.png")]
    monkeypatch.setattr(sys, "stdin", io.StringIO("What has changed?\n\n"))
    asked = (
        "describe",
        *images,
        "--model",
        "libra-tiny",
        "--chat",
        "--prompt",
        "Which findings are present?",
        "--json",
    )
    done = cli(*asked)
    assert done.returncode == 0, done.stderr
    turns = json.loads(done.stdout)["turns"]
    assert [turn["question"] for turn in turns] == ["Which findings are present?", "What has changed?"]
    assert all(turn["text"] for turn in turns)
    refused = cli("describe", images[0], "--model", "echo", "--chat", "--prompt", "Why?")
    assert refused.returncode == 2
    assert "answers single questions" in refused.stderr
