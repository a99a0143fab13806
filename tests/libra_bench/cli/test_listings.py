"""The lists of models, metrics and suites, and the doctor's: a line per item, and nothing cut that is typed."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from libra_bench.cli import output
from libra_bench.cli.listing import Facts, Item, Listing, wrapped

LISTS = ("models", "metrics", "suites", "doctor")


def on_screen(view, width: int) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width, markup=False, highlight=False).print(view, soft_wrap=True)
    return stream.getvalue().splitlines()


@pytest.fixture(scope="module")
def lists():
    """Command -> (what --json prints, the list)."""
    from libra_bench.cli.app import app

    found = {}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": "/nonexistent"}.items():
            patch.setenv(name, value)
        for name in LISTS:
            patch.setattr(output, "result", lambda value, view, as_json, name=name: found.update({name: (value, view)}))
            app([name], standalone_mode=False)
    return found


@pytest.mark.parametrize("name", LISTS)
def test_every_item_is_one_line_of_80_columns(lists, name):
    items, view = lists[name]
    lines = on_screen(view.on_screen(80), 80)
    assert [line for line in lines if len(line) > 80] == []
    for item in items:
        known = item.get("name") or item["what"].removeprefix("package ").removeprefix("model ").removeprefix("metric ")
        assert [line for line in lines if f"{line} ".startswith(f"  {known} ")], known


def test_hub_ids_and_commands_are_whole(lists):
    models, doctor, metrics = (
        " ".join(on_screen(lists[name][1].on_screen(80), 80)) for name in ("models", "doctor", "metrics")
    )
    for model in lists["models"][0]:
        if model["state"] == "not here":
            assert model["card"]["hub_id"] in models
            assert model["card"]["hub_id"] in doctor
        elif model["remedy"].startswith("pip install"):
            assert model["remedy"] in models
    for metric in lists["metrics"][0]:
        if metric["flag"]:
            assert metric["flag"] in metrics
            assert metric["flag"] in metric["remedy"]


def test_the_summary_comes_first_and_counts(lists):
    listed, view = lists["models"]
    ready = sum(model["here"] for model in listed)
    assert on_screen(view.on_screen(140), 140)[0].startswith(f"{ready} of {len(listed)} models can run here")


@pytest.mark.parametrize("name", LISTS)
def test_where_stdout_is_no_terminal_there_is_a_table_to_grep(lists, name, capsys):
    items, view = lists[name]
    output.result(items, view, as_json=False)
    header, *rows = capsys.readouterr().out.splitlines()
    assert len(rows) == len(items)
    assert {row.count("\t") for row in rows} == {header.count("\t")}
    assert "…" not in "".join(rows)


def test_one_item_can_be_shown_whole(cli):
    shown = dict(line.split("\t") for line in cli("models", "show", "MAIRA-2").stdout.splitlines())
    assert shown["hub id"] == "microsoft/maira-2"
    assert dict(line.split("\t") for line in cli("metrics", "show", "bleu").stdout.splitlines())["columns"].startswith(
        "BLEU1 (0 to 100, higher is better)"
    )
    assert "libra-bench data build findings" in cli("suites", "show", "findings").stdout
    for kind, name in (("models", "MAIRA-3"), ("suites", "finding")):
        refused = cli(kind, "show", name)
        assert refused.returncode == 2
        assert "did you mean" in refused.stderr


def test_brackets_are_words(cli, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    output.result({}, "pip install 'libra-bench[vllm]' [bold]", as_json=False)
    monkeypatch.undo()
    assert stream.getvalue() == "pip install 'libra-bench[vllm]' [bold]\n"
    assert "bertscore[num_layers=5]" in " ".join(cli("score", "--help").stdout.replace("│", " ").split())


def test_a_description_gives_way_and_a_command_does_not():
    listing = Listing("1 of 1", {"Here": [Item("name", "a-command --that-is-whole", "some words about it")]}, (), ())
    line = on_screen(listing.on_screen(52), 52)[-1]
    assert line == "  name  a-command --that-is-whole  some words …"
    assert on_screen(listing.on_screen(36), 36)[-1] == "  name  a-command --that-is-whole"


def test_messages_break_between_words():
    text = "skipping it: it is not here; pass --metrics 'bertscore[model=/a/very/long/folder/name/that/goes/on]'"
    lines = wrapped(text, 40)
    assert " ".join(line.strip() for line in lines) == text
    assert "'bertscore[model=/a/very/long/folder/name/that/goes/on]'" in lines[-1]
    assert on_screen(Facts({"a": "one two three", "empty": ""}).on_screen(24), 24) == ["a  one two three"]


def test_without_a_command_the_program_says_what_there_is(cli):
    ended = cli()
    assert ended.returncode == 2
    assert "Measure:" in ended.stdout
    assert "leaderboard" in ended.stdout
