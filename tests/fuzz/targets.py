"""What is fuzzed: for each kind of input some that are right, and the program that reads it."""

from __future__ import annotations

import io
import json
import random
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from folders import caches, comparisons, ratings, read_caches, read_comparison, read_ratings, read_training, trainings
from inputs import (
    GOLDEN,
    SENTENCES,
    TESTS,
    answers,
    asked,
    command,
    draw_nothing,
    jsonl,
    run_folder,
    studies,
    tried,
    unpacked,
)
from mutations import Files
from PIL import Image
from weights import read_vlm, read_weights, vlms, weights

from benchmarks.errors import InputError, RefusedError
from model_adapters.openai.replies import ChatReply


@dataclass(frozen=True)
class Target:
    """One kind of input."""

    corpus: Callable[[], Sequence[Files]]
    """Inputs that are right."""
    read: Callable[[Path], object]
    """Reads an input from a folder; a LibraBenchError, or the command's exit status, is an answer to a wrong one."""
    structured: bool = True
    """Whether its files may be JSON."""


SUITE_CSV = (
    b'question_id,image,text,reference,labels,view\r\n1,a.png,Describe.,"No, clear.","[""edema""]",AP\r\n2,,Q,A.,,\r\n'
)


def read_suite(folder: Path) -> None:
    from benchmarks.prepare.export import write_csv
    from benchmarks.suites import load_suite

    (folder / "a.png").write_bytes((GOLDEN / "images" / "small.png").read_bytes())
    for file in sorted(folder.glob("suite.*")):
        suite = load_suite(file)
        write_csv(suite.samples, folder / "out" / "table.csv")
        load_suite(folder / "out" / "table.csv")
        for sample in suite.samples:
            with suppress(InputError):
                suite.question(sample)
        command("generate", "--suite", file, "--model", "echo", "--out", folder / "out" / "run")


def read_predictions(folder: Path) -> None:
    (folder / "suite.jsonl").write_bytes(jsonl(studies()))
    for file in sorted(folder.glob("predictions.*")):
        command(
            "score", "--references", folder / "suite.jsonl", "--predictions", file, "--metrics", "bleu,rouge_l",
            "--csv", folder / "board.csv",
        )  # fmt: skip


def read_run(folder: Path) -> None:
    draw_nothing()
    command("leaderboard", folder, "--csv", folder / "out" / "board.csv", "--no-tests")
    command("report", folder, "--no-images")
    command("report", folder, "--no-text")
    command("score", folder, "--metrics", "rouge_l")


def read_resumed(folder: Path) -> None:
    (folder / "suite.jsonl").write_bytes(jsonl([study | {"image": []} for study in studies()]))
    tried("generate", "--suite", folder / "suite.jsonl", "--model", "echo", "--out", folder)
    draw_nothing()
    command("report", folder)


def images() -> Sequence[Files]:
    golden = GOLDEN / "images"
    names = (
        "small.png",
        "exact.png",
        "palette.png",
        "gray16.png",
        "rgba.png",
        "photo.jpg",
        "mono1.dcm",
        "mono2_window.dcm",
    )
    with Image.open(golden / "small.png") as picture, Image.open(golden / "gray16.png") as deep:
        others = [_saved(picture, name) for name in ("a.bmp", "a.webp", "a.tiff")] + [_saved(deep, "deep.tiff")]
    return [{name: (golden / name).read_bytes()} for name in names] + others


def _saved(picture: Image.Image, name: str) -> Files:
    stream = io.BytesIO()
    picture.save(stream, Path(name).suffix.removeprefix("."))
    return {name: stream.getvalue()}


def read_image(folder: Path) -> None:
    from benchmarks.images import read_radiograph
    from reports.cases.thumbnails import thumbnail

    for file in sorted(folder.iterdir()):
        if file.is_file():
            read_radiograph(file)
            thumbnail(file)


def checkpoints() -> Sequence[Files]:
    models = GOLDEN / "models"
    names = ("tiny-libra-tac", "tiny-libra-v1.0-3b", "tiny-libra-lora", "tiny-libra-lora-bin")
    found: list[Files] = []
    for name in names:
        files = {path.name: path.read_bytes() for path in (models / name).iterdir() if path.is_file()}
        config = json.loads(files["config.json"])
        files["config.json"] = json.dumps(
            {**config, "mm_vision_tower": str(GOLDEN / config["mm_vision_tower"])}
        ).encode()
        found.append(files)
    towers = [("tiny-libra-clip-linear", "tiny-clip"), ("tiny-libra-tac", "tiny-rad-dino")]
    for model, tower in towers:
        files = {path.name: path.read_bytes() for path in (models / tower).iterdir() if path.is_file()}
        found.append({**files, "model": model.encode()})
    return found


