"""Try one target for some seconds: `python tests/fuzz/fuzz.py TARGET --seconds 20 --seed 1 --keep FOLDER`.

An input fails that raises anything but a LibraBenchError of one line, takes more than 10 seconds of work or 30 of
waiting, or more than 2 GB.
It is kept, small as it was found; move it to `seeds/TARGET/NAME/` and it is tried first from then on.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from inputs import is_right
from mutations import Files, mutated
from targets import TARGETS, Target

from benchmarks.errors import LibraBenchError

WORK_SECONDS, WAIT_SECONDS = 10, 30
"""Of the processor, which a busy machine does not change; and of the clock."""
MAX_BYTES = 2 * 2**30
SEEDS = Path(__file__).parent / "seeds"
PACKAGES = ("libra_bench", "model_adapters", "benchmarks", "reports")


class HangError(BaseException):
    """An input that takes too long; no `except Exception` swallows it."""


def main() -> None:
    """Print one JSON object: how many inputs were tried, and what failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--keep", type=Path, required=True, help="Folder for inputs that fail, and the one being tried."
    )
    options = parser.parse_args()
    out = os.dup(1)
    found = run(options.target, TARGETS[options.target], options.seconds, options.seed, options.keep)
    os.write(out, json.dumps(found).encode() + b"\n")


def run(name: str, target: Target, seconds: float, seed: int, keep: Path) -> dict[str, object]:
    """Inputs that are right as they are, then seeds, then changed ones."""
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGALRM, _hang)
    signal.signal(signal.SIGPROF, _hang)
    tried, failures = 0, {}
    with quiet():
        corpus = list(target.corpus())
        for number, files in enumerate(corpus):  # what is imported and cached by the first one is no input's cost
            if (failure := _try(target, files, keep, limited=number > 0, right=True)) is not None:
                failures[f"a right input: {failure}"] = str(_kept(keep, f"{name}-right-{number}", files, failure))
        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (held + MAX_BYTES, held + MAX_BYTES))
        end = time.monotonic() + seconds
        for files in _inputs(name, target, corpus, random.Random(seed)):
            if time.monotonic() > end:
                break
            tried += 1
            if (failure := _try(target, files, keep)) is not None and failure not in failures:
                failures[failure] = str(_kept(keep, f"{name}-{len(failures)}", files, failure))
    shutil.rmtree(keep / "now", ignore_errors=True)
    return {"target": name, "seed": seed, "tried": tried, "failures": failures}


def _inputs(name: str, target: Target, corpus: list[Files], draw: random.Random) -> Iterator[Files]:
    for folder in sorted((SEEDS / name).glob("*")):
        yield {path.name: path.read_bytes() for path in folder.iterdir()}
    while True:
        yield mutated(draw.choice(corpus), draw, structured=target.structured)


def _try(target: Target, files: Files, keep: Path, *, limited: bool = True, right: bool = False) -> str | None:
    """What went wrong with an input, in a few words that name the place; None where nothing did.

    An error of ours is an answer to an input that was changed; one that is right must be taken.
    """
    current = _kept(keep, "now", files, "")
    with tempfile.TemporaryDirectory() as place:
        shutil.copytree(current, place, dirs_exist_ok=True)
        Path(place, "out").mkdir(exist_ok=True)
        _limit(WORK_SECONDS if limited else 0, WAIT_SECONDS if limited else 0)
        is_right.set(right)
        try:
            target.read(Path(place))
        except LibraBenchError as error:
            if right:
                return f"{type(error).__name__}, {error}"
            return f"{type(error).__name__} of several lines" if "\n" in str(error) else None
        except HangError as error:
            return f"hang, {_place(error)}"
        except BaseException as error:  # noqa: BLE001 - that is what is looked for
            return f"{type(error).__name__}, {_place(error)}"
        finally:
            _limit(0, 0)
    return None


def _place(error: BaseException) -> str:
    """The innermost lines of the packages and of what they called."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [(frame, Path(frame.filename).parts) for frame in frames]
    ours = [frame for frame, parts in places if "site-packages" not in parts and not set(PACKAGES).isdisjoint(parts)]
    shown = [*ours[-1:], *frames[-1:]]
    return " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in shown)


def _kept(keep: Path, name: str, files: Files, why: str) -> Path:
    folder = keep / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for file, content in files.items():
        (folder / file).write_bytes(content)
    if why:
        print(f"{name}: {why}", file=sys.__stderr__, flush=True)
    return folder


def _limit(work: float, wait: float) -> None:
    signal.setitimer(signal.ITIMER_PROF, work)
    signal.setitimer(signal.ITIMER_REAL, wait)


def _hang(*_: object) -> None:
    raise HangError


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What the program prints is not looked at; prints of libraries below Python neither."""
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), 1)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield


if __name__ == "__main__":
    main()
