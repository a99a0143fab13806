"""Models through the real program: listing, checking, merging, baselines, served models; and what is refused."""

from __future__ import annotations

import json
import shutil
import signal
import time
from pathlib import Path

import pytest
import tiny_vlms
from faulty_endpoint import drip, endpoint
from oracles import MODELS
from real_program import Program, read_lines

import libra_bench
from benchmarks.catalog import DEMO, DEMO_TRAIN, FINDINGS_PROMPT

SPARE = ("--metrics", "temporal_f1", "--no-report", "--no-plots", "--limit", "6")


def refused(done, *words: str) -> None:
    """The program said no in one line that holds all these words."""
    assert done.returncode == 2, (done.stdout, done.stderr)
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: "), done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in line, line


def run_json(program: Program, *arguments: object, **environment: str) -> tuple[dict, list[dict]]:
    """run.json and answers of a run of the demo."""
    done = program("run", "--suite", "demo", *arguments, *SPARE, "--json", **environment)
    assert done.returncode == 0, done.stderr
    folder = program.folder / json.loads(done.stdout)["run"]
    return json.loads((folder / "run.json").read_text()), read_lines(folder / "answers.jsonl")


@pytest.fixture(scope="module")
def llava(tmp_path_factory) -> Path:
    return tiny_vlms.llava(tmp_path_factory.mktemp("models") / "llava")


@pytest.fixture
def copy(tmp_path) -> Path:
    """Copies of the tiny checkpoints that tests may damage, beside their towers."""
    folder = tmp_path / "models"
    for name in ("tiny-libra-tac", "tiny-libra-lora", "tiny-libra-stage1", "tiny-llm-base", "tiny-rad-dino"):
        shutil.copytree(MODELS / name, folder / name)
    return folder


def edit(file: Path, **fields) -> None:
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def test_the_listing_says_what_each_model_needs(cli):
    listed = {model["name"]: model for model in json.loads(cli("models", "--json").stdout)}
    assert listed["libra-tiny"]["here"] is True
    assert listed["CheXagent-2"]["state"] == "needs a side environment"
    assert "torchvision" in listed["Qwen2.5-VL"]["state"] or listed["Qwen2.5-VL"]["here"] in (True, False)
    assert listed["libra-v1.0-7b"]["card"]["conv_mode"] == "libra_v1"
    assert {"echo", "constant", "normal", "random-report", "retrieval", "copy-prior-report", "oracle"} <= set(listed)
    shown = cli("models").stdout
    assert "libra-maira-2" in shown
    assert "openai:NAME" in shown


def test_check_shows_prompt_and_first_token(cli, llava):
    found = json.loads(cli("models", "check", "libra-tiny", "--json").stdout)
    assert found["works"] is True
    assert found["prompt"].endswith("ASSISTANT:")
    assert found["prompt_tokens"] > 50
    assert isinstance(found["first_token"], str)
    found = json.loads(cli("models", "check", llava, "--json").stdout)
    assert (found["adapter"], found["works"]) == ("hf_vlm", True)
    assert found["prompt"].count("<image>") == 2


def test_check_lists_every_key_that_does_not_fit(cli, copy):
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "tiny-libra-tac" / "model.safetensors")
    taken = [key for key in weights if ".layers.0." in key]
    kept = {key: weight for key, weight in weights.items() if key not in taken}
    save_file(
        {**kept, "model.stray": weights["model.norm.weight"].clone()}, copy / "tiny-libra-tac" / "model.safetensors"
    )
    done = cli("models", "check", copy / "tiny-libra-tac", "--json")
    found = json.loads(done.stdout)
    assert found["loads"] is False
    assert set(found["missing_keys"]) == set(taken)
    assert found["unexpected_keys"] == ["model.stray"]
    refused(done, f"{len(taken)} missing keys", "1 unexpected key: model.stray", "tiny-libra-tac")


def test_merge_writes_a_checkpoint_that_answers_the_same(cli, copy):
    base, lora, out = copy / "tiny-libra-tac", copy / "tiny-libra-lora", copy / "merged"
    done = cli("models", "merge", base, lora, out, "--json")
    assert json.loads(done.stdout) == {"checkpoint": str(out), "dtype": "float32"}, done.stderr

    def text(model: Path, **options) -> str:
        images = [str(DEMO / "images" / "00001" / name) for name in ("2.png", "1.png")]
        return libra_bench.describe(images, FINDINGS_PROMPT, str(model), num_beams=2, max_new_tokens=12, **options)

    assert text(out) == text(lora, model_base=str(base)) != text(base)
    refused(cli("models", "merge", base, lora, out), "is not empty", "name a new folder")
    refused(cli("models", "merge", base, copy / "gone", copy / "o"), "gone", "no such folder")
    refused(cli("models", "merge", copy / "gone", lora, copy / "o"), "gone", "no such folder")


