"""Conversations with a causal language model, held to transformers' own generate."""

from __future__ import annotations

import shutil

import pytest
import tiny_chats
import torch
from transformers import AutoTokenizer

from benchmarks.errors import InputError, ModelError
from model_adapters.adapter import Decoding, ModelSpec
from model_adapters.hf.chat import ChatModel, ChatPrompts, LocalReply, check_chat_model, load_chat_model
from model_adapters.hf.loading import load_tokenizer

WORDS = tiny_chats.WORDS.split()
ASKED = {
    str(number): [{"role": "user", "content": " ".join(WORDS[(number * 3 + i) % 16] for i in range(4 + 5 * number))}]
    for number in range(6)
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_chats.random_model(tmp_path_factory.mktemp("chat"))


def load(folder, batch_size: int = 4, template: str | None = None) -> ChatModel:
    spec = ModelSpec("x", "judge", path=str(folder), device="cpu", batch_size=batch_size)
    check_chat_model(spec, template)
    return load_chat_model(spec, template)


def texts(model: ChatModel, decoding: Decoding, asked=ASKED) -> dict[str, str]:
    return {key: reply.text for key, reply in model.replies(asked, decoding)}


def plain(folder, conversation, max_new_tokens: int) -> str:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    words, model = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    text = words.apply_chat_template(conversation, add_generation_prompt=True, tokenize=False)
    ids = words(text, return_tensors="pt")["input_ids"]
    written = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=max_new_tokens, do_sample=False)
    return words.decode(written[0, ids.shape[1] :], skip_special_tokens=True).strip()


def test_replies_are_those_of_transformers_at_any_batch_size(folder):
    expected = {key: plain(folder, conversation, 16) for key, conversation in ASKED.items()}
    assert len(set(expected.values())) > 1
    for batch_size in (1, 4, 6):
        assert texts(load(folder, batch_size), Decoding(max_new_tokens=16)) == expected


def test_sampling_depends_on_the_seed_and_not_on_the_batch(folder):
    sampled = Decoding(max_new_tokens=8, temperature=1.0, seed=1)
    all_at_once = texts(load(folder, 6), sampled)
    assert texts(load(folder, 1), sampled, dict(reversed(ASKED.items()))) == all_at_once
    assert texts(load(folder), Decoding(max_new_tokens=8, temperature=1.0, seed=2)) != all_at_once


def test_tokens_are_counted_and_the_end_is_stated(tmp_path):
    model = load(tiny_chats.scripted(tmp_path / "m", ["one ", "two ", "three"]))
    (reply,) = [reply for _, reply in model.replies({"a": ASKED["0"]}, Decoding(max_new_tokens=10))]
    assert (reply.text, reply.finish, reply.completion_tokens) == ("one two three", "stop", 4)
    assert reply.prompt_tokens == 7  # user, :, four words, assistant
    (reply,) = [reply for _, reply in model.replies({"a": ASKED["0"]}, Decoding(max_new_tokens=2))]
    assert (reply.text, reply.finish) == ("one two", "length")


def test_a_reply_ends_where_the_context_does_and_a_longer_prompt_is_refused_by_name(tmp_path):
    model = load(tiny_chats.random_model(tmp_path / "m", context=30))
    lengths = {key: len(asked[0]["content"].split()) + 3 for key, asked in ASKED.items()}
    replies = dict(model.replies(ASKED, Decoding(max_new_tokens=500)))
    for key, length in lengths.items():
        if length < 30:
            assert length + replies[key].completion_tokens == 30 or replies[key].finish == "stop"
        else:
            assert isinstance(replies[key], InputError)
            assert f"the prompt takes {length} tokens; the model has 30" in str(replies[key])
    assert {type(reply) for reply in replies.values()} == {LocalReply, InputError}


def test_a_batch_that_does_not_fit_is_halved_until_it_does(folder, monkeypatch):
    model, sizes = load(folder, 6), []
    expected = texts(model, Decoding(max_new_tokens=4))
    generate = model._decoder.model.generate

    def small(**inputs):
        sizes.append(len(inputs["input_ids"]))
        if sizes[-1] > 2:
            raise torch.OutOfMemoryError("out of memory")
        return generate(**inputs)

    monkeypatch.setattr(model._decoder.model, "generate", small)
    assert texts(model, Decoding(max_new_tokens=4)) == expected
    assert sizes == [6, 3, 1, 2, 3, 1, 2]


SYSTEM = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Compare these."}]
REFUSES_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
SHAREGPT = "{% for m in messages %}<|{{ m['from'] }}|>{{ m['value'] }}{% endfor %}<|assistant|>"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (tiny_chats.CHAT_TEMPLATE, "system : Be brief. user : Compare these. assistant"),
        (REFUSES_SYSTEM + tiny_chats.CHAT_TEMPLATE, "user : Be brief.\n\nCompare these. assistant"),
        (SHAREGPT, "<|system|>Be brief.<|human|>Compare these.<|assistant|>"),
    ],
)
def test_what_a_template_takes_is_found_out(folder, template, expected):
    words = load_tokenizer(folder)
    words.chat_template = template
    assert ChatPrompts(words, folder).text(SYSTEM) == expected


@pytest.mark.parametrize(
    "template",
    ["{{ messages[0].content / 2 }}", "{{ " + "(" * 5000 + " }}", "{{ messages.unknown.name }}", "{% for %}"],
)
def test_a_template_that_fails_is_one_line(folder, template):
    prompts = ChatPrompts(load_tokenizer(folder), folder)
    prompts.tokenizer.chat_template = prompts._template = template
    with pytest.raises(InputError, match=r"the chat template refuses the prompt \(.+\)$"):
        prompts.text(SYSTEM[1:])


def test_what_cannot_chat_is_refused_before_its_weights_are_loaded(folder, tmp_path):
    def refused(edit, said):
        copy = tmp_path / said.replace(" ", "-").replace("'", "")
        shutil.copytree(folder, copy)
        edit(copy)
        with pytest.raises(ModelError, match=said):
            check_chat_model(ModelSpec("x", "judge", path=str(copy)))

    refused(lambda copy: (copy / "chat_template.jinja").unlink(), "no chat template")
    refused(lambda copy: (copy / "chat_template.jinja").write_text("Hello."), "words no message")
    refused(lambda copy: (copy / "model.safetensors").unlink(), "no weights")
    refused(lambda copy: (copy / "tokenizer.json").unlink(), "its tokenizer cannot be loaded")
    refused(
        lambda copy: AutoTokenizer.from_pretrained(copy, model_max_length=" ").save_pretrained(copy),
        "'>' not supported",
    )
    refused(lambda copy: (copy / "config.json").write_text('{"model_type": "clip"}'), "'clip' is no language model")
