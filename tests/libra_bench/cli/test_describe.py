"""`describe`: one study as raw text, several as lines, a file or a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from in_process import InProcess

LONG = "The lungs are clear. " * 12


@pytest.fixture
def images(cli: InProcess) -> Path:
    from PIL import Image

    for name in ("a", "a_prior", "b"):
        (cli.folder / "images").mkdir(exist_ok=True)
        Image.new("L", (8, 8)).save(cli.folder / f"images/{name}.png")
    (cli.folder / "wordy.py").write_text(
        f"def answer(questions):\n    return [f'{{len(q.images)}} {{q.prompt}} {LONG}' for q in questions]\n"
        "def fails(questions):\n    raise ValueError('no words')\n"
    )
    return cli.folder / "images"


MODEL = ("--model", "wordy:answer")


def test_redirected_text_is_raw(cli: InProcess, images: Path) -> None:
    done = cli("describe", images / "a.png", images / "a_prior.png", *MODEL, "--prompt", "P.", COLUMNS="40")
    assert done.stdout == f"2 P. {LONG}\n"
    value = json.loads(cli("describe", images / "a.png", *MODEL, "--json").stdout)
    assert value.keys() == {"text", "metadata"}


def test_several_studies(cli: InProcess, images: Path) -> None:
    both = f"{images}/a.png,{images}/a_prior.png"
    done = cli("describe", both, images / "b.png", *MODEL, "--prompt", "P.")
    assert [line.split("\t")[1][:4] for line in done.stdout.splitlines()] == ["2 P.", "1 P."]
    folder = json.loads(cli("describe", images, *MODEL, "--json").stdout)
    assert [(one["question_id"], one["text"][0]) for one in folder] == [("a", "2"), ("b", "1")]
    refused = cli("describe", images / "a.png", images / "b.png", images / "b.png", *MODEL)
    assert refused.returncode == 2
    assert "CURRENT,PRIOR for each" in refused.stderr


def test_a_file_of_studies_asks_its_own_prompts(cli: InProcess, images: Path) -> None:
    rows = [{"question_id": 1, "image": "a.png", "text": "Q?"}, {"question_id": 2, "image": "b.png"}]
    (images / "s.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    texts = [one["text"] for one in json.loads(cli("describe", images / "s.jsonl", *MODEL, "--json").stdout)]
    assert texts[0].startswith("1 Q? The lungs")
    assert texts[1].startswith("1 Provide a detailed description of the findings")
    asked = cli("describe", images / "s.jsonl", *MODEL, "--prompt", "P.", "--json")
    assert all(one["text"].startswith("1 P.") for one in json.loads(asked.stdout))


def test_studies_that_fail_are_status_3_and_say_why(cli: InProcess, images: Path) -> None:
    done = cli("describe", images, "--model", "wordy:fails")
    assert done.returncode == 3
    assert done.stdout == "a\t\nb\t\n"
    assert "no words" in done.stderr