def damaged(copy: Path, kind: str) -> list[object]:
    """A model that cannot be loaded, as arguments of `models check`."""
    tac, lora, stage1 = copy / "tiny-libra-tac", copy / "tiny-libra-lora", copy / "tiny-libra-stage1"
    if kind == "lora without base":
        return [lora]
    if kind == "base of another size":
        return [lora, "--model-base", MODELS / "tiny-libra-v1.0-3b"]
    if kind == "projector of another width":
        edit(tac / "config.json", mm_hidden_size=40)
        return [tac]
    if kind == "projector weights of another width":
        edit(stage1 / "config.json", mm_projector_type="linear", mm_vision_select_layer=-2)
        return [stage1, "--model-base", copy / "tiny-llm-base"]
    if kind == "no tokenizer":
        (tac / "tokenizer.model").unlink()
        return [tac]
    if kind == "unknown family":
        edit(tac / "config.json", model_type="libra_falcon", architectures=["LibraFalconForCausalLM"])
        return [tac]
    (copy / "own.yaml").write_text(f"id: own\nadapter: libra\npath: {tac}\nconv_modes: v1\n")
    return [copy / "own.yaml"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("lora without base", ["needs its base model", "--model-base"]),
        ("base of another size", ["tiny-libra-lora"]),
        ("projector of another width", ["mm_hidden_size is 40", "mm_vision_tower"]),
        ("projector weights of another width", ["mm_projector"]),
        ("no tokenizer", ["tokenizer"]),
        ("unknown family", ["unknown decoder family 'libra_falcon'", "known: libra"]),
        ("unknown field", ["own.yaml", "did you mean 'conv_mode'?"]),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(cli, copy, kind, words):
    arguments = damaged(copy, kind)
    refused(cli("models", "check", *arguments), *words)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "echo", "--train", "x.jsonl"], ["unknown option of the echo adapter 'train'", "available: none"]),
        (["--model", "retrieval", "--option", "bye=image"], ["did you mean 'by'?"]),
        (["--model", "retrieval", "--option", "by=indicaton"], ["did you mean 'indication'?"]),
        (["--model", "normal", "--train", "gone.jsonl"], ["gone.jsonl", "no such training file"]),
        (["--model", "libra-tiny", "--option", "workers=many"], ["option workers", "a whole number", "'many'"]),
        (["--model", "libra-tiny", "--load-in", "3bit"], ["--load-in", "4bit or 8bit"]),
        (["--model", "libra-tiny", "--load-in", "4bit", "--device", "cpu"], ["4-bit weights need a CUDA device"]),
        (["--model", "libra-tiny", "--device", "tpu9"], ["unknown device 'tpu9'", "--device"]),
        (["--model", "libra-tiny", "--trust-remote-code"], ["option of the libra adapter", "'trust_remote_code'"]),
        (["--model", "normal", "--train", DEMO / "demo.jsonl"], ["the suite itself", "--train"]),
        (["--model", "MAIRA-2"], ["model MAIRA-2", "brings code of its own", "--trust-remote-code"]),
        (["--model", "CheXagent-2"], ["model CheXagent-2", "brings code of its own", "--trust-remote-code"]),
        (["--model", "openai:x"], ["--base-url URL"]),
        (["--model", "openai:x", "--base-url", "http://127.0.0.1:9/v1"], ["http://127.0.0.1:9/v1", "no server"]),
        (
            ["--model", "openai:x", "--base-url", "http://h/v1", "--option", "api_key=1"],
            ["unknown option of the openai adapter 'api_key'"],
        ),
        (["--model", "echo", "--weights", "."], ["'echo' is no model card"]),
        (["--model", "./gone"], ["--model ./gone", "no such file or folder"]),
        (["--model", "gone.yaml"], ["--model gone.yaml", "no such file or folder"]),
        (["--model", "libra-v1.0-7b", "--weights", "gone"], ["--weights gone", "no such folder"]),
    ],
)
def test_a_wrong_option_is_said_in_one_line(cli, arguments, words):
    refused(cli("run", "--suite", "demo", *arguments, *SPARE), *words)
    if arguments[1] != "openai:x":
        assert not list(cli.folder.glob("runs/*/*/*/answers*"))