def read_checkpoint(folder: Path) -> None:
    """A whole checkpoint, a LoRA, or a tower of the golden checkpoint that `model` names; asked one study."""
    kept = unpacked(folder, folder / "out" / "checkpoint", "*")
    model, more = kept, ()
    if (named := kept / "model").is_file():
        name = "tiny-libra-clip-linear" if b"clip" in named.read_bytes() else "tiny-libra-tac"
        model, more = GOLDEN / "models" / name, ("--option", f"vision_tower={kept}")
    elif (kept / "adapter_config.json").is_file():
        more = ("--model-base", GOLDEN / "models" / "tiny-libra-tac")
    asked(folder, "--model", model, *more)


def recipes() -> Sequence[Files]:
    shipped = TESTS.parent / "libra_bench" / "training" / "recipes"
    stages = {"align": "align", "finetune": "finetune", "full": "finetune"}
    return [
        {f"{stages[path.stem.rpartition('-')[2]]}.yaml": path.read_bytes()} for path in sorted(shipped.glob("*.yaml"))
    ]


def read_recipe(folder: Path) -> None:
    from libra_bench.training.recipe_file import load_recipe

    given = {"data_path": "train.json", "output_dir": "out"}
    for stage in ("align", "finetune"):
        if (file := folder / f"{stage}.yaml").is_file():
            for line in load_recipe(str(file), stage, given).lines():
                line.encode()


def experiments() -> Sequence[Files]:
    from libra_bench.experiments.experiment_file import EXAMPLE

    every = b"suites: [demo, {suite: x.jsonl, limit: 3, by: [view]}]\nmodels:\n- {model: echo, num_beams: 2}\n"
    return [
        {"experiment.yaml": EXAMPLE.read_bytes()},
        {"experiment.yaml": every + b"protocols: [greedy]\nseeds: [1, 2]\nmetrics: [bleu]\noptions: {limit: 2}\n"},
    ]


def read_experiment_file(folder: Path) -> None:
    from libra_bench.experiments.experiment_file import read_experiment

    for one in read_experiment(folder / "experiment.yaml", {"device": "cpu"}):
        one.label.encode()


def cards() -> Sequence[Files]:
    shipped = TESTS.parent / "model_adapters" / "cards"
    return [{"card.yaml": path.read_bytes()} for path in sorted(shipped.glob("*.yaml"))]


def read_model_card(folder: Path) -> None:
    from dataclasses import asdict

    from benchmarks.catalog import FINDINGS_PROMPT
    from benchmarks.schema import Question
    from libra_bench.runs.plan import path_name
    from model_adapters.cards import read_card
    from model_adapters.cards.prompt_hooks import user_turn

    card = read_card(folder / "card.yaml")
    assert (Path("runs") / "suite" / path_name(card.id)).resolve().is_relative_to(Path("runs/suite").resolve()), card.id
    assert path_name(card.id) not in ("", ".", "..")
    user_turn(Question(1, FINDINGS_PROMPT, (), {"indication": "pain"}), asdict(card), ["current"])


REPLY = {
    "id": "1", "object": "chat.completion", "model": "m",
    "usage": {"prompt_tokens": 3, "completion_tokens": 4, "cost": 0.1},
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "No change."}}],
}  # fmt: skip


def replies() -> Sequence[Files]:
    error = {"error": {"message": "slow down", "code": 429}}
    heads = (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n", b"HTTP/1.1 400 Bad Request\r\n",
        b"HTTP/1.1 429 Too Many\r\nRetry-After: 0\r\n", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n",
    )  # fmt: skip
    return [
        {"head": head, "body": json.dumps(value).encode()}
        for head, value in zip(heads, (REPLY, error, error, REPLY), strict=True)
    ]


