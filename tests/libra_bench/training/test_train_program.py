"""The real program: plans, artefacts, kills, several processes, and what goes wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from oracles import GOLDEN, MODELS
from real_program import read_lines

BASE = MODELS / "tiny-llm-base"
DATA = GOLDEN / "train" / "train.json"


def arguments(out: object, stage: str = "align", **flags: object) -> list[str]:
    """`train` with the golden tiny models."""
    given: dict[str, object] = {
        "model_name_or_path": BASE,
        "vision_tower": MODELS / "tiny-rad-dino",
        "data_path": DATA,
        "image_folder": GOLDEN / "images",
        "output_dir": out,
        "global_batch_size": 4,
        "per_device_train_batch_size": 2,
        "learning_rate": 1e-3,
        "report_to": "none",
        "logging_steps": 1,
        "metric_for_best_model": "loss",
        **flags,
    }
    recipe = "phantom-align" if stage == "align" else "phantom-finetune"
    named = [item for name, value in given.items() for item in ("--" + name.replace("_", "-"), str(value))]
    return ["train", stage, "--config", recipe, *named]


def losses(out: Path) -> list[tuple[int, float]]:
    return [(line["step"], line["loss"]) for line in read_lines(out / "log.jsonl") if "loss" in line]


def test_a_dry_run_says_what_would_happen_and_writes_nothing(cli):
    done = cli(*arguments("out", num_train_epochs=3), "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["parameters"]["vision tower"][0] == plan["parameters"]["language model"][0] == 0
    learns, of = plan["parameters"]["connector"]
    assert learns == of > 10_000
    assert (plan["samples"], plan["steps"], plan["global_batch"], plan["accumulation"]) == (16, 12, 4, 2)
    assert plan["sample"].count("[[") == 1
    assert "[[The heart is normal in size." in plan["sample"].replace("[[ ", "[[")
    assert not (cli.folder / "out").exists()
    assert "learning_rate: 0.001  # --learning-rate" in done.stderr


@pytest.mark.slow
def test_an_aligned_connector_is_run_by_the_program(program, cli):
    done = program(*arguments("out", max_steps=2, report_to="tensorboard"), "--json")
    assert done.returncode == 0, done.stderr
    out = program.folder / "out"
    assert json.loads(done.stdout)["steps"] == 2
    assert list(out.rglob("events.out.tfevents.*"))
    assert {"mm_projector.bin", "mm_projector.safetensors", "config.json", "README.md", "recipe.yaml"} <= {
        path.name for path in out.iterdir()
    }
    assert (out / "plots" / "training.png").stat().st_size > 5_000
    again = cli(*arguments("out", max_steps=2), "--json")
    assert "is finished" in again.stderr
    assert json.loads(again.stdout) == json.loads(done.stdout) | {"seconds": json.loads(again.stdout)["seconds"]}
    image = GOLDEN / "images" / "cur0.png"
    said = cli("describe", image, "--model", out, "--model-base", BASE, "--max-new-tokens", 4, "--num-beams", 1)
    assert said.returncode == 0, said.stderr


@pytest.mark.slow
def test_a_lora_with_the_connector_of_stage_1_is_run_by_the_program(program):
    assert program(*arguments("one", max_steps=1)).returncode == 0
    done = program(
        *arguments("two", "finetune", max_steps=1, pretrain_mm_mlp_adapter=program.folder / "one" / "mm_projector.bin")
    )
    assert done.returncode == 0, done.stderr
    image = GOLDEN / "images" / "cur0.png"
    said = program("describe", image, "--model", "two", "--model-base", BASE, "--max-new-tokens", 4, "--num-beams", 1)
    assert said.returncode == 0, said.stderr


def test_validation_on_text_decides_the_best(cli):
    done = cli(
        *arguments(
            "out",
            max_steps=4,
            eval_steps=2,
            validation_data_path=GOLDEN / "train" / "valid.json",
            validation_samples=2,
            validation_metrics="rouge_l,bleu",
            validation_max_new_tokens=12,
            metric_for_best_model="ROUGE-L",
        ),
        "--json",
    )
    assert done.returncode == 0, done.stderr
    out, result = cli.folder / "out", json.loads(done.stdout)
    scored = {line["step"]: line["eval_ROUGE-L"] for line in read_lines(out / "log.jsonl") if "eval_ROUGE-L" in line}
    assert set(scored) == {2, 4}
    assert result["best"]["ROUGE-L"] == max(scored.values())
    assert scored[result["best"]["step"]] == max(scored.values())
    assert result["padding"] == [line["padding"] for line in read_lines(out / "log.jsonl") if "padding" in line][-1]
    assert (out / "best_eval_model" / "mm_projector.bin").is_file()
    assert f"| step | {result['best']['step']} |" in (out / "best_eval_model" / "README.md").read_text()
    assert {path.name for path in out.glob("checkpoint-*")} == {"checkpoint-4", f"checkpoint-{result['best']['step']}"}
    assert (out / "plots" / "training.png").stat().st_size > 5_000


def test_ended_after_its_last_step_the_same_command_trains_no_further(cli):
    assert cli(*arguments("out", max_steps=2, save_steps=1)).returncode == 0
    out = cli.folder / "out"
    weights, record = (out / "mm_projector.safetensors").read_bytes(), json.loads((out / "training.json").read_text())
    (out / "mm_projector.safetensors").unlink()
    (out / "training.json").write_text(json.dumps({k: v for k, v in record.items() if k != "result"}))
    done = cli(*arguments("out", max_steps=2, save_steps=1))
    assert done.returncode == 0, done.stderr
    assert (out / "mm_projector.safetensors").read_bytes() == weights
    assert [step for step, _ in losses(out)] == [1, 2]
    assert json.loads((out / "training.json").read_text())["result"]["steps"] == 2


@pytest.mark.slow
def test_cached_features_give_the_same_losses(program):
    # Half precision on disk: the losses agree to about 1e-3.
    assert program(*arguments("plain", max_steps=3, mm_projector_dropout=0)).returncode == 0
    cached = arguments("cached", max_steps=3, mm_projector_dropout=0, cache_features="features")
    first = program(*cached)
    assert first.returncode == 0, first.stderr
    assert "features of 8 training images: 8 to encode" in first.stderr
    for (_, one), (_, other) in zip(losses(program.folder / "plain"), losses(program.folder / "cached"), strict=True):
        assert one == pytest.approx(other, abs=2e-3)
    again = program(*arguments("again", max_steps=3, mm_projector_dropout=0, cache_features="features"))
    assert "0 to encode" in again.stderr


@pytest.mark.slow
def test_a_limit_on_the_size_of_files(program):
    # A limit on the size of a file: the optimizer's states (0.4 MB) do not fit, the weights do.
    first = program(*arguments("out", max_steps=4, save_steps=1), OMP_NUM_THREADS="1")
    assert first.returncode == 0
    whole = arguments("other", max_steps=4, save_steps=1)
    limited = " ".join(["ulimit -f 300;", "exec", *(f"'{part}'" for part in program.command(*whole))])
    done = subprocess.run(
        ["bash", "-c", f"trap '' XFSZ; {limited}"], cwd=program.folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 1, done.stderr[-2000:]
    assert done.stderr.strip().splitlines()[-1].startswith("error: ")
    assert "cannot save" in done.stderr
    assert not list((program.folder / "other").glob("checkpoint-*"))
    assert not (program.folder / "other" / ".saving").exists()
    assert program(*whole, OMP_NUM_THREADS="1").returncode == 0
    assert losses(program.folder / "other") == losses(program.folder / "out")


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["align", "finetune"])
def test_killed_and_continued_equals_uninterrupted(program, stage):
    flags = {"num_train_epochs": 5, "save_steps": 3, "group_by_modality_length": stage == "align"}
    if stage == "align":
        flags |= {"length_group_steps": 2}
    if stage == "finetune":
        flags |= {"model_name_or_path": MODELS / "tiny-libra-tac", "lora_dropout": 0.05}
    flags |= {"mm_projector_dropout": 0.1}
    assert program(*arguments("whole", stage, **flags), OMP_NUM_THREADS="1").returncode == 0
    killed = program.folder / "killed"
    for after in (3, 9):
        started = subprocess.Popen(
            program.command(*arguments("killed", stage, **flags)),
            cwd=program.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        deadline = time.monotonic() + 200
        while _steps_saved(killed) < after and time.monotonic() < deadline and started.poll() is None:
            time.sleep(0.005)
        started.send_signal(signal.SIGKILL)
        started.wait()
    done = program(*arguments("killed", stage, **flags), OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    assert "continuing from" in done.stderr
    assert losses(killed) == losses(program.folder / "whole")
    name = "mm_projector.safetensors" if stage == "align" else "adapter_model.safetensors"
    assert (killed / name).read_bytes() == (program.folder / "whole" / name).read_bytes()


def _steps_saved(out: Path) -> int:
    return max((int(path.name.removeprefix("checkpoint-")) for path in out.glob("checkpoint-*")), default=0)


@pytest.mark.slow
def test_two_processes_give_the_losses_of_one(program):
    flags = {"num_train_epochs": 2, "mm_projector_dropout": 0, "group_by_modality_length": False}
    flags |= {"validation_data_path": GOLDEN / "train" / "valid.json", "validation_samples": 3}
    flags |= {"validation_max_new_tokens": 8, "validation_metrics": "rouge_l"}
    assert program(*arguments("one", **flags), OMP_NUM_THREADS="1").returncode == 0
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--no_python"]
    both = subprocess.run(
        [*torchrun, *program.command(*arguments("two", **flags))],
        cwd=program.folder,
        capture_output=True,
        text=True,
        timeout=500,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert both.returncode == 0, both.stderr[-3000:]
    one, two = losses(program.folder / "one"), losses(program.folder / "two")
    assert [step for step, _ in one] == [step for step, _ in two] == list(range(1, 9))
    assert [loss for _, loss in two] == pytest.approx([loss for _, loss in one], abs=1e-5)
    scores = [
        [line["eval_ROUGE-L"] for line in read_lines(program.folder / name / "log.jsonl") if "eval_ROUGE-L" in line]
        for name in ("one", "two")
    ]
    assert scores[0] == pytest.approx(scores[1], abs=1e-6)