def test_a_card_that_needs_a_package_is_refused_without_it(cli):
    (cli.folder / "own.yaml").write_text("id: own\nadapter: hf_vlm\npath: weights\nneeds: [no-such-package-anywhere]\n")
    refused(
        cli("run", "--suite", "demo", "--model", "own.yaml"), "own", "needs no-such-package-anywhere", "pip install"
    )


def test_a_card_of_ones_own_leads_the_run(cli, copy):
    card = cli.folder / "own.yaml"
    card.write_text(
        "id: own\nadapter: libra\npath: models/tiny-libra-tac\nconv_mode: libra_v1\nimage_policy: one\n"
        "protocol: greedy\ntrained_on: [A]\nlicence: null\n"
    )
    record, answers = run_json(cli, "--model", card, "--max-new-tokens", 4)
    assert (record["model"]["id"], record["protocol"]["name"]) == ("own", "greedy")
    assert record["deciding"]["model"]["conv_mode"] == "libra_v1"
    assert record["deciding"]["model"]["image_policy"] == "one"
    assert len(answers) == 6


def test_a_shipped_card_takes_its_weights_from_a_folder(cli, copy):
    record, _ = run_json(
        cli, "--model", "libra-v1.0-7b", "--weights", copy / "tiny-libra-tac", "--max-new-tokens", 4,
        "--num-beams", 1,
    )  # fmt: skip
    assert record["model"]["name"] == "libra-v1.0-7b"
    assert record["model"]["card"]["trained_on"][0] == "MIMIC-CXR"


def test_baselines_learn_from_the_demos_own_file_or_from_a_given_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def answers(model: str, **options) -> tuple[set[str], dict]:
        folder = libra_bench.run("demo", model, metrics="temporal_f1", report=False, limit=6, **options)
        record = json.loads((folder / "run.json").read_text())
        return {answer["text"] for answer in read_lines(folder / "answers.jsonl")}, record["model"]["options"]

    trained = {row["reference"] for row in read_lines(DEMO_TRAIN)}
    for model in ("normal", "random-report", "retrieval"):
        texts, options = answers(model)
        assert texts <= trained
        assert options == {"train": str(DEMO_TRAIN)}
    Path("own.jsonl").write_text('{"question_id": 1, "text": "?", "reference": "Mine."}\n')
    assert answers("retrieval", adapter_options={"train": "own.jsonl"})[0] == {"Mine."}


def test_a_served_model_is_recorded_and_its_key_is_not(cli):
    key = "sk-secret-1234567890"
    with endpoint() as server:
        record, answers = run_json(
            cli, "--model", "openai:tiny", "--base-url", server.url, "--concurrency", 2,
            "--option", "price_in=1", "--option", "price_out=2", OPENAI_API_KEY=key,
        )  # fmt: skip
        assert set(server.keys) == {f"Bearer {key}"}
    assert record["protocol"]["name"] == "greedy"
    assert record["deciding"]["model"]["base_url"] == server.url
    assert record["adapter_report"]["requests"] == 6
    assert record["adapter_report"]["cost"] == pytest.approx(6 * 120e-6)
    assert answers[1]["metadata"]["prompt_tokens"] == 100
    for path in (cli.folder / "runs").rglob("*"):
        assert path.is_dir() or key.encode() not in path.read_bytes(), path


def test_ctrl_c_ends_a_run_whose_endpoint_hangs(program):
    with endpoint() as server:
        server.faults = [None, *[drip] * 100]
        running = program.start("run", "--suite", "demo", "--model", "openai:tiny", "--base-url", server.url, *SPARE)
        try:
            assert server.hanging.wait(120)
            pattern = "runs/demo/openai-tiny/*/answers*.jsonl"
            while not (logs := [path for path in program.folder.glob(pattern) if path.stat().st_size]):
                assert running.poll() is None
                time.sleep(0.05)
            running.send_signal(signal.SIGINT)
            assert running.wait(30) != 0
        finally:
            running.kill()
    assert len(read_lines(logs[0])) == 1


def test_code_that_was_asked_for_is_recorded(cli, llava):
    record, _ = run_json(cli, "--model", llava, "--trust-remote-code", "--protocol", "greedy", "--max-new-tokens", 4)
    assert record["model"]["options"] == {"trust_remote_code": True}
    assert record["deciding"]["model"]["trust_remote_code"] is True
    assert record["deciding"]["model"]["bits"] is None
