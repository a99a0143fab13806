"""The Tab key, asked as a shell asks."""

from __future__ import annotations

import pytest
from in_process import InProcess


def offered(cli: InProcess, *words: str) -> list[str]:
    line = " ".join(["libra-bench", *words])
    done = cli(
        _LIBRA_BENCH_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words)), _TYPER_COMPLETE_TESTING="1"
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["leaderb"], ["leaderboard"]),
        (["run", "--suite", "demo-v"], ["demo-vqa"]),
        (["run", "--suite", "demo,demo-v"], ["demo,demo-vqa"]),
        (["run", "--model", "libra-t"], ["libra-tiny"]),
        (["audit", "--model", "libra-t"], ["libra-tiny"]),
        (["run", "--metrics", "bleu,rouge"], ["bleu,rouge_l"]),
        (["run", "--metrics", "rouge_l,rouge"], []),
        (["run", "--protocol", "gre"], ["greedy"]),
        (["run", "--dialect", "rad"], ["radeval"]),
        (["run", "--suite", "mi"], ["mine.jsonl"]),
        (["score", "runs/suite/m/"], ["runs/suite/m/0a1b2c"]),
        (["compare", "runs/suite/m/0"], ["runs/suite/m/0a1b2c"]),
        (["run", "--num-b"], ["--num-beams"]),
    ],
)
def test_names_and_runs_are_offered(cli: InProcess, words: list[str], wanted: list[str]) -> None:
    cli.suite(1, "mine.jsonl")
    folder = cli.folder / "runs/suite/m/0a1b2c"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    assert [word for word in offered(cli, *words) if word and word != "runs/suite/m/0a1b2c/"] == wanted
