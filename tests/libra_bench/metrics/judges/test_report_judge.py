"""Our own judge: what it asks, what it makes of replies, and of servers and judges that do not do as they should."""

from __future__ import annotations

import json

import numpy as np
import pytest
from faulty_endpoint import completion, hang, refuse

from benchmarks.errors import InputError, MetricUnavailableError, ModelError, StorageError
from libra_bench.metrics.choice import choose_metrics
from libra_bench.metrics.error_counts import CATEGORIES
from libra_bench.metrics.judges.judgements import Judgements
from libra_bench.metrics.metric import reduction_of
from libra_bench.metrics.registry import make_metric
from libra_bench.rewards import reward
from libra_bench.scores.reference_points import reference_points

REPORTS = [f"Small left effusion, case {number}." for number in range(12)]
REFERENCES = [[f"Large left effusion, case {number}."] for number in range(12)]


def error(category="severity", significant=True, finding="effusion"):
    return {"category": category, "finding": finding, "significant": significant}


def reply(matched=("effusion",), errors=()):
    return json.dumps({"matched": list(matched), "errors": list(errors)})


def judge(server, *more, name="report_judge"):
    return make_metric(f"{name}[{','.join([f'base_url={server.url}', 'model=tiny', *more])}]")


def said(request):
    return request["messages"][-1]["content"]


def test_it_counts_all_errors_and_scores_the_significant_ones(server):
    server.answer = lambda _: reply(["effusion", "line"], [error(), error("location", False), error("false-finding")])
    result = judge(server).score(REPORTS[:2], REFERENCES[:2])
    assert result.values["Report-judge-score"] == 50.0
    counts = [result.values[f"Report-judge-{category}"] for category in CATEGORIES]
    assert counts == [100, 0, 100, 100, 0, 0]
    assert result.values["Report-judge-significant"] == 200
    assert result.values["Report-judge-unparsed"] == 0
    assert result.values["Report-judge-tokens"] == 110
    assert result.samples["Report-judge-false-finding"] == [1, 1]
    assert result.details["served_models"] == ["tiny-2026"]


@pytest.mark.parametrize(
    ("matched", "errors", "score"),
    [((), (), 100.0), (("a",), (), 100.0), ((), (error(),), 0.0), ((), (error(significant=False),), 0.0)],
)
def test_the_ends_of_the_scale(server, matched, errors, score):
    server.answer = lambda _: reply(matched, errors)
    assert judge(server).score(REPORTS[:1], REFERENCES[:1]).values["Report-judge-score"] == score


def test_the_request_holds_both_reports_the_schema_and_fixed_decoding(server):
    server.answer = lambda _: reply()
    judge(server).score(["Candidate text."], [["Reference text."]])
    request = server.requests[0]
    assert "Candidate text." in said(request)
    assert "Reference text." in said(request)
    assert (request["temperature"], request["seed"]) == (0, 42)
    assert request["response_format"]["json_schema"]["strict"] is True


@pytest.mark.parametrize(
    "text",
    [
        "```json\n{}\n```",
        "Here you are:\n{} That is all.",
        "<think>First {{ I think.</think>\n{}",
        "\n\n{}",
    ],
)
def test_words_around_the_object_are_passed_over(server, text):
    server.answer = lambda _: text.replace("{}", reply()).replace("{{", "{")
    assert judge(server).score(REPORTS[:1], REFERENCES[:1]).values["Report-judge-unparsed"] == 0