def read_reply(folder: Path) -> None:
    from model_adapters.openai.endpoint import Endpoint

    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                connection, _ = server.accept()
                with connection:
                    connection.settimeout(0.4)
                    connection.recv(65_536)
                    body = files.get("body", b"")
                    length = f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
                    connection.sendall(files.get("head", b"") + length + body)
            except OSError:
                pass

        threading.Thread(target=serve, daemon=True).start()
        client = Endpoint(
            f"http://127.0.0.1:{server.getsockname()[1]}/v1", key="a-secret-key", retries=0, timeout_seconds=0.4
        )
        with suppress(RefusedError):  # which is what two right replies are, too
            _written(client.complete({"model": "m", "messages": []}))


def _written(reply: ChatReply) -> None:
    json.dumps([reply.text, reply.model, reply.cost, reply.prompt_tokens], allow_nan=False, ensure_ascii=False).encode()


def reports() -> Sequence[Files]:
    draw = random.Random(3)
    return [{"report.txt": " ".join(draw.choices(SENTENCES, k=n)).encode()} for n in (1, 4, 12, 60)]


def read_report_text(folder: Path) -> None:
    from libra_bench.metrics.statements.reader import report_statements

    text = (folder / "report.txt").read_bytes().decode("utf-8", errors="surrogateescape")
    for statement in report_statements(text):
        assert 0 <= statement.start <= statement.end <= len(text)


BUILDS = {
    "test_metadata_view_position.json": ("rexgradient",),
    "test_vqa_data.json": ("rexvqa",),
    "df_chexpert_plus_240401.csv": ("chexpert-plus",),
    "grounded_reports_20240819.json": ("padchest-gr",),
    "ReXRank_IUXray_test.json": ("iu-xray",),
    "VQA_RAD Dataset Public.json": ("vqa-rad", "--split", "test"),
    "test.json": ("slake",),
    "MS_CXR_T_temporal_image_classification_v1.0.0.csv": ("ms-cxr-t", "--mimic-root", ".", "--workers", 1),
    "gold_progression_pairs.parquet": ("chextemporal",),
}
"""File of a published data set -> the words of `data build`."""


def data_sets() -> Sequence[Files]:
    """The tables of the data sets, of phantoms."""
    import runpy
    import tempfile

    script = runpy.run_path(str(TESTS.parent / "scripts" / "make_fake_datasets.py"))
    with tempfile.TemporaryDirectory() as place:
        script["write_fakes"](Path(place), patients=2)
        found = {path.name: path for path in Path(place).rglob("*") if path.name in {*BUILDS, "master_table.csv"}}
        kept = [{name: found[name].read_bytes()} for name in BUILDS]
        kept[3]["master_table.csv"] = found["master_table.csv"].read_bytes()
        return kept


def read_data_set(folder: Path) -> None:
    for name, words in BUILDS.items():
        if (folder / name).is_file():
            out = folder / "out" / "suite.jsonl"
            command(
                "data", "build", words[0], folder / name, *words[1:], "--out", out, "--allow-absent-images", "--force"
            )
            if out.is_file():
                command("suites", "show", out)


TARGETS: dict[str, Target] = {
    "suite": Target(lambda: [{"suite.jsonl": jsonl(studies())}, {"suite.csv": SUITE_CSV}], read_suite),
    "predictions": Target(
        lambda: [
            {"predictions.jsonl": jsonl(answers())},
            {"predictions.csv": b"question_id,text\r\n0,Clear.\r\n1,No change.\r\n2,\r\n"},
            {"predictions.txt": b"Clear.\nNo change.\n\n"},
            {"predictions.json": b'["Clear.", "No change.", ""]'},
            {"predictions.json": b'[{"generated": "Clear."}, {"output": "No change."}, {"prediction": ""}]'},
        ],
        read_predictions,
    ),
    "scores": Target(lambda: [run_folder()], read_run),
    "answers": Target(
        lambda: [{key: value for key, value in run_folder().items() if key in ("answers.jsonl", "run.json")}],
        read_resumed,
    ),
    "comparisons": Target(comparisons, read_comparison),
    "trainings": Target(trainings, read_training),
    "caches": Target(caches, read_caches),
    "ratings": Target(ratings, read_ratings),
    "weights": Target(weights, read_weights),
    "images": Target(images, read_image, structured=False),
    "checkpoints": Target(checkpoints, read_checkpoint),
    "vlms": Target(vlms, read_vlm),
    "recipes": Target(recipes, read_recipe),
    "experiments": Target(experiments, read_experiment_file),
    "cards": Target(cards, read_model_card),
    "endpoint": Target(replies, read_reply),
    "report-text": Target(reports, read_report_text),
    "data-sets": Target(data_sets, read_data_set),
}
