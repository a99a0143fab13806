"""A real server: `transformers serve` with a tiny model writes what the same checkpoint writes here."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import tiny_vlms

from benchmarks.catalog import DEMO
from benchmarks.schema import Question
from model_adapters.adapter import Decoding, ModelSpec
from model_adapters.hf.adapter import HFVisionLanguageAdapter
from model_adapters.openai.adapter import OpenAIAdapter

pytestmark = pytest.mark.slow
IMAGES = sorted((DEMO / "images").rglob("*.png"))[:5]
START_SECONDS = 180


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return tiny_vlms.llava(tmp_path_factory.mktemp("served") / "llava")


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("log") / "serve.log"
    program = Path(sys.executable).parent / "transformers"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [program, "serve", "--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"],
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(START_SECONDS):
            if process.poll() is not None:
                pytest.fail(f"transformers serve ended: {log.read_text()[-500:]}")
            try:
                urllib.request.urlopen(f"{address}/health", timeout=1)
                break
            except OSError:
                time.sleep(1)
        else:
            pytest.fail("transformers serve did not start")
        yield f"{address}/v1"
    finally:
        process.terminate()
        process.wait(timeout=30)


def test_a_served_model_writes_what_it_writes_here(checkpoint, url):
    questions = [
        Question(number, "provide a description of the findings", tuple(IMAGES[number : number + 1 + number % 2]))
        for number in range(4)
    ]
    decoding = Decoding(max_new_tokens=12)
    served = OpenAIAdapter.load(ModelSpec("openai", "openai", path=str(checkpoint), options={"base_url": url}))
    answers = {answer.question_id: answer for answer in served.generate(questions, decoding)}
    here = HFVisionLanguageAdapter.load(ModelSpec("here", "hf_vlm", path=str(checkpoint), device="cpu"))
    for answer in here.generate(questions, decoding):
        other = answers[answer.question_id]
        assert (other.text, other.finish) == (answer.text, answer.finish)
        assert other.metadata["new_tokens"] > 0
    assert served.describe()["prompt_tokens"] > 0
