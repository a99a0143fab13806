"""From images to text on a (pretended) CUDA device: no operation mixes devices, and the texts are the CPU's."""

from __future__ import annotations

import dataclasses

import pytest
import tiny_vlms
import torch
from pretend_cuda import CudaTensor, MixedDevices, pretend_cuda
from repository import GOLDEN

from benchmarks.schema import Question
from model_adapters.adapter import Decoding, ModelSpec
from model_adapters.hf.adapter import HFVisionLanguageAdapter
from model_adapters.libra.adapter import LibraAdapter

IMAGES = sorted((GOLDEN / "images").glob("*.png"))[:4]
BEAMS = Decoding(num_beams=3, length_penalty=2.0, no_repeat_ngram_size=3, max_new_tokens=12)
GREEDY = Decoding(num_beams=1, max_new_tokens=12)
SAMPLING = Decoding(num_beams=1, temperature=0.7, top_p=0.9, max_new_tokens=12)


@pytest.fixture
def cuda(monkeypatch):
    with pretend_cuda(monkeypatch):
        yield


def questions(images):
    return [
        Question(number, "Provide a detailed description of the findings in the radiology image." + " Cough." * number,
                 tuple(images[number : number + 1 + number % 2]))
        for number in range(3)
    ]  # fmt: skip


def test_a_pretended_device_refuses_what_a_real_one_does(cuda):
    x = torch.zeros(3, 4, device="cuda")
    for mixed in (
        lambda: x + torch.zeros(4),
        lambda: torch.cat([x, torch.zeros(3, 4)]),
        lambda: x.gather(1, torch.zeros(3, 4, dtype=torch.long)),
        lambda: torch.nn.Linear(4, 2)(x),
        lambda: x.numpy(),
    ):
        with pytest.raises(MixedDevices):
            mixed()
    x[0] = 5
    x.add_(torch.tensor(1.0))
    assert type(x) is CudaTensor
    assert x[0].tolist() == [6.0] * 4
    assert x.device == torch.device("cuda", 0)
    assert x.new_zeros(2).is_cuda
    assert torch.nn.Linear(4, 2).to("cuda")(x).is_cuda
    assert x.cpu().numpy().shape == (3, 4)


def text_of(adapter_class, spec, decoding, asked):
    adapter = adapter_class.load(spec)
    answers = {answer.question_id: answer for answer in adapter.generate(asked, decoding)}
    assert not [answer for answer in answers.values() if answer.failed]
    return {key: (answer.text, answer.finish) for key, answer in answers.items()}, adapter


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("dtype", "decoding"),
    [
        pytest.param("bfloat16", BEAMS, id="bfloat16-beams"),
        pytest.param("bfloat16", GREEDY, id="bfloat16-greedy", marks=SLOW),
        pytest.param("bfloat16", SAMPLING, id="bfloat16-sampling", marks=SLOW),
        pytest.param("float32", BEAMS, id="float32-beams", marks=SLOW),
    ],
)
def test_libra(monkeypatch, tmp_path, dtype, decoding):
    path = str(GOLDEN / "models" / "tiny-libra-tac")
    spec = ModelSpec(
        "x", "libra", path=path, dtype=dtype, batch_size=2, device="cpu", options={"feature_cache_dir": str(tmp_path)}
    )
    expected, _ = text_of(LibraAdapter, spec, decoding, questions(IMAGES))
    with pretend_cuda(monkeypatch):
        found, adapter = text_of(LibraAdapter, dataclasses.replace(spec, device="cuda"), decoding, questions(IMAGES))
        assert adapter.describe()["device"] == "pretended"
    assert found == expected


@pytest.mark.slow
def test_features_from_disk_go_to_the_device(monkeypatch, tmp_path):
    path = str(GOLDEN / "models" / "tiny-libra-tac")
    spec = ModelSpec("x", "libra", path=path, device="cuda", options={"feature_cache_dir": str(tmp_path)})
    with pretend_cuda(monkeypatch):
        first, _ = text_of(LibraAdapter, spec, GREEDY, questions(IMAGES))
        again, adapter = text_of(LibraAdapter, spec, GREEDY, questions(IMAGES))
        assert adapter.describe()["images"]["from_disk"] > 0
    assert again == first


FAMILIES = {
    make.__name__: make for make in (tiny_vlms.llava, tiny_vlms.idefics3)
}  # Gemma's mask is made by vmap, which loses the pretended device


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_hf_vlm(monkeypatch, tmp_path, family):
    folder = FAMILIES[family](tmp_path / "model")
    spec = ModelSpec("x", "hf_vlm", path=str(folder), device="cpu", dtype="bfloat16", batch_size=2)
    expected, _ = text_of(HFVisionLanguageAdapter, spec, BEAMS, questions(IMAGES))
    with pretend_cuda(monkeypatch):
        found, _ = text_of(HFVisionLanguageAdapter, dataclasses.replace(spec, device="cuda"), BEAMS, questions(IMAGES))
    assert found == expected
