"""What can be said of `--adapter vllm` before vLLM is started, and the folder that it is started with."""

from __future__ import annotations

import importlib.util
import time

import pytest
import torch
from real_program import Program
from repository import GOLDEN
from transformers import AutoModelForCausalLM

from benchmarks.errors import InputError, ModelError, StorageError, UnknownNameError
from model_adapters.adapter import Decoding
from model_adapters.libra.checkpoint.loading import load_checkpoint
from model_adapters.models import load_adapter, resolve_model
from model_adapters.vllm.adapter import VLLMAdapter
from model_adapters.vllm.language_model import WordEmbeddings, language_model_folder

installed = importlib.util.find_spec("vllm") is not None


def of_tiny(**options):
    return resolve_model("libra-tiny", adapter="vllm", dtype="float32", options=options)


@pytest.mark.skipif(installed, reason="vllm is installed here")
def test_without_vllm_the_user_learns_what_to_install():
    with pytest.raises(ModelError, match=r"vLLM cannot be imported .*; pip install 'libra-bench\[vllm\]'"):
        load_adapter(of_tiny())


@pytest.mark.parametrize(
    ("decoding", "setting"),
    [
        (Decoding(num_beams=3), "--num-beams: vLLM's beam search takes no embeddings"),
        (Decoding(no_repeat_ngram_size=3), "--no-repeat-ngram-size: vLLM has no such filter"),
    ],
)
def test_settings_that_vllm_does_not_have_are_refused(decoding, setting):
    with pytest.raises(InputError, match=f"{setting}.* use --protocol greedy, or leave out --adapter vllm"):
        VLLMAdapter.check_decoding(of_tiny(), decoding)


def test_the_program_refuses_them_before_it_loads_anything(tmp_path):
    started = time.monotonic()
    done = Program(tmp_path)("run", "--suite", "demo", "--model", "libra-tiny", "--adapter", "vllm")
    assert done.returncode == 2
    assert done.stderr.startswith("error: --num-beams: vLLM's beam search takes no embeddings")
    assert not list(tmp_path.iterdir())
    assert time.monotonic() - started < 120


def test_an_option_that_does_nothing_for_this_checkpoint_is_refused():
    with pytest.raises(UnknownNameError, match="system"):
        load_adapter(of_tiny(system="You are a radiologist."))


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_arguments_of_the_engine_are_a_json_object(text):
    with pytest.raises(InputError, match="option engine: takes a JSON object"):
        of_tiny(engine=text)


def test_another_engine_is_another_run_and_so_are_its_arguments():
    own = resolve_model("libra-tiny", dtype="float32")
    from model_adapters.libra.adapter import LibraAdapter

    plain, quantised = VLLMAdapter.identity(of_tiny()), VLLMAdapter.identity(of_tiny(engine='{"quantization": "fp8"}'))
    assert plain["checkpoint"] == LibraAdapter.identity(own)["checkpoint"]
    assert plain["engine"] == {"name": "vllm", "arguments": {}}
    assert plain != quantised
    assert VLLMAdapter.identity(of_tiny(tensor_parallel_size="2", gpu_memory_utilization="0.5")) == plain


@pytest.mark.parametrize(("name", "base"), [("tiny-libra-tac", None), ("tiny-libra-lora", "tiny-llm-base")])
def test_the_folder_holds_the_language_model_merged(monkeypatch, tmp_path, name, base):
    monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path))
    models = GOLDEN / "models"
    model = load_checkpoint(models / name, model_base=base and models / base).model
    folder = language_model_folder(model.language_model, {"name": name})
    ids = torch.arange(3, 40)[None]
    with torch.no_grad():
        written = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)(ids).logits
        assert torch.equal(written, model.language_model(ids).logits)
    before = model.embed_prompt([5, 6, 7], None)
    model.language_model = WordEmbeddings(model.language_model.get_input_embeddings())
    assert torch.equal(model.embed_prompt([5, 6, 7], None), before)
    assert {path.name for path in folder.parent.iterdir()} == {folder.name}


def test_the_folder_is_written_once_for_the_same_weights(monkeypatch, tmp_path, caplog):
    monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path))
    language_model = load_checkpoint(GOLDEN / "models" / "tiny-libra-tac").model.language_model
    first = language_model_folder(language_model, {"dtype": "float32"})
    written = {path: path.stat().st_mtime_ns for path in first.iterdir()}
    assert "writing the language model for vLLM, once" in caplog.text
    assert language_model_folder(language_model, {"dtype": "float32"}) == first
    assert {path: path.stat().st_mtime_ns for path in first.iterdir()} == written
    assert language_model_folder(language_model, {"dtype": "bfloat16"}) != first


def test_a_folder_that_cannot_be_written_says_so(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LIBRA_BENCH_CACHE", str(tmp_path / "file"))
    language_model = load_checkpoint(GOLDEN / "models" / "tiny-libra-tac").model.language_model
    with pytest.raises(StorageError, match="LIBRA_BENCH_CACHE"):
        language_model_folder(language_model, {})
