"""Inputs that are right, and the program that reads them."""

from __future__ import annotations

import functools
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from mutations import Files

from benchmarks.errors import LibraBenchError

TESTS = Path(__file__).parents[1]
GOLDEN = TESTS / "golden"
DEMO = TESTS.parent / "benchmarks" / "data" / "demo"
SENTENCES = (
    "The left pleural effusion has increased.", "No pneumothorax.", "Stable 5 mm nodule in the right upper lobe.",
    "ET tube 4.2 cm above the carina; heart size is normal.", "Compared with ___, edema is new vs. worse?", "",
)  # fmt: skip


def command(*words: object) -> None:
    """The command line in this process; anything but an error of ours is raised as it is: a wrong use of it, too."""
    import typer.main

    from libra_bench.cli.app import OF_PATHS, main

    if not hasattr(typer.main.get_command, "cache_info"):  # building it takes longer than most commands
        typer.main.get_command = functools.cache(typer.main.get_command)
    sys.argv = ["libra-bench", *map(str, words), "--debug"]
    try:
        main()
    except OSError as error:
        if error.errno not in OF_PATHS or error.filename is None:  # else it is one line that names the path
            raise
    except SystemExit as left:
        if left.code not in (None, 0, 3):
            raise RuntimeError(f"exit status {left.code}") from left


@contextmanager
def answer_errors() -> Iterator[None]:
    """An error of ours is an answer to an input that was changed; one that is right must be taken."""
    try:
        yield
    except LibraBenchError:
        if is_right.get():
            raise


is_right: ContextVar[bool] = ContextVar("is_right", default=False)
"""Whether the input is one of a target's corpus as it is."""


def tried(*words: object) -> None:
    """A command after another."""
    with answer_errors():
        command(*words)


def jsonl(rows: Sequence[dict]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def studies(n: int = 3) -> list[dict]:
    return [
        {"question_id": number, "image": ["a.png"] * (number % 2), "text": "Describe.", "reference": SENTENCES[number],
         "indication": "pain", "subject_id": number, "has_prior": True, "view": ("AP", "PA")[number % 2]}
        for number in range(n)
    ]  # fmt: skip


def answers(n: int = 3) -> list[dict]:
    return [
        {"question_id": number, "prompt": "Describe.", "text": SENTENCES[n - number], "answer_id": "a", "model_id": "m",
         "metadata": {"finish": "stop", "new_tokens": 3, "seconds": 0.1, "alternatives": [{"text": "x", "score": -1}]}}
        for number in range(n)
    ]  # fmt: skip


AUDIT = {
    "schema_version": 1, "suite": "s", "verdicts": ["Does it look at the image? No."], "baseline": {"BLEU1": 4.85},
    "arms": [{"arm": "no-image", "n": 3, "identical_texts": 1.0, "scores": [{"key": "BLEU1", "difference": 0.0}]}],
}  # fmt: skip
"""What the page reads of an audit's result."""


def run_folder() -> Files:
    """A run folder that the program wrote: studies answered by echo, scored; as if it was audited."""
    suite = Path(_suite_place().name, "suite.jsonl")
    with tempfile.TemporaryDirectory() as place:
        out = Path(place, "run")
        suite.write_bytes(jsonl([study | {"image": []} for study in studies()]))
        command("run", "--suite", suite, "--model", "echo", "--out", out, "--metrics", "bleu,temporal_f1,exact_match")
        kept = [path for path in out.iterdir() if path.is_file() and path.suffix != ".html"]
        return {**{path.name: path.read_bytes() for path in kept}, "audit.json": json.dumps(AUDIT).encode()}


@functools.cache
def _suite_place() -> tempfile.TemporaryDirectory[str]:
    """The suite stays: a run is scored again from it."""
    return tempfile.TemporaryDirectory()


INSIDE = "@"
"""In place of / in the names of files, which lie beside each other while they are changed."""


def unpacked(folder: Path, into: Path, pattern: str = f"*{INSIDE}*") -> Path:
    """Move the files of an input below another folder, each to where its name says."""
    for file in sorted(path for path in folder.glob(pattern) if path.is_file()):
        place = into / file.name.replace(INSIDE, "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        file.rename(place)
    return into


def asked(folder: Path, *words: object) -> None:
    """Ask a model, which these words name, of one study with an image and of one without."""
    (folder / "a.png").write_bytes((GOLDEN / "images" / "small.png").read_bytes())
    (folder / "suite.jsonl").write_bytes(jsonl(studies(2)))
    tried(
        "generate", "--suite", folder / "suite.jsonl", *words, "--out", folder / "out" / "run",
        "--max-new-tokens", 2, "--num-beams", 2,
    )  # fmt: skip


def draw_nothing() -> None:
    """A second each, of numbers that are read anyway."""
    from reports import page

    page.plots.all_figures = lambda runs, **_: {}
