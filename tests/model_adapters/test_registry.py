"""Adding an adapter: one line makes it listed, loadable by name, and resolved with its weights; from outside, too."""

from __future__ import annotations

import json
import subprocess
import sys
import types
from collections.abc import Callable
from typing import ClassVar

import pytest

from benchmarks.errors import GenerationError, InputError, LibraBenchError, ModelError, UnknownNameError
from benchmarks.schema import Answer, Question
from model_adapters.adapter import Adapter, Decoding, RenderedPrompt
from model_adapters.models import list_models, load_adapter, resolve_model
from model_adapters.registry import ADAPTERS, adapter_class

QUESTION = Question(1, "Describe.", ())


class Complete(Adapter):
    """Everything else has a default."""

    summary = "repeats its path"

    def __init__(self, path):
        self.path = path

    @classmethod
    def load(cls, spec):
        return cls(spec.path)

    def generate(self, questions, decoding):
        for question in questions:
            yield Answer(question.question_id, question.prompt, str(self.path))


class NeedsWeights(Complete):
    needs_weights = True
    path_metavar = "FILE"
    OPTIONS: ClassVar = {"times": int, "extra": dict}


class TakesNone(Complete):
    needs_weights = False


class Plain:
    """As plug-ins were written before there was a base class."""

    @classmethod
    def load(cls, spec):
        return cls()

    def generate(self, questions, decoding):
        return (Answer(question.question_id, question.prompt, "plain") for question in questions)


class LoadsAnother(Plain):
    @classmethod
    def load(cls, spec):
        return Plain()


class WithoutGenerate(Adapter):
    @classmethod
    def load(cls, spec):
        return cls()


@pytest.fixture
def add(monkeypatch) -> Callable[[str, object], None]:
    """`add(name, value)`: the one line, for something of a module of its own."""
    module = types.ModuleType("an_added_adapter")
    monkeypatch.setitem(sys.modules, "an_added_adapter", module)

    def line(name: str, value: object) -> None:
        vars(module)[name] = value
        monkeypatch.setitem(ADAPTERS, name, f"an_added_adapter:{name}")

    return line


def test_one_line_is_enough(add, tmp_path):
    add("mine", Complete)
    assert {model.name: model.description for model in list_models()}["mine"] == "repeats its path"
    weights = tmp_path / "weights.bin"
    weights.write_bytes(b"0")
    for model, options, path in (
        ("mine", {}, None),
        ("mine:weights-1", {}, "weights-1"),
        ("weights-1", {"adapter": "mine"}, "weights-1"),
        (str(weights), {"adapter": "mine"}, str(weights)),
        ("owner/name", {"adapter": "mine"}, "owner/name"),
    ):
        spec = resolve_model(model, **options)
        assert (spec.adapter, spec.path) == ("mine", path), model
        assert load_adapter(spec).answer(QUESTION, Decoding()).text == str(path)


def test_what_needs_weights_says_so(add):
    add("heavy", NeedsWeights)
    add("light", TakesNone)
    listed = {model.name: model for model in list_models()}
    assert (listed["heavy"].here, listed["heavy"].state, listed["heavy"].remedy) == (
        False, "needs FILE", "--model heavy:FILE",
    )  # fmt: skip
    assert listed["light"].here
    with pytest.raises(ModelError, match="--model heavy: the adapter 'heavy' needs FILE; write --model heavy:FILE"):
        resolve_model("heavy")
    with pytest.raises(ModelError, match="the adapter 'light' reads no weights; write --model light"):
        resolve_model("light:weights")
    with pytest.raises(ModelError, match="'constant' reads no weights"):
        resolve_model("constant:weights")
    assert resolve_model("heavy:f", options={"times": "2", "extra": '{"a": 1}'}).options == {
        "times": 2,
        "extra": {"a": 1},
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tims": 2}, "did you mean 'times'"),
        ({"times": 2.5}, "option times: takes a whole number, not 2.5"),
        ({"times": True}, "a whole number"),
        ({"extra": "{"}, "option extra: takes a JSON object"),
        ({"extra": "[]"}, "a JSON object"),
        ({"extra": "[" * 100_000}, "a JSON object"),
    ],
)
def test_a_wrong_option_is_refused(add, options, words):
    add("heavy", NeedsWeights)
    with pytest.raises(LibraBenchError, match=words):
        resolve_model("heavy:f", options=options)


def test_the_base_has_working_defaults(add):
    add("mine", Complete)
    adapter = load_adapter("mine:w")
    told: list[str] = []
    assert adapter.render(QUESTION) == RenderedPrompt("Describe.", None)
    assert adapter.stream(QUESTION, Decoding(), told.append).text == "w"
    assert told == ["w"]
    assert dict(adapter.describe()) == {}
    assert (adapter.is_baseline, adapter.OPTIONS) == (False, {})
    assert Complete.check_decoding(resolve_model("mine"), Decoding()) is None
    plain, other = (Complete.identity(resolve_model(name, dtype="float32")) for name in ("mine:w", "mine:v"))
    assert plain == {"path": "w", "dtype": "float32"} != other