UNREADABLE = {
    "prose": ("The candidate is quite good.", "prose"),
    "another language": ("Le rapport est correct.", "prose"),
    "a score of 101": ('{"score": 101}', "matched: "),
    "empty": ("", "empty"),
    "cut": ('{"matched": ["effus', "no whole JSON"),
    "a list": ("[1, 2]", "prose"),
    "an unknown category": (reply(errors=[error("spelling")]), "errors.0.category: "),
    "no errors": ('{"matched": []}', "errors: "),
    "counts for lists": ('{"matched": 3, "errors": 2}', "matched: "),
    "endless nesting": ('{"matched": ' + "[" * 100_000, "no whole JSON"),
    "absurd": (reply(matched=["x"] * 5000), "more than 1,000"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_reply_that_cannot_be_read_is_counted_and_named(server, case):
    text, why = UNREADABLE[case]
    server.answer = lambda request: text if "case 1." in said(request) else reply()
    result = judge(server).score(REPORTS[:4], REFERENCES[:4])
    assert result.values["Report-judge-score"] == 75
    assert result.values["Report-judge-unparsed"] == 25
    assert result.samples["Report-judge-unparsed"] == [0, 100, 0, 0]
    assert result.details["mean_of_parsed"] == 100
    assert result.details["unparsed"]["n"] == 1
    assert why in result.details["unparsed"]["examples"][0]


def test_counts_are_those_of_the_replies_that_could_be_read(server):
    server.answer = lambda request: "no" if "case 1." in said(request) else reply(errors=[error()])
    result = judge(server).score(REPORTS[:4], REFERENCES[:4])
    assert result.values["Report-judge-severity"] == 100


def test_a_judge_that_only_talks_is_stopped_early(server):
    server.answer = lambda _: "I am sorry, I cannot compare reports."
    with pytest.raises(MetricUnavailableError, match="9 of the first 9 replies could not be read: the reply is prose"):
        judge(server, "concurrency=1").score([f"Text {i}." for i in range(200)], [["Text."]] * 200)
    assert len(server.requests) < 15


def test_a_server_that_dies_in_the_middle_ends_it_and_what_came_is_kept(server):
    server.answer = lambda _: reply()
    texts = [f"Text {i}." for i in range(40)]
    judge(server, "concurrency=1").score(texts[:20], [["Text."]] * 20)
    server.answer, server.always = None, refuse(400, "out of memory")
    with pytest.raises(MetricUnavailableError, match="9 of the last 10 questions got no reply: 400"):
        judge(server, "concurrency=1", "retries=0").score(texts, [["Text."]] * 40)
    server.answer, server.always, server.requests = (lambda _: reply()), None, []
    assert judge(server).score(texts, [["Text."]] * 40).values["Report-judge-score"] == 100
    assert len({said(request) for request in server.requests}) == 20  # one that was cut off may arrive late


def test_a_timeout_on_every_tenth_call_costs_nothing_but_time(server):
    server.answer = lambda _: reply()
    server.faults = [hang(0.5) if number % 10 == 9 else None for number in range(30)]
    result = judge(server, "timeout=0.3").score([f"Text {i}." for i in range(25)], [["Text."]] * 25)
    assert result.values["Report-judge-unparsed"] == 0
    assert len(server.requests) == 27


def test_a_repeated_question_is_free_whatever_the_server_and_metric_object(server):
    server.answer = lambda _: reply(errors=[error()])
    first = judge(server).score(REPORTS, REFERENCES)
    asked = len(server.requests)
    elsewhere = make_metric("report_judge[base_url=http://127.0.0.1:9/v1,model=tiny]")
    again = elsewhere.score(REPORTS, REFERENCES)
    assert again.values == first.values
    assert len(server.requests) == asked == 12
    assert elsewhere.signature == judge(server, "concurrency=3").signature


@pytest.mark.parametrize("other", ["revision=2", "temperature=0.5", "max_tokens=100", "temperature=none"])
def test_another_judge_or_decoding_is_asked_anew_and_signs_otherwise(server, other):
    server.answer = lambda _: reply()
    judge(server).score(REPORTS[:3], REFERENCES[:3])
    metric = judge(server, other)
    metric.score(REPORTS[:3], REFERENCES[:3])
    assert len(server.requests) == 6
    assert metric.signature != judge(server).signature


def test_equal_pairs_are_asked_once(server):
    server.answer = lambda _: reply()
    judge(server).score(["Clear."] * 20, [["Clear."]] * 20)
    assert len(server.requests) == 1


def test_the_best_of_several_references_counts(server):
    server.answer = lambda request: reply(errors=[] if "Second" in said(request) else [error()])
    result = judge(server).score(["Text."], [["First.", "Second.", "Third."]])
    assert result.values["Report-judge-score"] == 100
    assert result.values["Report-judge-tokens"] == 330


def test_silence_scores_nothing(server):
    server.answer = lambda _: reply(matched=())  # what a judge says of a normal reference
    result = judge(server).score(["", "  \n", "Clear.", "", "Clear."], [["Clear."], ["Clear."], [""], [""], ["Clear."]])
    assert result.samples["Report-judge-score"] == [0, 0, 0, 100, 100]
    assert len(server.requests) == 4  # the two blank texts differ; two blank reports are not judged


def test_a_report_of_ten_thousand_tokens_is_sent_whole_or_refused_by_name(server):
    long = "Unchanged effusion. " * 4_000
    server.answer = lambda _: reply()
    judge(server).score([long], REFERENCES[:1])
    assert long in said(server.requests[0])
    server.faults = [refuse(400, "maximum context length is 4096 tokens")]
    result = judge(server, "concurrency=1").score([long + "!", *REPORTS[:3]], REFERENCES[:4])
    assert result.values["Report-judge-unparsed"] == 25
    assert "maximum context length" in result.details["unparsed"]["examples"][0]


def test_texts_that_no_request_can_hold_are_counted(server):
    server.answer = lambda _: reply()
    result = judge(server).score(["\ud800", *REPORTS[:3]], REFERENCES[:4])
    assert result.values["Report-judge-unparsed"] == 25


def test_repeats_show_the_judges_own_noise(server):
    def answer(request):
        nth = sum(said(one) == said(request) for one in server.requests)
        return reply(errors=[error()] if nth == 2 and "case 0." in said(request) else [])

    server.answer = answer
    metric = judge(server, "repeats=3")
    result = metric.score(REPORTS[:4], REFERENCES[:4])
    assert len(server.requests) == 12
    per_repeat = [100.0, 87.5, 100.0]
    assert result.values["Report-judge-score"] == pytest.approx(np.mean(per_repeat))
    assert result.values["Report-judge-repeat-sd"] == pytest.approx(np.std(per_repeat, ddof=1))
    assert result.values["Report-judge-changed"] == 25
    order = [said(request) for request in server.requests]
    assert order[4:8] != order[:4] or order[8:] != order[:4]
    assert {request["seed"] for request in server.requests} == {42}  # greedy: the same question each time


def test_sampled_repeats_have_seeds_of_their_own(server):
    server.answer = lambda _: reply()
    judge(server, "repeats=3", "temperature=0.7").score(REPORTS[:1], REFERENCES[:1])
    assert [request["seed"] for request in server.requests] == [42, 43, 44]


def test_stored_statistics_give_the_values_without_a_judge(server):
    server.answer = lambda request: "?" if "case 2." in said(request) else reply(errors=[error()])
    metric = judge(server, "repeats=2", "price_in=1", "price_out=10")
    result = metric.score(REPORTS[:5], REFERENCES[:5])
    matrix = result.statistics.per_sample_NS
    values = reduction_of(metric)(matrix.sum(axis=0, keepdims=True), np.array([5.0]))[0]
    assert values == pytest.approx(list(result.values.values()))
    assert [key.name for key in metric.keys] == list(result.values)
    assert result.values["Report-judge-cost"] == pytest.approx(100 * 2 * (100 * 1 + 10 * 10) / 1e6)


def test_tokens_that_the_server_does_not_count_are_unknown_not_0(server):
    server.always = completion(choices=[{"message": {"content": reply()}}], usage={})
    result = judge(server, "price_in=1").score(REPORTS[:2], REFERENCES[:2])
    assert result.values["Report-judge-score"] == 100
    assert np.isnan([result.values["Report-judge-tokens"], result.values["Report-judge-cost"]]).all()


def test_no_reference_point_asks_a_judge(server):
    points = reference_points([judge(server), make_metric("rouge_l")], REFERENCES[:3])
    assert server.requests == []
    assert all(set(point.scores) == {"ROUGE-L"} for point in points)


def test_a_judge_as_a_reward(server):
    server.answer = lambda request: reply(errors=[error()] if "left" in said(request).split("Candidate")[1] else [])
    rewarded = reward(f"report_judge[base_url={server.url},model=tiny]")
    assert rewarded(["Left effusion left.", "Right effusion."], ground_truth=["Right effusion."] * 2) == [50.0, 100.0]


@pytest.mark.parametrize(
    "refusals",
    [
        [refuse(400, "json_schema is unsupported"), refuse(400, "unknown key 'schema'"), refuse(400, "no json_object")],
        # llama-cpp-python says 500 where FastAPI's validation fails
        [refuse(500, "1 validation error: {'loc': ('body', 'response_format', 'type')}")] * 3,
    ],
)
def test_a_server_without_structured_output_is_asked_without(server, refusals):
    server.answer = lambda _: reply()
    server.faults = list(refusals)
    result = judge(server, "concurrency=1").score(REPORTS[:3], REFERENCES[:3])
    assert result.values["Report-judge-unparsed"] == 0
    assert len(server.requests) == 6
    kinds = [request.get("response_format", {}) for request in server.requests]
    assert [kind.get("type") for kind in kinds] == ["json_schema", "json_object", "json_object", None, None, None]
    assert [set(kind) for kind in kinds[1:3]] == [{"type", "schema"}, {"type"}]
    assert result.details["structured_output"] == []


def test_a_server_that_takes_a_schema_in_another_place_gets_it_there(server):
    server.answer, server.faults = (lambda _: reply()), [refuse(400, "response_format.type must be json_object")]
    result = judge(server, "concurrency=1").score(REPORTS[:3], REFERENCES[:3])
    assert server.requests[-1]["response_format"]["schema"]["required"] == ["matched", "errors"]
    assert result.details["structured_output"] == ["json_object with schema"]


def test_a_server_with_another_name_for_the_limit_is_asked_by_that(server):
    server.answer = lambda _: reply()
    server.faults = [refuse(400, "Unsupported parameter: use 'max_completion_tokens' instead")]
    judge(server, "concurrency=1", "max_tokens=99").score(REPORTS[:2], REFERENCES[:2])
    assert [request.get("max_completion_tokens") for request in server.requests] == [None, 99, 99]


def test_the_key_goes_to_the_server_and_nowhere_else(server, monkeypatch, tmp_path, capfd):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-0001")
    server.answer = lambda _: reply(matched=["sk-very-secret-0001"])
    metric = judge(server)
    result = metric.score(REPORTS[:2], REFERENCES[:2])
    assert set(server.keys) == {"Bearer sk-very-secret-0001"}
    kept = b"".join(path.read_bytes() for path in (tmp_path / "cache").rglob("*") if path.is_file())
    written = f"{metric.signature} {result} {metric!r} {capfd.readouterr()}"
    assert b"sk-very" not in kept
    assert "sk-very" not in written


def test_a_wrong_key_is_said_once(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong-key-0001")
    server.always = refuse(401, "bad key sk-wrong-key-0001")
    with pytest.raises(ModelError, match="refuses the key") as caught:
        judge(server).score(REPORTS, REFERENCES)
    assert "sk-wrong" not in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://host/v1", "http://name:key@host/v1", "http://host/v1?key=1"])
def test_an_address_that_cannot_be_used(url):
    with pytest.raises(ModelError):
        make_metric(f"report_judge[base_url={url},model=m]").score(["a"], [["b"]])


def test_much_is_asked_only_with_leave(server, capfd):
    server.answer = lambda _: reply()
    refused = judge(server, "ask_above=11")
    for _ in range(2):  # a refusal is no leave for the next time
        with pytest.raises(InputError, match="ask_above=12"):
            refused.score(REPORTS, REFERENCES)
    assert server.requests == []
    judge(server, "ask_above=12", "price_in=2", "price_out=8").score(REPORTS, REFERENCES)
    said_first = capfd.readouterr().err
    assert "12 questions to tiny" in said_first
    assert "at your prices" in said_first


def test_a_judge_runs_only_when_named():
    chosen = choose_metrics("all")
    assert {"report_judge", "crimson"} <= {entry["metric"] for entry in chosen.unavailable}
    with pytest.raises(MetricUnavailableError, match=r"base_url=URL,model=NAME"):
        choose_metrics("report_judge")


def test_a_base_url_in_the_environment_does_not_choose_a_judge(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert make_metric("report_judge").missing() is not None


def test_judgements_can_be_given_away_without_the_texts(server):
    server.answer = lambda _: reply(["secret finding"])
    judge(server).score(REPORTS[:2], REFERENCES[:2])
    rows = list(Judgements().rows(texts=False))
    assert len(rows) == 2
    assert "secret" not in json.dumps(rows)
    assert {row["model"] for row in rows} == {"tiny"}
    assert "secret finding" in next(Judgements().rows())["reply"]


def test_a_damaged_cache_is_one_line(server, tmp_path):
    path = tmp_path / "cache" / "judgements" / "judgements.sqlite3"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database " * 1000)
    with pytest.raises(StorageError, match="move the file away"):
        judge(server).score(REPORTS[:1], REFERENCES[:1])
