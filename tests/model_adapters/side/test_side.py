"""A model in a side environment: installed, asked through its pipe, started again when it ends."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from PIL import Image
from real_program import Program, read_lines
from tiny_list_checkpoint import tiny_list_checkpoint

from benchmarks.catalog import FINDINGS_PROMPT
from benchmarks.errors import InputError, ModelError
from benchmarks.schema import Question
from model_adapters.adapter import Decoding, ModelSpec
from model_adapters.cards import shipped_card
from model_adapters.models import list_models, resolve_model
from model_adapters.side.adapter import SideAdapter
from model_adapters.side.environments import ENVIRONMENTS, environment_of

CARD = """
id: tiny-list
adapter: side
environment: chexagent-2
path: list
system: You are a helpful assistant.
prompts:
  findings: '[Given the indication: "{indication}", ]write a structured findings section for the CXR.'
image_policy: lateral
decoding: {max_new_tokens: 12}
trust_remote_code: true
"""


@pytest.fixture
def nothing_installed(tmp_path, monkeypatch):
    monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path / "cache"))


def write_card(folder: Path, *, weights: bool) -> Path:
    tiny_list_checkpoint(folder / "list", weights=weights)
    (folder / "card.yaml").write_text(CARD)
    return folder / "card.yaml"


@pytest.fixture(scope="module")
def card(tmp_path_factory) -> Path:
    return write_card(tmp_path_factory.mktemp("side"), weights=True)


@pytest.fixture(scope="module")
def bare_card(tmp_path_factory) -> Path:
    return write_card(tmp_path_factory.mktemp("bare"), weights=False)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The real environment: the one of the cache, else a new one."""
    environment = ENVIRONMENTS["chexagent-2"]
    if environment.python() is not None:
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIBRA_BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        environment.install()
        yield


def spec(card: Path, **options) -> ModelSpec:
    return resolve_model(str(card), options={"trust_remote_code": True, **options}, device="cpu")


def test_what_is_not_installed_says_how_to_get_it(nothing_installed, bare_card):
    with pytest.raises(ModelError, match=r"is not installed; make it: libra-bench models install tiny-list"):
        SideAdapter.load(spec(bare_card))
    listed = {model.name: model for model in list_models()}["CheXagent-2"]
    assert (listed.here, listed.remedy) == (False, "libra-bench models install CheXagent-2")


def test_what_cannot_run_in_a_side_environment_is_refused(bare_card, tmp_path):
    with pytest.raises(InputError, match="nothing to install"):
        environment_of(shipped_card("libra-tiny"))
    with pytest.raises(ModelError, match="only a card says"):
        SideAdapter.identity(ModelSpec("x", "side", path="x"))
    with pytest.raises(ModelError, match="add --trust-remote-code"):
        SideAdapter.identity(resolve_model(str(bare_card)))
    with pytest.raises(InputError, match="gives one text, not 3"):
        SideAdapter.check_decoding(spec(bare_card), Decoding(num_beams=3, num_return_sequences=3))
    (tmp_path / "own.yaml").write_text(CARD.replace("environment: chexagent-2", "environment: chexagent"))
    with pytest.raises(InputError, match="did you mean 'chexagent-2'"):
        SideAdapter.identity(spec(tmp_path / "own.yaml"))


@pytest.mark.slow
def test_a_run_in_the_real_environment(installed, card, tmp_path):
    program = Program(tmp_path)
    done = program("run", "--suite", "demo", "--model", card, "--trust-remote-code", "--limit", 3, "--no-report",
                   "--metrics", "temporal_f1", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    folder = tmp_path / json.loads(done.stdout)["run"]
    record = json.loads((folder / "run.json").read_text())
    assert record["adapter_report"]["versions"]["transformers"] == "4.40.0"
    assert record["left_out"].keys() == {"prior", "prior_report"}
    assert record["protocol"]["name"] == "card"
    answers = read_lines(folder / "answers.jsonl")
    assert [answer["metadata"]["new_tokens"] for answer in answers] == [12, 12, 12]
    assert 'Given the indication: "' in done.stderr
    assert "<img>" in done.stderr


@pytest.mark.slow
def test_a_program_that_ends_is_started_again_and_an_unreadable_image_harms_no_other(installed, card, tmp_path):
    for grey in (0, 255):
        Image.new("L", (32, 32), grey).save(tmp_path / f"{grey}.png")
    asked = [Question(grey, FINDINGS_PROMPT, (tmp_path / f"{grey}.png",)) for grey in (0, 255)]
    (tmp_path / "broken.png").write_bytes(b"no image")
    asked.insert(1, Question("broken", FINDINGS_PROMPT, (tmp_path / "broken.png",)))
    decoding = Decoding(max_new_tokens=8)
    adapter = SideAdapter.load(spec(card))
    undisturbed = list(adapter.generate(asked, decoding))
    assert [answer.failed for answer in undisturbed] == [False, True, False]
    assert "UnidentifiedImageError" in undisturbed[1].metadata["error"]
    assert undisturbed[0].text != undisturbed[2].text
    texts = []
    for answer in adapter.generate(asked, decoding):
        texts.append(answer.text)
        os.kill(adapter._running()._process.pid, signal.SIGKILL)
    assert texts == [answer.text for answer in undisturbed]
    assert adapter.describe()["starts"] == 3
    prompt = adapter.render(asked[0])
    assert "write a structured findings section for the CXR." in prompt.text
    assert "Picture 1: <img><image></img>" in prompt.text
