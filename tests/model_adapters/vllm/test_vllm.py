"""vLLM itself, on a CPU: the tokens of our own decoder and of transformers, one study at a time and many at once.

`make test-vllm` makes the environment for this.
"""

from __future__ import annotations

import itertools
import os
import signal
import time
from pathlib import Path

import pytest
import tiny_vlms
import torch
from PIL import Image
from real_program import Program, read_lines, stable
from repository import GOLDEN

pytest.importorskip("vllm", reason="vllm is not installed here: make test-vllm")

from benchmarks.errors import GenerationError, ModelError
from benchmarks.schema import Question
from benchmarks.suites import load_suite
from model_adapters.adapter import Decoding
from model_adapters.generation.stopping import StopRule
from model_adapters.libra.decoding.decoder import Decoder
from model_adapters.models import load_adapter
from model_adapters.vllm.requests import Request

pytestmark = pytest.mark.slow
EAGER = '{"enforce_eager": true}'  # or else it compiles for a minute
GREEDY = Decoding(max_new_tokens=80)


@pytest.fixture(scope="module", autouse=True)
def small_cache(tmp_path_factory):
    """vLLM takes half of the machine's memory for keys and values, unless it is told otherwise."""
    patch = pytest.MonkeyPatch()
    patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
    patch.setenv("LIBRA_BENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield
    patch.undo()


@pytest.fixture(scope="module")
def demo():
    suite = load_suite("demo")
    return [suite.question(sample) for sample in suite.samples]


@pytest.fixture(scope="module")
def tiny():
    return load_adapter("libra-tiny", adapter="vllm", dtype="float32", batch_size=8, options={"engine": EAGER})


@pytest.fixture(scope="module")
def own():
    return load_adapter("libra-tiny", device="cpu", dtype="float32", batch_size=1)


def ask(adapter, questions, decoding=GREEDY):
    return {answer.question_id: answer for answer in adapter.generate(questions, decoding)}


def test_greedy_texts_and_scores_are_those_of_our_decoder(tiny, own, demo):
    theirs, ours = ask(tiny, demo), ask(own, demo)
    assert len(theirs) == len(demo)
    for key, answer in ours.items():
        assert theirs[key].text == answer.text
        assert theirs[key].metadata["score"] == pytest.approx(answer.metadata["score"], abs=1e-5)
        for name in ("finish", "new_tokens"):
            assert theirs[key].metadata[name] == answer.metadata[name]


def test_a_text_that_is_cut_says_so(tiny, own, demo):
    short = Decoding(max_new_tokens=5)
    theirs, ours = ask(tiny, demo[:4], short), ask(own, demo[:4], short)
    assert {key: answer.text for key, answer in theirs.items()} == {key: answer.text for key, answer in ours.items()}
    assert {answer.metadata["finish"] for answer in theirs.values()} == {"length"}


def test_sampled_texts_depend_on_the_seed_alone(tiny, demo):
    sampling = Decoding(max_new_tokens=40, temperature=1.0, top_p=0.9, seed=3)
    texts = {key: answer.text for key, answer in ask(tiny, demo[:12], sampling).items()}
    again = {key: answer.text for key, answer in ask(tiny, demo[11:3:-1], sampling).items()}
    assert again == {key: texts[key] for key in again}
    other = ask(tiny, demo[:12], Decoding(max_new_tokens=40, temperature=1.0, top_p=0.9, seed=4))
    assert {key: answer.text for key, answer in other.items()} != texts


def test_stop_strings_end_a_text_where_they_end_ours(tiny, own, demo):
    """A study's text ends at its first full stop, in the middle of vLLM's own run."""
    tokenizer = own.generator.prompts.tokenizer
    rule = StopRule(own.generator.loaded.eos_token_ids, tokenizer.stop_ids("effusion"), "effusion", tokenizer.decode)
    ready = list(own.generator.prompt_stream.stream(demo[:10], 4, failures := []))
    assert not failures
    ours = {done.key: done for done in Decoder(own.generator.loaded.model.language_model, GREEDY, rule, 4).run(ready)}
    asked = [Request(prompt.key, {"prompt_embeds": prompt.embeddings_SH}, prompt.token_ids, 0) for prompt in ready]
    theirs = {done.key: done for done in tiny._engine.write(iter(asked), GREEDY, rule)}
    assert {key: done.token_ids for key, done in theirs.items()} == {key: done.token_ids for key, done in ours.items()}
    stopped = [done for done in ours.values() if tokenizer.decode(done.token_ids).endswith("effusion")]
    assert len(stopped) > 3  # else this shows nothing


def test_what_cannot_be_asked_harms_no_other_study(tiny, demo, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    bad = [
        Question("broken", demo[0].prompt, (tmp_path / "broken.png",)),
        Question("empty", " ", demo[0].images),
        Question("long", "very " * 2000, demo[0].images),
    ]
    answers = ask(tiny, [bad[0], *demo[:3], bad[1], bad[2]])
    assert {key for key, answer in answers.items() if answer.failed} == {"broken", "empty", "long"}
    assert {key: answers[key].text for key in (question.question_id for question in demo[:3])} == {
        key: answer.text for key, answer in ask(tiny, demo[:3]).items()
    }


def test_text_is_shown_as_it_grows(tiny, demo):
    heard = []
    answer = tiny.stream(demo[0], GREEDY, heard.append)
    assert heard[-1] == answer.text
    assert len(heard) > 5
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(heard))


def test_an_interrupted_stream_of_answers_leaves_nothing_behind(tiny, own, demo):
    answers = tiny.generate(demo, GREEDY)
    next(answers)
    answers.close()
    assert not tiny._engine._llm.llm_engine.has_unfinished_requests()
    assert ask(tiny, demo[:1])[demo[0].question_id].text == ask(own, demo[:1])[demo[0].question_id].text


def test_the_report_says_where_the_time_went(tiny, demo):
    ask(tiny, demo[:4])
    report = tiny.describe()
    assert (report["engine"], report["device"], report["batch_size"]) == ("vllm", "cpu", 8)
    assert {"encoder", "connector", "vllm"} <= set(report["seconds"])
    assert report["decode_tokens"] > 0
    assert report["prefill_tokens"] > 16 * report["decode_tokens"] / 80
    assert set(report["versions"]) == {"vllm", "transformers"}


def test_it_runs_on_its_own_device_and_alone(monkeypatch):
    with pytest.raises(ModelError, match=r"this vLLM runs on cpu; leave it out"):
        load_adapter("libra-tiny", adapter="vllm", dtype="float32", device="meta")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ModelError, match="start libra-bench once"):
        load_adapter("libra-tiny", adapter="vllm", dtype="float32")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return tiny_vlms.idefics3(tmp_path_factory.mktemp("idefics3"), head_dim=32)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for number, size in enumerate([(40, 40), (64, 40), (100, 90)]):
        Image.effect_noise(size, 60).convert("RGB").save(folder / f"{number}.png")
    return sorted(folder.iterdir())