def test_a_class_that_does_not_inherit_gets_the_defaults(add):
    add("plain", Plain)
    adapter = load_adapter("plain")
    assert isinstance(adapter, Plain)
    assert adapter.stream(QUESTION, Decoding(), lambda text: None).text == "plain"
    assert dict(adapter.describe()) == {}
    assert adapter_class("plain") is adapter_class("plain")


class NoModel(type):
    pass


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (WithoutGenerate, "it does not define generate; let it inherit from model_adapters.adapter.Adapter"),
        (type("Empty", (), {}), "it does not define generate and load"),
        (NoModel("Other", (), {}), "is no adapter"),
        (Plain(), "is no class"),
        (lambda spec: Plain(), "is no class"),
    ],
)
def test_what_is_no_adapter_is_refused_in_one_line(add, value, words):
    add("wrong", value)
    with pytest.raises(ModelError, match=words):
        adapter_class("wrong")
    assert {model.name: model.here for model in list_models()}["wrong"] is False


def test_load_must_return_an_adapter(add):
    add("other", LoadsAnother)
    with pytest.raises(ModelError, match="returned an instance of Plain, which is no adapter; end `load`"):
        load_adapter("other")


@pytest.mark.parametrize("code", ["import not_there", "1 / 0", "raise SystemError('x\\ny')"])
def test_a_plug_in_that_cannot_be_imported_is_named_and_stops_no_listing(monkeypatch, tmp_path, code):
    (tmp_path / "broken_plug_in.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(ADAPTERS, "broken", "broken_plug_in:Adapter")
    with pytest.raises(ModelError, match="adapter 'broken' cannot be imported") as caught:
        resolve_model("broken")
    assert "\n" not in str(caught.value)
    assert {model.name: model.here for model in list_models()}["broken"] is False
    with pytest.raises(UnknownNameError, match="did you mean 'broken'"):
        resolve_model("brokn")


def test_two_answers_to_one_question_are_no_answer():
    class Twice(Complete):
        def generate(self, questions, decoding):
            return (Answer(1, "", "a") for _ in range(2))

    with pytest.raises(GenerationError, match="2 answers to one question"):
        Twice("p").answer(QUESTION, Decoding())


def test_every_adapter_of_ours_says_what_it_is_without_torch():
    check = (
        "import json, sys; from model_adapters.models import list_models; from model_adapters.registry import *; "
        "listed = list_models(); facts = {name: [adapter_class(name).summary, adapter_class(name).needs_weights, "
        "adapter_class(name).is_baseline] for name in ADAPTERS}; "
        "print(json.dumps([facts, [name for name in ('torch', 'transformers') if name in sys.modules]]))"
    )
    facts, heavy = json.loads(subprocess.run([sys.executable, "-c", check], capture_output=True, check=True).stdout)
    assert heavy == []
    assert all(summary and needs is not None for summary, needs, _ in facts.values())
    assert {name for name, (_, _, is_baseline) in facts.items() if is_baseline} == {
        "echo", "constant", "normal", "random-report", "retrieval", "copy-prior-report", "oracle",
    }  # fmt: skip


@pytest.mark.parametrize("model", ["x" * 5000, "a\0b", "replay", "replay:", "oracle:x", "no-such-model"])
def test_names_that_cannot_be_are_refused_in_one_line(model):
    with pytest.raises(LibraBenchError) as caught:
        resolve_model(model)
    assert caught.value.exit_status == 2


def test_the_oracle_needs_a_run():
    with pytest.raises(ModelError, match="repeats the references of a suite; use it with a run"):
        load_adapter("oracle")


def test_a_card_that_is_called_oracle_sees_no_reference(tmp_path, monkeypatch):
    import libra_bench

    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.yaml").write_text("id: oracle\nadapter: constant\n")
    folder = libra_bench.run("demo", "own.yaml", metrics="temporal_f1", report=False, limit=3)
    texts = {json.loads(line)["text"] for line in (folder / "answers.jsonl").read_text().splitlines()}
    assert texts == {"The lungs are clear. The heart size is normal. No pleural effusion or pneumothorax. No change."}


def test_every_number_among_the_options_has_a_range():
    bare = [
        f"{name}: {option}"
        for name in ADAPTERS
        for option, kind in adapter_class(name).OPTIONS.items()
        if kind in (int, float)
    ]
    assert bare == []


@pytest.mark.parametrize("option", ["workers=0", "workers=-1", "feature_cache_mb=-1", "bits=0"])
def test_a_number_out_of_range_is_one_line(option):
    name, value = option.split("=")
    with pytest.raises(InputError, match=f"option {name}: takes .* not '{value}'"):
        resolve_model("libra-tiny", options={name: value})
