"""What large suites and boards cost: time to the first answer, memory at two sizes, seconds of a board.

    python scripts/bench_scale.py [--studies 400 1600] [--runs 60] [--model stub] [--metrics rouge_l,temporal_f1]

The model is a stub behind a local OpenAI-compatible server (`--model libra-tiny`: the built-in model, eight tokens per
study, images of the demo suite), the reports are made up. Each size is run as the real program: from nothing, once more
when it is finished, and once with Ctrl-C after a third of the answers and the same command again. Memory is that of the
program and all its children together, looked at ten times a second, and how much of it is per study. The board is of
copies of the larger run, each with other texts lost.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from benchmarks.records.run import read_run, write_run
from benchmarks.records.scores import read_scores, write_scores
from benchmarks.records.statistics import read_statistics, write_statistics
from libra_bench import load_suite
from libra_bench.scores.stored_statistics import values_of

PROGRAM = Path(sys.executable).parent / "libra-bench"
PHASES = ("before the first answer", "generating", "scoring", "plots and page")
FINDINGS = ("pleural effusion", "opacity", "pneumothorax", "cardiomegaly", "edema", "atelectasis", "support line")
CHANGES = ("has increased", "has decreased", "is unchanged", "is new", "has resolved", "is seen")
LOOK_SECONDS = 0.1


@dataclass
class Watched:
    """One run of the program."""

    seconds: float = 0.0
    first_answer: float | None = None
    generating: float = 0.0
    """Seconds from the first answer to the last."""
    peaks: dict[str, float] = field(default_factory=dict)
    """Phase -> MB of all processes."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, nargs=2, default=[400, 1600], metavar=("FEW", "MANY"))
    parser.add_argument("--runs", type=int, default=60, help="on the board")
    parser.add_argument("--model", choices=["stub", "libra-tiny"], default="stub")
    parser.add_argument("--metrics", default="rouge_l,temporal_f1")
    parser.add_argument("--keep", type=Path, help="work in this folder and leave it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, stub() as address:
        work = arguments.keep or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        model = ["--model", "openai:stub", "--base-url", address, "--option", "concurrency=32"]
        if arguments.model == "libra-tiny":
            model = ["--model", "libra-tiny", "--num-beams", "1", "--max-new-tokens", "8"]
        found = {}
        for n in arguments.studies:
            suite = write_suite(work / f"suite-{n}.jsonl", n, images=arguments.model != "stub")
            command = ["run", "--suite", str(suite), "--image-root", str(load_suite("demo").image_root)]
            found[n] = measure(n, [*command, *model, "--metrics", arguments.metrics], work)
        few, many = arguments.studies
        grows = {
            phase: 1024 * (found[many].peaks[phase] - found[few].peaks[phase]) / (many - few)
            for phase in PHASES
            if phase in found[many].peaks and phase in found[few].peaks
        }
        print("kB per study: " + ", ".join(f"{phase} {growth:.1f}" for phase, growth in grows.items()))
        print(board(work / f"run-{many}", work / "board", arguments.runs))


def measure(n: int, command: Sequence[str], work: Path) -> Watched:
    """Run the program from nothing, again, and with an interruption; print a line each."""
    out = work / f"run-{n}"
    whole = watch([*command, "--out", str(out)], out)
    first = "no answer" if whole.first_answer is None else f"first answer after {whole.first_answer:.1f} s"
    rate = f"{n / whole.generating:,.0f} studies/s" if whole.generating else "at once"
    print(f"{n:,} studies: {first}, {rate}, {whole.seconds:.1f} s in all")
    print("  MB of all processes: " + ", ".join(f"{phase} {peak:,.0f}" for phase, peak in whole.peaks.items()))
    again = watch([*command, "--out", str(out)], out)
    stopped = work / f"stopped-{n}"
    end = watch([*command, "--out", str(stopped)], stopped, stop_after=n // 3)
    resumed = watch([*command, "--out", str(stopped)], stopped)
    same = (out / "scores.json").read_bytes() == (stopped / "scores.json").read_bytes()
    print(
        f"  the same command again {again.seconds:.1f} s; ended {end.seconds:.1f} s after Ctrl-C; next answer "
        f"{resumed.first_answer or 0.0:.1f} s after the same command{'' if same else '; OTHER SCORES'}"
    )
    return whole


def watch(arguments: Sequence[str], out: Path, stop_after: int | None = None) -> Watched:
    """Run the program; with `stop_after`, interrupt it after so many answers and count the seconds from there."""
    answers, found = Answers(out / "answers.jsonl"), Watched()
    had = answers.count()
    began = time.perf_counter()
    with (out.with_suffix(".log")).open("ab") as log:
        program = subprocess.Popen([str(PROGRAM), *arguments], stdout=log, stderr=log, start_new_session=True)
        while program.poll() is None:
            now, there = time.perf_counter() - began, answers.count()
            if there > had and found.first_answer is None:
                found.first_answer = now
            phase = _phase(out, found.first_answer is not None)
            found.peaks[phase] = max(found.peaks.get(phase, 0.0), _memory(program.pid))
            if phase == PHASES[1] and found.first_answer is not None:
                found.generating = now - found.first_answer
            if stop_after is not None and there >= stop_after:
                os.killpg(program.pid, signal.SIGINT)
                began, stop_after = time.perf_counter(), None
            time.sleep(LOOK_SECONDS)
    found.seconds = time.perf_counter() - began
    return found


class Answers:
    """Counts the lines of a file that grows, reading each byte once."""

    def __init__(self, path: Path) -> None:
        self._path, self._at, self._lines = path, 0, 0

    def count(self) -> int:
        """Lines by now."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._at)
                new = stream.read()
        except OSError:  # not there yet
            return self._lines
        self._at += len(new)
        self._lines += new.count(b"\n")
        return self._lines


def _phase(out: Path, answered: bool) -> str:
    if (out / "scores.json").exists():
        return PHASES[3]
    if not answered:
        return PHASES[0]
    try:
        ended = read_run(out).ended
    except (OSError, ValueError):
        ended = None
    return PHASES[1] if ended is None else PHASES[2]


def _memory(process: int) -> float:
    """Resident MB of a process and all its children (Linux)."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        tasks = list(Path(f"/proc/{process}/task").iterdir())
        children = [child for task in tasks for child in (task / "children").read_text().split()]
    except OSError:  # it has just ended
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20 + sum(_memory(int(child)) for child in children)


def board(run: Path, folder: Path, runs: int) -> str:
    """Seconds of the board of copies of a run, in each of which the texts of other studies count as lost."""
    record, scores, statistics = read_run(run), read_scores(run), read_statistics(run)
    assert scores is not None
    for number in range(runs):
        copy = folder / f"{number:04d}"
        copy.mkdir(parents=True, exist_ok=True)
        lost = np.random.default_rng(number).random(len(statistics.ids)) < number / (4 * runs)
        metrics = {
            name: replace(metric, per_sample_NS=np.where(lost[:, None], 0.0, metric.per_sample_NS))
            for name, metric in statistics.metrics.items()
        }
        model = record.model.model_copy(update={"id": f"model-{number}", "name": f"model-{number}"})
        write_run(copy, record.model_copy(update={"fingerprint": f"{number:012x}", "model": model}))
        known = {key: value for name, metric in metrics.items() for key, value in values_of(name, metric).items()}
        values = [score.model_copy(update={"value": known.get(score.key, score.value)}) for score in scores.scores]
        write_scores(copy, scores.model_copy(update={"model": f"model-{number}", "scores": tuple(values)}))
        write_statistics(copy, replace(statistics, metrics=metrics))
        shutil.copy(run / "samples.csv", copy)
    began = time.perf_counter()
    done = subprocess.run(
        [str(PROGRAM), "leaderboard", str(folder), "--csv", str(folder / "board.csv"), "--json"],
        capture_output=True,
        check=True,
    )
    seconds = time.perf_counter() - began
    rows = [row for row in json.loads(done.stdout)["boards"][0]["rows"] if row["rank"] is not None]
    ranks = len({row["rank"] for row in rows})
    return f"board of {len(rows)} runs over {len(statistics.ids):,} studies: {seconds:.1f} s, {ranks} different ranks"


def write_suite(path: Path, n: int, *, images: bool) -> Path:
    """A suite of made-up reports, over the images of the demo suite or none; three studies per patient."""
    demo, chance = load_suite("demo").samples, random.Random(0)
    with path.open("w", encoding="utf-8") as stream:
        for number in range(n):
            row = {
                "question_id": f"study-{number}",
                "image": list(demo[number % len(demo)].images) if images else [],
                "text": "Provide a detailed description of the findings in the radiology image.",
                "reference": " ".join(_sentence(chance) for _ in range(chance.randint(4, 9))),
                "subject_id": f"patient-{number // 3}",
            }
            stream.write(json.dumps(row) + "\n")
    return path


def _sentence(chance: random.Random) -> str:
    return f"The {chance.choice(('left', 'right'))} {chance.choice(FINDINGS)} {chance.choice(CHANGES)}."


@contextmanager
def stub() -> Iterator[str]:
    """An OpenAI-compatible server in a thread, which answers anything at once; its address."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    ports: list[int] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == LENGTH), 0)
                asked = await reader.readexactly(length)
                value = MODELS if head.startswith(b"GET") else _completion(asked)
                body = json.dumps(value).encode()
                size = f"Content-Length: {len(body)}"
                writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{size}\r\n\r\n".encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
        ready.set()

    def work() -> None:
        loop.run_until_complete(serve())
        loop.run_forever()

    threading.Thread(target=work, daemon=True).start()
    ready.wait()
    try:
        yield f"http://127.0.0.1:{ports[0]}/v1"
    finally:
        loop.call_soon_threadsafe(loop.stop)


LENGTH = b"content-length:"
MODELS = {"object": "list", "data": [{"id": "stub"}]}


def _completion(asked: bytes) -> dict[str, object]:
    """Always the same text to the same request."""
    chance = random.Random(asked)
    text = " ".join(_sentence(chance) for _ in range(6))
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    return {"model": "stub", "choices": [choice], "usage": {"prompt_tokens": 100, "completion_tokens": 40}}


if __name__ == "__main__":
    main()
