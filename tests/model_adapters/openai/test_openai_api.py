"""Served models: what is sent, what comes back, and everything that can go wrong on the way."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from every_case import every_case
from faulty_endpoint import Endpoint, bomb, completion, cut, drip, endpoint, flood, hang, refuse, rubbish
from PIL import Image

from benchmarks.catalog import DEMO
from benchmarks.errors import InputError, LibraBenchError, ModelError
from benchmarks.images import read_radiograph
from benchmarks.schema import Answer, Question
from model_adapters.adapter import Decoding, ModelSpec
from model_adapters.models import resolve_model
from model_adapters.openai import endpoint as client
from model_adapters.openai.adapter import OpenAIAdapter, data_url
from model_adapters.openai.endpoint import Endpoint as Client

IMAGES = sorted((DEMO / "images").rglob("*.png"))[:2]
GREEDY = Decoding(max_new_tokens=77)
KEY = "sk-secret-1234567890"
FIRST_PAUSE = client.FIRST_PAUSE_SECONDS


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with endpoint() as running:
        yield running


def spec(server: Endpoint, card: dict | None = None, **options) -> ModelSpec:
    options = {"base_url": server.url, "retries": 3, "timeout": 1.0, **options}
    return ModelSpec("openai:tiny", "openai", path="tiny", card=card or {}, options=options)


def load(server: Endpoint, card: dict | None = None, **options) -> OpenAIAdapter:
    return OpenAIAdapter.load(spec(server, card, **options))


def asked(n: int = 1) -> list[Question]:
    return [Question(number, f"question {number}", tuple(IMAGES[: number % 3])) for number in range(n)]


def ask(adapter: OpenAIAdapter, questions: list[Question], decoding: Decoding = GREEDY) -> dict[object, Answer]:
    return {answer.question_id: answer for answer in adapter.generate(questions, decoding)}


def test_a_long_suite_is_not_taken_at_once(server):
    taken = 0

    class Counting(list):
        def __iter__(self):
            nonlocal taken
            for question in super().__iter__():
                taken += 1
                yield question

    adapter, ahead, seen = load(server, concurrency=2), [], set()
    for answered, answer in enumerate(adapter.generate(Counting(asked(40)), GREEDY), start=1):
        seen.add(answer.question_id)
        ahead.append(taken - answered)
    assert seen == set(range(40))
    assert max(ahead) < 4


def test_what_is_sent_and_what_comes_back(server):
    adapter = load(server, concurrency=1)
    answers = ask(adapter, asked(3))
    assert [answers[n].text for n in range(3)] == [f"question {n}: {n} images." for n in range(3)]
    metadata = dict(answers[2].metadata)
    assert metadata.pop("seconds") > 0
    assert metadata == {"finish": "stop", "new_tokens": 10, "prompt_tokens": 100, "attempts": 1}
    request = server.requests[2]
    assert {name: value for name, value in request.items() if name != "messages"} == {
        "model": "tiny", "max_tokens": 77, "temperature": 0.0,
    }  # fmt: skip
    first, second, words = request["messages"][0]["content"]
    assert words == {"type": "text", "text": "question 2"}
    for part, path in ((first, IMAGES[0]), (second, IMAGES[1])):
        head, _, body = part["image_url"]["url"].partition(",")
        assert head == "data:image/png;base64"
        sent = Image.open(io.BytesIO(base64.b64decode(body)))
        assert sent.tobytes() == read_radiograph(path).tobytes()
    assert adapter.describe() == {
        "device": f"served at {server.url}", "concurrency": 1, "requests": 3, "retries": 0, "prompt_tokens": 300,
        "completion_tokens": 30, "cost": None, "served_models": ["tiny-2026"],
    }  # fmt: skip


def test_settings_travel(server):
    sampling = Decoding(temperature=0.7, top_p=0.9, seed=5, max_new_tokens=8)
    body = {"max_tokens": None, "max_completion_tokens": 8}
    adapter = load(server, system="Be brief.", image_policy="dummy-prior", body=body, image_max_side=16)
    ask(adapter, [asked(2)[1]], sampling)
    request = server.requests[0]
    assert {name: value for name, value in request.items() if name != "messages"} == {
        "model": "tiny", "max_completion_tokens": 8, "temperature": 0.7, "top_p": 0.9, "seed": 5,
    }  # fmt: skip
    assert request["messages"][0] == {"role": "system", "content": "Be brief."}
    pictures = [part for part in request["messages"][1]["content"] if part["type"] == "image_url"]
    assert len(pictures) == 2
    assert max(Image.open(io.BytesIO(base64.b64decode(pictures[0]["image_url"]["url"].partition(",")[2]))).size) == 16
    assert adapter.render(asked(2)[1]).text == "Be brief.\n\n<image><image>question 1"


def test_a_cards_hook_and_policy_count(server):
    card = {"prompt_hook": "maira_2", "image_policy": "one"}
    ask(load(server, card=card), [Question(1, "Describe.", tuple(IMAGES))])
    content = server.requests[0]["messages"][0]["content"]
    assert [part["type"] for part in content] == ["text", "image_url", "text"]
    assert content[0]["text"] == "Given the current frontal image only"


def test_the_file_around_the_pixels_is_not_sent(tmp_path):
    from PIL.PngImagePlugin import PngInfo

    notes = PngInfo()
    notes.add_text("Patient", "Jane Doe")
    Image.new("L", (8, 8), 7).save(tmp_path / "named.png", pnginfo=notes)
    assert b"Jane" not in base64.b64decode(data_url(tmp_path / "named.png").partition(",")[2])


@pytest.mark.parametrize(
    "fault",
    [
        refuse(429, retry_after="0"),
        refuse(500),
        refuse(503),
        hang(1.5),
        cut,
        rubbish("<html>busy</html>"),
        rubbish('{"choices": []}'),
        rubbish('{"choices": [{"message": {"content": 7}}]}'),
        rubbish("[1, 2"),
    ],
    ids=["429", "500", "503", "hang", "cut", "html", "no choice", "no text", "half"],
)
def test_what_may_pass_is_tried_again(server, fault):
    server.faults = [fault]
    adapter = load(server)
    answer = ask(adapter, asked())[0]
    assert answer.text == "question 0: 0 images."
    assert answer.metadata["attempts"] == 2
    assert (adapter.describe()["requests"], adapter.describe()["retries"]) == (2, 1)


def test_pauses_grow(server, monkeypatch):
    monkeypatch.setattr(client, "FIRST_PAUSE_SECONDS", FIRST_PAUSE)
    server.faults = [refuse(500)] * 3
    ask(load(server), asked())
    pauses = [later - earlier for earlier, later in zip(server.times, server.times[1:], strict=False)]
    for pause, longest in zip(pauses, (0.5, 1.0, 2.0), strict=True):
        assert longest / 2 <= pause < longest + 5


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_rate_limit_holds_every_question(server, form):
    seconds = "1" if form == "seconds" else format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True)
    server.faults = [refuse(429, retry_after=seconds)]
    started = time.monotonic()
    answers = ask(load(server, concurrency=1), asked(3))
    assert not any(answer.failed for answer in answers.values())
    waited = server.times[1] - server.times[0]
    assert waited > 0.9
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("fault", "words", "attempts"),
    [
        (refuse(400, "bad image"), "400 Bad Request: bad image", 1),
        (refuse(429, "insufficient_quota"), "insufficient_quota", 1),
        (refuse(429, retry_after="90000"), "asks to wait 90000 seconds", 1),
        (refuse(500), "500 Internal Server Error: not now, after 3 attempts", 3),
        (completion(choices=[{"message": {"content": "x"}, "finish_reason": "content_filter"}]), "content filter", 1),
        (bomb, "the reply is compressed (gzip), which was not asked for", 1),
        (flood(), "the reply has more than 16 MB", 1),
        (flood(400), "the reply has more than 16 MB", 1),
        (rubbish('{"a":' * 100_000), "an unreadable reply (not JSON", 3),
        (rubbish("9" * 5000), "an unreadable reply", 3),
        (cut, "the connection failed", 3),
        (rubbish("<html>"), "an unreadable reply", 3),
    ],
)
def test_what_does_not_pass_fails_that_question_alone(server, fault, words, attempts):
    adapter = load(server, retries=2, concurrency=1, timeout=60)  # a busy machine takes its time with 16 MB
    server.faults = [fault] * attempts
    answers = ask(adapter, asked(2))
    assert answers[0].failed
    assert words in answers[0].metadata["error"]
    assert not answers[1].failed
    assert adapter.describe()["requests"] == attempts + 1


def test_a_flood_is_not_read_to_its_end(server):
    server.faults = [flood(megabytes=256)]
    assert ask(load(server), asked())[0].failed
    assert server.megabytes_taken < 64


def test_a_reply_that_drips_ends_at_the_deadline(server):
    server.faults = [drip]
    started = time.monotonic()
    answer = ask(load(server, retries=0, timeout=0.5), asked())[0]
    assert "no whole reply within 0.5 seconds, after 1 attempt" in answer.metadata["error"]
    assert time.monotonic() - started < 30
    assert server.hung_up.wait(5)


def test_stopping_breaks_off_what_is_under_way(server):
    server.always = drip
    adapter = OpenAIAdapter(Client(server.url, timeout_seconds=600), spec(server))
    answers = adapter.generate(asked(4), GREEDY)
    threading.Timer(0.5, adapter._endpoint.stop).start()
    started = time.monotonic()
    assert "the run was stopped" in next(answers).metadata["error"]
    answers.close()
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"usage": {"prompt_tokens": "many", "completion_tokens": -1, "cost": "free"}}, (None, None, None)),
        ({"usage": {"prompt_tokens": True, "completion_tokens": 10**400, "cost": float("nan")}}, (None, None, None)),
        ({"usage": {"prompt_tokens": 1.5, "completion_tokens": [], "cost": float("inf")}}, (None, None, None)),
        ({"usage": {"prompt_tokens": 3, "completion_tokens": 4, "cost": 0.5}}, (3, 4, 0.5)),
        ({"usage": [1]}, (None, None, None)),
        ({"usage": None, "model": 7}, (None, None, None)),
    ],
)
def test_odd_counts_and_costs_are_none(server, changes, expected):
    server.faults = [completion(**changes)]
    adapter = load(server)
    answer = ask(adapter, asked())[0]
    assert answer.text == "odd"
    assert (answer.metadata["prompt_tokens"], answer.metadata["new_tokens"], answer.metadata.get("cost")) == expected
    assert json.loads(json.dumps(adapter.describe(), allow_nan=False))["requests"] == 1


@pytest.mark.parametrize(
    "stated", ["nan", "soon", "-5", "", "Wed, 99 Nov 2026 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:00"]
)
def test_an_odd_retry_after_is_passed_over(server, stated):
    server.faults = [refuse(429, retry_after=stated)]
    assert ask(load(server), asked())[0].metadata["attempts"] == 2


@pytest.mark.parametrize("stated", ["inf", "1e400", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_no_request_waits_for_ever(server, stated):
    server.faults = [refuse(429, retry_after=stated)]
    assert "asks to wait" in ask(load(server), asked())[0].metadata["error"]


def test_foreign_words_are_cleaned(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    adapter = load(server, concurrency=1)
    said = f"half \ud800 of {KEY}"
    server.faults = [
        refuse(400, "a\n\x1b[31mred\x00 line"),
        completion(choices=[{"message": {"content": said}}], model=f"m {KEY}"),
    ]
    refused, answered = (ask(adapter, [question])[question.question_id] for question in asked(2))
    assert "400 Bad Request: a [31mred line" in refused.metadata["error"]
    assert answered.text == "half \ufffd of ***"
    assert KEY not in json.dumps(adapter.describe())


def test_a_key_is_not_told_in_part_either(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server.faults = [refuse(400, "x" * 172 + f" {KEY}")]
    error = ask(load(server), asked())[0].metadata["error"]
    assert error.startswith("400 Bad Request: xxx")
    assert "sk-" not in error


@pytest.mark.parametrize(("stated", "sent"), [(f" {KEY}\n", KEY), ("", None)])
def test_white_space_around_a_key_is_not_sent(server, monkeypatch, stated, sent):
    monkeypatch.setenv("OPENAI_API_KEY", stated)
    ask(load(server), asked())
    assert server.keys == [sent and f"Bearer {sent}"]


def test_what_is_no_key_is_refused(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret\n-and-more")
    with pytest.raises(ModelError, match="OPENAI_API_KEY: holds characters that no key has") as caught:
        load(server)
    assert "sk-" not in str(caught.value)


def test_a_question_that_is_no_json_fails_alone(server):
    answers = ask(load(server), [Question(1, "half \ud800", ()), Question(2, "whole", ())])
    assert "cannot be written as JSON" in answers[1].metadata["error"]
    assert answers[2].text == "whole: 0 images."


def test_a_short_key_is_no_secret(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "odd")
    server.faults = [completion()]
    assert ask(load(server), asked())[0].text == "odd"


@every_case(
    ("options", "words"),
    [
        ({"concurrency": "0"}, "option concurrency: takes a whole number of at least 1"),
        ({"retries": "1000000"}, "option retries"),
        ({"timeout": "nan"}, "option timeout"),
        ({"timeout": "0"}, "option timeout"),
        ({"price_in": "-1"}, "option price_in"),
        ({"body": "{"}, "option body: takes a JSON object"),
        ({"body": '{"top_k": NaN}'}, "option body: takes a JSON object"),
        ({"image_policy": "both"}, "option image_policy"),
    ],
)
def test_a_wrong_option_is_refused_before_anybody_is_asked(options, words):
    with pytest.raises(InputError, match=words):
        resolve_model("openai:tiny", options=options)


def test_a_refused_key_or_model_ends_the_run(server):
    server.faults = [refuse(404, "no model called tiny")]
    with pytest.raises(ModelError, match="no model called tiny"):
        ask(load(server, concurrency=1), asked(30))
    assert len(server.requests) < 5


def test_length_and_content_filter(server):
    server.finish_reason = "length"
    assert ask(load(server), asked())[0].finish == "length"
    server.finish_reason = "content_filter"
    answer = ask(load(server), asked())[0]
    assert answer.failed
    assert "content filter" in answer.metadata["error"]


def test_questions_are_asked_at_once_but_not_too_many(server):
    server.together = threading.Barrier(4)
    assert len(ask(load(server, concurrency=4, timeout=60), asked(12))) == 12
    assert server.most_at_once == 4


def test_the_cost_is_that_of_the_given_prices(server):
    adapter = load(server, price_in=2.0, price_out=10.0)
    answers = ask(adapter, asked(4))
    assert answers[0].metadata["cost"] == pytest.approx(100 * 2e-6 + 10 * 10e-6)
    assert adapter.describe()["cost"] == pytest.approx(4 * answers[0].metadata["cost"])


def test_the_key_is_sent_and_never_shown(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server.faults = [refuse(400, f"wrong key {KEY}")]
    adapter = load(server, concurrency=1)
    answers = ask(adapter, asked(2))
    assert server.keys == [f"Bearer {KEY}"] * 2
    assert "wrong key ***" in answers[0].metadata["error"]
    spec = ModelSpec("openai:tiny", "openai", path="tiny", options={"base_url": server.url})
    told = json.dumps(
        [dict(adapter.describe()), dict(OpenAIAdapter.identity(spec)), [vars_of(a) for a in answers.values()]]
    )
    assert KEY not in told


def test_a_key_in_the_request_is_sent_and_written_nowhere(server, cli, tmp_path):
    body = json.dumps({"extra": {"api_key": "correct-horse-battery"}})
    suite = tmp_path / "suite.jsonl"
    suite.write_text(
        "".join(json.dumps({"question_id": n, "image": [], "text": "Q", "reference": "A."}) + "\n" for n in (1, 2))
    )
    server.faults = [refuse(400, "no such key: correct-horse-battery"), completion(model="m correct-horse-battery")]
    command = ["run", "--suite", suite, "--model", "openai:tiny", "--metrics", "bleu"]
    options = ["--on-error", "record", "--out", "out", "--base-url", server.url]
    options += ["--option", f"body={body}", "--option", "concurrency=1"]
    for _ in range(2):  # the second one finds the folder of the first to be its own
        done = cli(*command, *options)
        assert done.returncode == 3, done.stderr  # one study failed
        assert "battery" not in done.stdout + done.stderr
    assert {asked["extra"]["api_key"] for asked in server.requests} == {"correct-horse-battery"}
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert "run.json" in {path.name for path in files}
    assert [path.name for path in files if b"battery" in path.read_bytes()] == []


def vars_of(answer: Answer) -> list:
    return [answer.text, answer.prompt, dict(answer.metadata)]


@pytest.mark.parametrize(
    ("decoding", "flag"),
    [
        (Decoding(num_beams=4), "--num-beams"),
        (Decoding(no_repeat_ngram_size=3), "--no-repeat-ngram-size"),
        (Decoding(temperature=1, num_return_sequences=2), "--num-return-sequences"),
    ],
)
def test_what_endpoints_do_not_have_is_refused(server, decoding, flag):
    with pytest.raises(InputError, match=flag):
        ask(load(server), asked(), decoding)
    assert not server.requests


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"base_url": ""}, "--base-url URL"),
        ({"base_url": "localhost:8000"}, "not an address"),
        ({"base_url": "http://user:word@localhost/v1"}, "OPENAI_API_KEY"),
        ({"base_url": "http://localhost/v1?key=1"}, "OPENAI_API_KEY"),
        ({"base_url": "http://127.0.0.1:9/v1"}, "no server answers there"),
        ({"image_policy": "both"}, "unknown image_policy 'both'"),
    ],
)
def test_settings_that_cannot_work_are_said_in_one_line(server, options, words):
    with pytest.raises(LibraBenchError) as caught:
        load(server, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status == 2


def test_an_endpoint_that_wants_a_key_says_so(server):
    server.always = refuse(401, "no key")
    with pytest.raises(ModelError, match=r"wants a key \(401\); set OPENAI_API_KEY"):
        load(server)