def hugging_face_studies(pictures):
    prompt = "Provide a detailed description of the findings in the radiology image . indication cough"
    return [
        Question("one", prompt, (pictures[0],)),
        Question("two", prompt, (pictures[1], pictures[2])),
        Question("none", prompt, ()),
        Question("wide", "compared prior unchanged", (pictures[1],)),
    ]


@pytest.mark.parametrize("mode", [None, "vicuna_v1"])
def test_hugging_face_models_write_what_transformers_writes(checkpoint, pictures, mode):
    studies, settings = hugging_face_studies(pictures), {"dtype": "float32", "conv_mode": mode}
    theirs = load_adapter(str(checkpoint), adapter="vllm", options={"engine": EAGER}, **settings)
    ours = load_adapter(str(checkpoint), device="cpu", **settings)
    for decoding in (Decoding(max_new_tokens=20), Decoding(max_new_tokens=3)):
        found, expected = ask(theirs, studies, decoding), ask(ours, studies, decoding)
        assert {key: answer.text for key, answer in found.items()} == {
            key: answer.text for key, answer in expected.items()
        }
        assert all(found[key].metadata["finish"] == answer.metadata["finish"] for key, answer in expected.items())
    assert theirs.render(studies[0]).text == ours.render(studies[0]).text
    if mode is None:
        beams_carry_their_own_scores(theirs, ours, studies)


