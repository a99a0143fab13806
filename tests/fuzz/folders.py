"""Folders and files that the program wrote itself: runs to compare, trainings to continue, caches, ratings."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from inputs import (
    GOLDEN,
    INSIDE,
    SENTENCES,
    TESTS,
    answer_errors,
    command,
    draw_nothing,
    jsonl,
    run_folder,
    tried,
    unpacked,
)
from mutations import Files

sys.path.insert(0, str(TESTS / "support"))
import judgement_sets

HEADER = "statistics.header.json"
"""The header of statistics.npz as a file of its own, so that its values are changed, too, not only its bytes."""


def comparisons() -> Sequence[Files]:
    import numpy as np

    files = run_folder()
    with np.load(io.BytesIO(files["statistics.npz"])) as stored:
        return [files, {**files, HEADER: str(stored["header"]).encode()}]


def read_comparison(folder: Path) -> None:
    """Two runs, one of which is right, compared, ranked, split and shown."""
    import numpy as np

    draw_nothing()
    right = run_folder()
    other = folder / "out" / "right"
    other.mkdir()
    for name, content in right.items():
        (other / name).write_bytes(content)
    if (header := folder / HEADER).exists():
        with np.load(io.BytesIO(right["statistics.npz"])) as stored:
            parts = {name: stored[name] for name in stored.files}
        text = header.read_bytes().decode(errors="replace")
        np.savez(folder / "statistics.npz", **{**parts, "header": np.array(text)})
    for words in (
        ("compare", folder, other, "--resamples", 100),
        ("compare", other, folder, "--by", "view", "--resamples", 100),
        ("stability", folder, other, "--resamples", 100),
        ("leaderboard", folder, other),
        ("reproduce", "libra-v1", folder),
        ("report", folder, other, "--no-images", "--out", folder / "out" / "two.html"),
    ):
        tried(*words)


TRAIN = (
    "train", "align", "--config", "phantom-align", "--model-name-or-path", GOLDEN / "models" / "tiny-llm-base",
    "--vision-tower", GOLDEN / "models" / "tiny-rad-dino", "--data-path", GOLDEN / "train" / "train.json",
    "--image-folder", GOLDEN / "images", "--global-batch-size", 2, "--per-device-train-batch-size", 2,
    "--report-to", "none", "--logging-steps", 1, "--metric-for-best-model", "loss", "--max-steps", 2,
    "--save-steps", 1,
)  # fmt: skip


def trainings() -> Sequence[Files]:
    """A training that was killed after its last step, so that continuing it costs no more than reading."""
    with tempfile.TemporaryDirectory() as place:
        out = Path(place, "out")
        command(*TRAIN, "--output-dir", out)
        record = json.loads((out / "training.json").read_text())
        del record["result"]
        (out / "training.json").write_text(json.dumps(record))
        kept = [out / "training.json", out / "log.jsonl", *(out / "checkpoint-2").iterdir()]
        return [{str(path.relative_to(out)).replace("/", INSIDE): path.read_bytes() for path in kept}]


def read_training(folder: Path) -> None:
    out = unpacked(folder, folder / "out" / "training", "*")
    tried(*TRAIN, "--output-dir", out)
    tried(*TRAIN, "--output-dir", out)


def _judgement() -> tuple[dict, dict, str]:
    from libra_bench.metrics.judges.judgements import Identity, Judgement

    identity = Identity("a" * 64, "b" * 64, "judge", None, {"temperature": 0.0}, 0)
    facts = asdict(Judgement("No errors.", "stop", "judge-1", 10, 3, 0.5, "json_schema"))
    return asdict(identity), facts, facts.pop("text")


def caches() -> Sequence[Files]:
    identity, facts, reply = _judgement()
    with tempfile.TemporaryDirectory() as place:
        os.environ["LIBRA_BENCH_CACHE"] = place
        _write_judgement(json.dumps(identity), json.dumps(facts), reply)
        _extracted()
        whole = {path.name: path.read_bytes() for path in Path(place).rglob("*.sqlite3")}
    return [
        whole,
        {
            "identity": json.dumps(identity).encode(),
            "facts": json.dumps(facts).encode(),
            "reply": reply.encode(),
        },
    ]


def _write_judgement(identity: object, facts: object, reply: object) -> None:
    from libra_bench.metrics.judges.judgements import Judgements

    kept = Judgements()
    kept.get(["none"])
    list(kept.rows())
    kept.path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(kept.path)) as connection, connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS judgements"
            " (key TEXT PRIMARY KEY, identity TEXT NOT NULL, reply TEXT NOT NULL, facts TEXT NOT NULL)"
        )
        connection.execute("INSERT OR REPLACE INTO judgements VALUES ('k', ?, ?, ?)", (identity, reply, facts))


def _extracted() -> dict[str, bytes]:
    from libra_bench.metrics.extractors.cache import ExtractionCache, extract

    def reverse(texts: Sequence[str]) -> list[bytes]:
        return [text[::-1].encode() for text in texts]

    return extract(SENTENCES, reverse, cache=ExtractionCache("fuzz", "1"), title="reversed")


def read_caches(folder: Path) -> None:
    from libra_bench.metrics.judges.judgements import Judgements

    os.environ["LIBRA_BENCH_CACHE"] = str(folder / "out")
    for file in folder.glob("*.sqlite3"):
        place = folder / "out" / ("judgements" if file.name.startswith("judgements") else "extractions") / file.name
        place.parent.mkdir(exist_ok=True)
        file.rename(place)
    parts = [folder / name for name in ("identity", "facts", "reply")]
    if all(part.exists() for part in parts):
        _write_judgement(*(part.read_bytes().decode(errors="replace") for part in parts))
    assert _extracted() == {text: text[::-1].encode() for text in SENTENCES}
    with answer_errors():
        for found in Judgements().get(["k"]).values():
            json.dumps(asdict(found)).encode()
    tried("metrics", "judgements", "--out", folder / "out" / "all.jsonl")
    tried("metrics", "judgements", "--no-text", "--out", folder / "out" / "facts.jsonl")


AGREEMENT = ("metrics", "agreement", "--metrics", "rouge_l,bleu", "--resamples", 100)


def ratings() -> Sequence[Files]:
    table = [
        {
            "study": number // 2,
            "reference": SENTENCES[number],
            "prediction": SENTENCES[-number],
            "one": number,
            "two": 3,
        }
        for number in range(6)
    ]
    csv = b"study,reference,prediction,one\r\n1,Clear.,Clear.,1\r\n1,Clear.,Edema.,4\r\n2,Edema.,Edema.,2\r\n"
    expert = (
        b'id,reference,prediction1,annotation1,prediction2,annotation2\r\n1,Clear.,Clear.,0,Edema.,"{""a"": 2}"\r\n'
    )
    tests = json.dumps(judgement_sets.TESTS)
    with tempfile.TemporaryDirectory() as place:
        published = [judgement_sets.radpref(Path(place, "radpref")), judgement_sets.rexval(Path(place, "rexval"))]
        folders = [
            {str(path.relative_to(place)).replace("/", INSIDE): path.read_bytes() for path in folder.rglob("*.*")}
            for folder in published
        ]
    return [
        {"ratings.jsonl": jsonl(table)},
        {"ratings.csv": csv},
        {"ratings.json": tests.encode()},
        {"ratings.py": f"RANKING_TESTS = {tests}".encode()},
        {"ratings.csv": expert},
        {"ratings.jsonl": jsonl(table), "values.json": _kept_values(table)},
        *folders,
    ]


def _kept_values(table: Sequence[dict]) -> bytes:
    """What `--out` keeps of the values of these texts."""
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "ratings.jsonl").write_bytes(jsonl(table))
        command(*AGREEMENT, "--data", Path(place, "ratings.jsonl"), "--out", place)
        return Path(place, "values.json").read_bytes()


def read_ratings(folder: Path) -> None:
    out = unpacked(folder, folder / "out")
    published = [out / name for name in ("radpref", "rexval")]
    for data in [*sorted(folder.glob("ratings.*")), *(place for place in published if place.is_dir())]:
        tried(*AGREEMENT, "--data", data, "--out", folder)
        tried(*AGREEMENT, "--data", data, "--out", folder)
