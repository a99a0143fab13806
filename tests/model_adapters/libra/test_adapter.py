"""The Libra adapter from files to answers: the original's texts, tokens and scores, whatever the batch."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import weakref

import accelerate
import pytest
import torch
from repository import GOLDEN

from benchmarks.errors import InputError, ModelError, UnknownNameError
from benchmarks.schema import Question
from model_adapters.adapter import Decoding, ModelSpec
from model_adapters.libra.adapter import LibraAdapter

MODELS = json.loads((GOLDEN / "generation.json").read_text(encoding="utf-8"))["models"]
TAC = GOLDEN / "models" / "tiny-libra-tac"
QUERY = "Provide a detailed description of the findings in the radiology image. Following clinical context: {}."
PUBLISHED = Decoding(num_beams=4, length_penalty=2.0, no_repeat_ngram_size=3, max_new_tokens=40)


def load(model="tiny-libra-tac", **spec):
    path = GOLDEN / "models" / model
    return LibraAdapter.load(ModelSpec(name=model, adapter="libra", path=str(path), device="cpu", **spec))


@pytest.fixture(scope="module")
def tac():
    return load()


def ask(adapter, questions, decoding):
    return {answer.question_id: answer for answer in adapter.generate(questions, decoding)}


COUGH = QUERY.format("History: Cough")


def study(key, images, prompt=COUGH):
    return Question(key, prompt, tuple(GOLDEN / "images" / name for name in images))


def oracle_runs():
    """Every run of the original: model, its case, name of the run, settings."""
    for model, oracle in MODELS.items():
        for place, case in enumerate(oracle["cases"]):
            if len(case["images"]) > 2:  # the original reads the first two of three; we refuse
                continue
            for name, run in case.items():
                if isinstance(run, dict) and "sequences_new_tokens" in run and name != "greedy_nrs3_ignored":
                    yield pytest.param(model, case, run, id=f"{model}-{place}-{name}")


def decoding_of(run):
    given = run["generate_kwargs"]
    return Decoding(
        num_beams=given["num_beams"],
        length_penalty=given.get("length_penalty", 1.0),
        no_repeat_ngram_size=given.get("no_repeat_ngram_size", 0),
        num_return_sequences=given.get("num_return_sequences", 1),
        max_new_tokens=given["max_new_tokens"],
    )


def without_padding(ids, eos):
    """The original fills finished rows up with EOS."""
    end = next((place + 1 for place, token in enumerate(ids) if token in eos), len(ids))
    return tuple(ids[:end])


@pytest.mark.parametrize(("model", "case", "run"), list(oracle_runs()))
def test_tokens_scores_and_texts_equal_the_original(loaded, model, case, run):
    adapter, seen = loaded(model, case["conv_mode"])
    asked = Question("study", case["query"], tuple(GOLDEN / name for name in case["images"]))
    answer = ask(adapter, [asked], decoding_of(run))["study"]
    assert adapter.render(asked).text == case["prompt"]
    eos = adapter.generator.loaded.eos_token_ids
    [generated] = seen
    ids = [without_padding(sequence, eos) for sequence in run["sequences_new_tokens"]]
    assert [hypothesis.token_ids for hypothesis in generated.hypotheses] == ids
    if run.get("sequences_scores"):
        scores = [hypothesis.score for hypothesis in generated.hypotheses]
        assert scores == pytest.approx(run["sequences_scores"], rel=1e-5, abs=1e-5)
    assert answer.text == run["text"]
    if "texts" in run and len(run["texts"]) > 1:
        assert [other["text"] for other in answer.metadata["alternatives"]] == run["texts"]
    assert answer.metadata["new_tokens"] == len(ids[0])
    assert answer.metadata["finish"] == ("stop" if ids[0][-1] in eos else "length")


@pytest.mark.parametrize("mode", MODELS["tiny-libra-tac"]["conv_modes"])
def test_texts_of_other_templates_equal_the_original(loaded, mode):
    run, case = MODELS["tiny-libra-tac"]["conv_modes"][mode], MODELS["tiny-libra-tac"]["cases"][0]
    adapter, seen = loaded("tiny-libra-tac", mode)
    asked = Question(0, case["query"], tuple(GOLDEN / name for name in case["images"]))
    assert ask(adapter, [asked], decoding_of(run))[0].text == run["text"]
    assert list(seen[0].token_ids) == list(without_padding(run["sequences_new_tokens"][0], (2,)))


@pytest.mark.parametrize(
    "batch", MODELS["tiny-libra-tac"]["batch"], ids=lambda batch: f"{batch['group']}-{batch['mode']}"
)
def test_batches_equal_single_studies_and_the_original_where_it_is_right(tac, batch):
    questions = [
        Question(place, query, tuple(GOLDEN / name for name in images))
        for place, (query, images) in enumerate(zip(batch["queries"], batch["images"], strict=True))
    ]
    decoding = decoding_of(batch)
    together = ask(tac, questions, decoding)
    alone = {key: ask(tac, [question], decoding)[key] for key, question in enumerate(questions)}
    assert {key: answer.text for key, answer in together.items()} == {key: answer.text for key, answer in alone.items()}
    lengths = {len(row) - row.count(0) for row in batch["input_ids"]}
    if len(lengths) == 1:  # with prompts of several lengths the original's mask is wrong
        several = decoding.num_return_sequences > 1
        for key, expected in enumerate(batch["result"]):
            first = expected[0][0] if several else expected
            assert together[key].text == first
            if several:
                found = [(other["text"], other["score"]) for other in together[key].metadata["alternatives"]]
                assert found == [(text, pytest.approx(score, rel=1e-5)) for text, score in expected]


@pytest.fixture
def loaded(monkeypatch):
    """Load a model with a template; beside it what its decoder returned."""
    from model_adapters.libra.decoding.decoder import Decoder

    def of(model, mode):
        adapter, seen = _cached(model, mode), []
        run = Decoder.run

        def spy(self, prompts):
            for result in run(self, prompts):
                seen.append(result)
                yield result

        monkeypatch.setattr(Decoder, "run", spy)
        return adapter, seen

    return of


_adapters: dict = {}


def _cached(model, mode):
    if (model, mode) not in _adapters:
        _adapters[model, mode] = load(model, conv_mode=mode)
    return _adapters[model, mode]


RECORDS = [json.loads(line) for line in (GOLDEN / "eval_records.jsonl").read_text(encoding="utf-8").splitlines()]
BEAMS = {"num_beams": 3, "num_return_sequences": 3, "length_penalty": 2.0, "no_repeat_ngram_size": 3}
RUNS = {
    "greedy": ("libra_v1", Decoding(max_new_tokens=24)),
    "beam3": ("libra_v1", Decoding(**BEAMS, max_new_tokens=24)),
    "plain_stop": ("v0", Decoding(max_new_tokens=24)),
}


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("batch_size", [1, 4])
def test_the_published_evaluation(run, batch_size):
    mode, decoding = RUNS[run]
    adapter = load(conv_mode=mode, batch_size=batch_size)
    lines = [
        json.loads(line) for line in (GOLDEN / "eval" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    questions = []
    for line in lines:
        images = line["image"] if isinstance(line["image"], list) else [line["image"]]
        questions.append(study(line["question_id"], images, line["text"]))
    answers = ask(adapter, questions, decoding)
    assert len(answers) == len(lines)
    for record in RECORDS:
        if record["_run"] == run:
            answer = answers[record["question_id"]]
            if len(questions[record["question_id"] - 100].images) > 2:
                assert answer.failed
                assert "3 images" in answer.metadata["error"]
            else:
                assert answer.text == record["text"]
                assert answer.prompt == record["prompt"]


MIXED = [
    study(0, ["cur0.png", "prior0.png"]),
    study(1, ["cur1.png"], "Describe the lungs."),
    study(2, ["cur2.png", "cur1.png"], QUERY.format("Indication: Shortness of breath. " * 4)),
    study(3, ["cur3.png", "prior3.png"], "Is there any change in the pleural effusion?"),
    study(4, [], "What is a pleural effusion?"),
    study(5, ["prior0.png", "cur0.png"]),
    study(6, ["square.png"], "x"),
    study(7, ["cur0.png"], "Compare <image> with the prior."),
]


@pytest.mark.parametrize("beams", [1, 4])
def test_any_batch_size_gives_the_text_of_batch_size_1(beams):
    decoding = dataclasses.replace(PUBLISHED, num_beams=beams)
    texts = []
    for batch_size in (1, 2, 3, 7):
        answers = ask(load(batch_size=batch_size), MIXED, decoding)
        assert not any(answer.failed for answer in answers.values())
        texts.append({key: (answer.text, answer.metadata["finish"]) for key, answer in answers.items()})
    assert texts[0] == texts[1] == texts[2] == texts[3]
    assert len({text for text, _ in texts[0].values()}) > 4


def test_images_are_encoded_and_prompts_prefilled_once():
    adapter = load(batch_size=3)
    model = adapter.generator.loaded.model
    encoded, prefilled = [], []
    model.tower.register_forward_hook(lambda _, given, __: encoded.append(given[0].shape[0]))

    def language_model_hook(_, __, given):
        if given.get("inputs_embeds") is not None:
            prefilled.append(given["inputs_embeds"].shape[1])

    model.language_model.register_forward_pre_hook(language_model_hook, with_kwargs=True)
    ask(adapter, MIXED, dataclasses.replace(PUBLISHED, num_beams=10))
    assert sum(encoded) == len({path for question in MIXED for path in question.images})
    report = adapter.describe()
    assert len(prefilled) == 1 + len(MIXED)  # what prompts begin with, and the rest of each
    assert sum(prefilled) == report["prefill_tokens"] - report["shared_tokens"] + prefilled[0]
    assert report["images"]["encoded"] == sum(encoded)
    assert report["prefill_tokens"] > 0
    assert json.loads(json.dumps(report)) == report


def test_features_that_occur_again_are_kept_within_the_bound():
    pair, again = [study(0, ["cur0.png", "prior0.png"])], [study(1, ["prior0.png", "cur0.png"])]
    for megabytes, reused in ((1024, 2), (0, 0)):
        adapter = load(options={"feature_cache_mb": megabytes})
        first = ask(adapter, pair, Decoding(max_new_tokens=8))[0].text
        ask(adapter, again, Decoding(max_new_tokens=8))
        assert adapter.describe()["images"]["reused"] == reused
        assert ask(adapter, pair, Decoding(max_new_tokens=8))[0].text == first


def test_a_changed_file_is_read_again(tmp_path, tac):
    shutil.copy(GOLDEN / "images" / "cur0.png", tmp_path / "x.png")
    asked = [Question(0, QUERY, (tmp_path / "x.png",))]
    before = ask(tac, asked, PUBLISHED)[0].metadata["score"]
    shutil.copy(GOLDEN / "images" / "cur1.png", tmp_path / "x.png")
    assert ask(tac, asked, PUBLISHED)[0].metadata["score"] != before


def test_a_study_that_fails_harms_no_other(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "cut.png").write_bytes((GOLDEN / "images" / "cur0.png").read_bytes()[:200])
    bad = {
        "empty file": Question("empty file", "x", (tmp_path / "empty.png",)),
        "truncated": Question("truncated", "x", (GOLDEN / "images" / "cur0.png", tmp_path / "cut.png")),
        "missing": Question("missing", "x", (tmp_path / "nowhere.png",)),
        "three images": study("three images", ["cur0.png", "cur1.png", "cur2.png"]),
        "empty prompt": study("empty prompt", ["cur0.png"], " \n"),
        "two marks": study("two marks", ["cur0.png"], "<image> <image>"),
        "mark without image": study("mark without image", [], "<image> what?"),
        "too long": study("too long", ["cur0.png"], "very long " * 3000),
    }
    adapter = load(batch_size=4)
    good = ask(adapter, MIXED, PUBLISHED)
    mixed = [question for pair in zip(bad.values(), MIXED, strict=True) for question in pair]
    answers = ask(adapter, mixed, PUBLISHED)
    assert len(answers) == len(mixed)
    for name in bad:
        assert answers[name].failed, name
        assert answers[name].text == ""
        assert "\n" not in answers[name].metadata["error"]
    assert "2,048" in answers["too long"].metadata["error"]
    for question in MIXED:
        assert answers[question.question_id].text == good[question.question_id].text


def test_only_failures(tac):
    [answer] = tac.generate([study(0, ["cur0.png"], "")], PUBLISHED)
    assert answer.failed
    assert list(tac.generate([], PUBLISHED)) == []


def test_sampling_does_not_depend_on_the_batch():
    decoding = Decoding(temperature=1.0, top_p=0.95, seed=3, max_new_tokens=20)
    texts = []
    for batch_size, questions in ((1, MIXED), (5, MIXED[::-1])):
        answers = ask(load(batch_size=batch_size), questions, decoding)
        texts.append({key: answer.text for key, answer in answers.items()})
    assert texts[0] == texts[1]


def test_sampling_settings_change_no_beam_search(tac):
    """As in the original (`beam3_with_sampling_args`); a run says so."""
    sampled = dataclasses.replace(PUBLISHED, temperature=0.9, top_p=0.5)
    assert ask(tac, MIXED[:2], sampled)[0].text == ask(tac, MIXED[:2], PUBLISHED)[0].text


def test_several_samples_are_refused_before_anything_is_loaded():
    with pytest.raises(InputError, match="--num-return-sequences: this model draws one sequence"):
        LibraAdapter.check_decoding(spec_of(), Decoding(temperature=0.5, num_return_sequences=2))


def test_alternatives(tac):
    answer = ask(tac, MIXED[:1], dataclasses.replace(PUBLISHED, num_return_sequences=3))[0]
    alternatives = answer.metadata["alternatives"]
    assert alternatives[0] == {"text": answer.text, "score": answer.metadata["score"]}
    scores = [other["score"] for other in alternatives]
    assert scores == sorted(scores, reverse=True)
    assert "alternatives" not in ask(tac, MIXED[:1], PUBLISHED)[0].metadata


def test_the_policy_of_one_image_leaves_the_prior_out(tac):
    one = load(card={"image_policy": "one"})
    pair, single = study(0, ["cur0.png", "prior0.png"]), study(0, ["cur0.png"])
    alone = pytest.approx(
        ask(tac, [single], PUBLISHED)[0].metadata["score"], rel=1e-6
    )  # its image may have had company
    assert ask(one, [pair], PUBLISHED)[0].metadata["score"] == alone
    assert ask(tac, [pair], PUBLISHED)[0].metadata["score"] != alone


def test_the_image_policy_is_an_option_and_part_of_the_identity(tac):
    pair, single = study(0, ["cur0.png", "prior0.png"]), study(0, ["cur0.png"])

    def score(question, **given):
        return ask(load(**given), [question], PUBLISHED)[0].metadata["score"]

    alone, both = (
        pytest.approx(ask(tac, [asked], PUBLISHED)[0].metadata["score"], rel=1e-6) for asked in (single, pair)
    )
    assert alone != both.expected
    assert score(pair, options={"image_policy": "one"}) == alone
    assert score(pair, options={"image_policy": "prior"}, card={"image_policy": "one"}) == both
    assert score(single, options={"image_policy": "dummy-prior"}) == alone
    card = {"image_policy": "dummy-prior"}
    default, same, other = (
        LibraAdapter.identity(spec_of(card=card, options=options))["image_policy"]
        for options in ({}, {"image_policy": "dummy-prior"}, {"image_policy": "one"})
    )
    assert (default, same, other) == ("dummy-prior", "dummy-prior", "one")
    with pytest.raises(UnknownNameError, match="unknown image_policy 'both'"):
        LibraAdapter.identity(spec_of(options={"image_policy": "both"}))


def test_render_counts_the_image_features(tac):
    rendered = tac.render(MIXED[0])
    assert rendered.text.count("<image>") == 1
    ids = tac.generator.prompts.tokenizer.encode_prompt(rendered.text)
    assert rendered.num_tokens == len(ids) - 1 + 16


def spec_of(path=TAC, **changes):
    return ModelSpec(**{"name": "tiny", "adapter": "libra", "path": str(path), "device": "cpu", **changes})


def test_identity_is_known_without_loading_and_changes_with_what_decides():
    plain = LibraAdapter.identity(spec_of())
    assert json.loads(json.dumps(plain)) == plain
    assert plain["dtype"] == "float32"
    assert plain["conv_mode"] == "default"
    same_words = LibraAdapter.identity(spec_of(conv_mode="libra_v1"))
    assert same_words["template_sha256"] == plain["template_sha256"]
    for change in ({"conv_mode": "v1"}, {"dtype": "bfloat16"}, {"card": {"image_policy": "one"}}):
        assert LibraAdapter.identity(spec_of(**change)) != plain
    for no_change in ({"batch_size": 7}, {"name": "other"}, {"options": {"workers": 1}}):
        assert LibraAdapter.identity(spec_of(**no_change)) == plain


def test_the_template_comes_from_flag_card_or_config_never_from_the_path(tmp_path):
    folder = tmp_path / "llava_med-mistral-maira-libra-v1.0-3b"  # names the original would guess from
    shutil.copytree(TAC, folder)
    tower = str(GOLDEN / "models" / "tiny-rad-dino")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "mm_vision_tower": tower}))
    assert LibraAdapter.identity(spec_of(folder))["conv_mode"] == "default"
    (folder / "config.json").write_text(json.dumps({**config, "mm_vision_tower": tower, "conv_mode": "v1"}))
    assert LibraAdapter.identity(spec_of(folder))["conv_mode"] == "v1"
    assert LibraAdapter.identity(spec_of(folder, card={"conv_mode": "v0"}))["conv_mode"] == "v0"
    assert LibraAdapter.identity(spec_of(folder, card={"conv_mode": "v0"}, conv_mode="mpt"))["conv_mode"] == "mpt"


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"conv_mode": "libra_v9"}, UnknownNameError, "libra_v1"),
        ({"dtype": "int3"}, ModelError, "dtype"),
        ({"path": None}, ModelError, "no checkpoint"),
        ({"path": "/nowhere/at/all"}, ModelError, "no such folder"),
        ({"options": {"attn_implementation": "flash_attention_2"}}, ModelError, "sdpa"),
    ],
)
def test_what_cannot_be_loaded(changes, error, words):
    with pytest.raises(error, match=words) as caught:
        LibraAdapter.load(dataclasses.replace(spec_of(), **changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_runs(dtype):
    answers = ask(load(dtype=dtype, batch_size=4), MIXED, PUBLISHED)
    assert all(answer.text for answer in answers.values())


def test_auto_steps_down_when_memory_runs_out_loses_no_study_and_remembers():
    adapter = load()
    questions = [study(key, ["cur0.png"], QUERY.format("Cough " * (1 + key % 3))) for key in range(9)]
    alone = 3 * [ask(adapter, [question], PUBLISHED)[question.question_id].text for question in questions[:3]]

    def too_many(_, __, given):
        if given.get("input_ids") is not None and given["input_ids"].shape[0] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.00 GiB.")

    adapter.generator.loaded.model.language_model.register_forward_pre_hook(too_many, with_kwargs=True)
    for _ in range(2):
        answers = ask(adapter, questions, PUBLISHED)
        assert [answers[key].text for key in range(9)] == alone
        assert adapter.describe()["batch_size"] == 2


def test_images_that_lack_room_get_it_from_the_batch():
    """The text's cache, where it holds more than two studies, leaves the tower no memory."""
    adapter = load(batch_size=8)
    names = ["cur0.png", "prior0.png"]
    questions = [study(key, [names[key % 2]], QUERY.format("Cough " * (1 + key % 5))) for key in range(24)]
    alone = [ask(adapter, [question], PUBLISHED)[question.question_id].text for question in questions[:10]]
    adapter = load(batch_size=8, options={"feature_cache_mb": 0.0})  # or else two images would be encoded once
    model, caches, refused = adapter.generator.loaded.model, [], []

    def remember(_, __, given):
        if given.get("input_ids") is not None:
            caches[:] = [(weakref.ref(given["past_key_values"]), len(given["input_ids"]))]

    def full(*_):
        if any(cache() is not None and rows > 2 for cache, rows in caches):
            refused.append(True)
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB.")

    model.language_model.register_forward_pre_hook(remember, with_kwargs=True)
    model.tower.register_forward_pre_hook(full)
    answers = ask(adapter, questions, PUBLISHED)
    assert refused
    assert [answers[key].text for key in range(24)] == [alone[key % 10] for key in range(24)]
    assert adapter.describe()["batch_size"] == 2