def beams_carry_their_own_scores(theirs, ours, studies):
    """vLLM keeps other beams than transformers; a beam's score is what transformers' model says of its tokens."""
    beams = Decoding(max_new_tokens=6, num_beams=3, num_return_sequences=3, length_penalty=2.0)
    requests = list(theirs._prompts.requests(studies, 0, []))
    found = {}
    for request in requests:  # alone: sums round differently with what vLLM happens to schedule beside it
        (found[request.key],) = theirs._engine.beam_search([request], beams, theirs._prompts.rule.eos_ids)
    checked = 0
    for study in studies:
        inputs = ours.generator._inputs([ours.generator.prompts.prepare(study)])
        prompt = inputs.pop("input_ids")
        inputs.pop("attention_mask")
        hypotheses = found[study.question_id].hypotheses
        assert len({hypothesis.token_ids for hypothesis in hypotheses}) == 3
        for hypothesis in hypotheses:
            if ours.generator.processor.tokenizer.image_token_id in hypothesis.token_ids:
                continue  # transformers would look for another image
            checked += 1
            ids = torch.tensor([hypothesis.token_ids])
            with torch.no_grad():
                logits = ours.generator.model(input_ids=torch.cat([prompt, ids], 1), **inputs).logits[
                    0, prompt.shape[1] - 1 : -1
                ]
            total = logits.log_softmax(-1).gather(1, ids[0][:, None]).sum().item()
            assert hypothesis.score == pytest.approx(total / ids.shape[1] ** 2, abs=1e-4)
            assert (hypothesis.finish == "stop") == (hypothesis.token_ids[-1] == 2)
    assert checked > 6
    for answer in ask(theirs, studies, beams).values():
        assert len(answer.metadata["alternatives"]) == 3
        assert answer.metadata["alternatives"][0]["text"] == answer.text


def test_a_model_that_vllm_cannot_run_ends_the_run_in_one_line():
    """Its kernels for CPUs have none for heads of 16 numbers, which it finds out at the first prompt."""
    model = GOLDEN / "models" / "tiny-libra-tac"
    adapter = load_adapter(str(model), adapter="vllm", dtype="float32", options={"engine": EAGER})
    with pytest.raises(GenerationError, match=r"vLLM has stopped .*the same command continues"):
        list(adapter.generate([Question(1, "Is there an effusion?", ())], GREEDY))


def descendants(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    children = [
        int(child)
        for task in Path(f"/proc/{pid}/task").glob("*/children")
        for child in task.read_text(encoding="ascii").split()
    ]
    return [*children, *(found for child in children for found in descendants(child))]


def test_a_killed_run_continues_and_leaves_no_process_behind(tmp_path):
    program = Program(tmp_path)
    command = ("generate", "--suite", "demo", "--model", "libra-tiny", "--protocol", "greedy", "--limit", 30)
    assert program(*command, "--out", "own").returncode == 0
    vllm = (*command, "--adapter", "vllm", "--batch-size", 2, "--option", f"engine={EAGER}", "--out", "vllm")
    answers = tmp_path / "vllm" / "answers.jsonl"
    process = program.start(*vllm)
    while process.poll() is None and not (answers.exists() and answers.read_bytes().count(b"\n") >= 6):
        time.sleep(0.01)
    engine = descendants(process.pid)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(engine) > 1
    until = time.monotonic() + 60
    while alive := [pid for pid in engine if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < until, f"{alive} live on and keep their memory"
        time.sleep(0.1)
    assert 6 <= len(read_lines(answers)) < 30
    done = program(*vllm, **dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert "of them answered already" in done.stderr
    texts = [record[:3] for record in stable(read_lines(answers))]
    assert texts == [record[:3] for record in stable(read_lines(tmp_path / "own" / "answers.jsonl"))]
