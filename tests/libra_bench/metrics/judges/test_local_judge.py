"""A judge in this process: the same cache, signature and errors as a served one."""

from __future__ import annotations

import json
import shutil

import pytest
import tiny_chats

from benchmarks.errors import InputError, MetricUnavailableError, ModelError
from libra_bench.metrics.choice import choose_metrics
from libra_bench.metrics.metric import check_metric
from libra_bench.metrics.registry import make_metric

REPLY = ('{"matched": ', '["effusion"], ', '"errors": ', "[{", '"category": "severity", ', '"finding": "x", ')
REPLY = (*REPLY, '"significant": true', "}]}")
GREEN = ("[Clinically Significant Errors]:\n", "(a) False: 1. A\n\n", "[Matched Findings]:\n", "3. A; B; C")
TEXTS = [f"Small effusion {number}." for number in range(6)], [["Large effusion."]] * 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_chats.scripted(tmp_path_factory.mktemp("judge") / "tiny-judge", REPLY)


def judge(folder, *more):
    return make_metric(f"report_judge[{','.join([f'checkpoint={folder}', *more])}]")


def test_its_replies_are_scored_counted_and_free_the_second_time(folder, monkeypatch, capfd):
    metric = judge(folder, "batch_size=4")
    result = metric.score(*TEXTS)
    assert result.values["Report-judge-score"] == 50
    assert result.values["Report-judge-severity"] == 100
    assert result.values["Report-judge-tokens"] > len(REPLY)
    assert result.details["served_models"] == ["tiny-judge"]
    assert "6 questions to tiny-judge at cpu in float32" in capfd.readouterr().err
    monkeypatch.setattr("model_adapters.hf.chat.load_chat_model", lambda *_: pytest.fail("loaded again"))
    assert judge(folder).score(*TEXTS).values == result.values


def test_its_content_signs_not_its_place(folder, tmp_path):
    signature = judge(folder).signature
    assert "|model:tiny-judge|" in signature
    assert "|dtype:float32|" in signature
    assert str(folder) not in signature
    copy = shutil.copytree(folder, tmp_path / "tiny-judge")
    assert judge(copy).signature == judge(copy, "batch_size=1", "device=cpu").signature == signature
    named = judge(copy, "model=another name", "dtype=bfloat16").signature
    assert "|model:another name|" in named
    assert "|dtype:bfloat16|" in named
    tiny_chats.scripted(tmp_path / "other" / "tiny-judge", REPLY[::-1])
    others = [judge(tmp_path / "other" / "tiny-judge").signature]
    shutil.copytree(folder, tmp_path / "third" / "tiny-judge")
    (tmp_path / "third" / "tiny-judge" / "chat_template.jinja").write_text(tiny_chats.CHAT_TEMPLATE.replace(":", ">"))
    others.append(judge(tmp_path / "third" / "tiny-judge").signature)
    assert len({signature, *others}) == 3


def test_green_words_the_prompt_of_a_checkpoint_that_has_no_template(tmp_path, monkeypatch):
    tiny_chats.scripted(tmp_path / "green", GREEN, template=None)
    (tmp_path / "prompt.txt").write_text("R: {reference}\nC: {candidate}")
    metric = make_metric(f"green[checkpoint={tmp_path / 'green'},prompt={tmp_path / 'prompt.txt'}]")
    assert metric.score(*TEXTS).values["GREEN"] == 75
    prompts = metric.judge.model._model._prompts
    assert prompts.text([{"role": "user", "content": "Compare."}]) == "<|user|>\nCompare.</s>\n<|assistant|>\n"
    with pytest.raises(ModelError, match="no chat template"):
        check_metric(judge(tmp_path / "green"), TEXTS[1])


def test_a_judge_that_only_stammers_is_stopped(tmp_path):
    metric = judge(tiny_chats.random_model(tmp_path / "m"), "max_tokens=5", "batch_size=3")
    texts = [f"Text {number}." for number in range(40)]
    with pytest.raises(MetricUnavailableError, match="9 of the first 9 replies could not be read"):
        metric.score(texts, [["Text."]] * 40)


def test_a_prompt_that_does_not_fit_is_counted_by_name(tmp_path):
    tiny_chats.scripted(tmp_path / "m", REPLY, context=400)
    metric = judge(tmp_path / "m")
    result = metric.score(["word " * 500, *TEXTS[0][:3]], [["Text."]] * 4)
    assert result.values["Report-judge-unparsed"] == 25
    assert "tokens; the model has 400" in result.details["unparsed"]["examples"][0]


def test_what_cannot_be_a_judge_is_said_before_anything_is_scored(folder, tmp_path):
    with pytest.raises(InputError, match="contradict each other"):
        choose_metrics(f"report_judge[checkpoint={folder},base_url=http://h/v1,model=m]")
    with pytest.raises(MetricUnavailableError, match=r"pass --metrics 'report_judge\[checkpoint=FOLDER\]'"):
        choose_metrics(f"report_judge[checkpoint={tmp_path / 'nowhere'}]")
    with pytest.raises(ModelError, match="unknown device"):
        check_metric(judge(folder, "device=abacus"), TEXTS[1])
    with pytest.raises(ModelError, match="unknown dtype"):
        check_metric(judge(folder, "dtype=int3"), TEXTS[1])


def test_the_program_scores_with_it(cli, folder):
    for name, key in (("references", "reference"), ("predictions", "text")):
        rows = [{"question_id": number, "text": "x", key: f"Effusion {number}."} for number in range(5)]
        (cli.folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = cli(
        "score", "--references", "references.jsonl", "--predictions", "predictions.jsonl",
        "--metrics", f"report_judge[checkpoint={folder},repeats=3]", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    scores = {row["key"]: row["value"] for row in json.loads(done.stdout)["scores"]}
    assert (scores["Report-judge-score"], scores["Report-judge-changed"]) == (50, 0)
    assert "15 questions to tiny-judge" in done.stderr