def test_images_that_never_fit_fail_one_by_one():
    adapter = load()

    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB.")

    adapter.generator.loaded.model.tower.register_forward_pre_hook(full)
    answers = ask(adapter, [study(1, ["cur0.png"]), study(2, []), study(3, ["prior0.png"])], PUBLISHED)
    assert answers[2].text
    for key in (1, 3):
        assert answers[key].metadata["error"].startswith("the images of a single study do not fit into memory")


def test_a_study_that_never_fits_says_how_much_it_needs_and_what_to_try():
    adapter = load()

    def never(_, __, given):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3.00 GiB.\nmore")

    adapter.generator.loaded.model.language_model.register_forward_pre_hook(never, with_kwargs=True)
    answers = ask(adapter, [study(key, ["cur0.png"]) for key in range(3)], PUBLISHED)
    for key in range(3):
        error = answers[key].metadata["error"]
        assert re.search(r"up to 40 new tokens with 4 beams need about [\d.]+ [KM]iB beside the language", error)
        assert "Tried to allocate 3.00 GiB" in error
        assert "--num-beams" in error
        assert "--load-in 4bit" in error


def test_a_model_spread_by_accelerate_says_the_same(tac):
    """All parts on the CPU, but with accelerate's hooks at every layer, as where the layers are on several devices."""
    questions = [study(key, ["cur0.png", "prior0.png"], QUERY.format("Cough " * key)) for key in range(3)]
    expected = {key: answer.text for key, answer in ask(tac, questions, PUBLISHED).items()}
    spread = LibraAdapter.load(ModelSpec("spread", "libra", path=str(TAC), options={"device_map": "auto"}))
    language_model = spread.generator.loaded.model.language_model
    layers = {f"model.layers.{number}": "cpu" for number in range(language_model.config.num_hidden_layers)}
    rest = dict.fromkeys(("model.embed_tokens", "model.norm", "model.rotary_emb", "lm_head"), "cpu")
    accelerate.dispatch_model(language_model, layers | rest, force_hooks=True)
    assert hasattr(language_model.model.layers[0], "_hf_hook")
    assert {key: answer.text for key, answer in ask(spread, questions, PUBLISHED).items()} == expected


def test_a_device_and_a_map_of_devices_contradict_each_other():
    with pytest.raises(ModelError, match="start one process only"):
        load(options={"device_map": "auto"})
    with pytest.raises(ModelError, match="takes auto"):
        load(options={"device_map": "balanced"})
