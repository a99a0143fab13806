"""RadFact against radfact-lite's own pipeline, on canned replies."""

from __future__ import annotations

import json
from typing import ClassVar

import pytest

from libra_bench.metrics.registry import make_metric

pipeline = pytest.importorskip("radfact_lite.pipeline", reason="radfact-lite is not installed")
from radfact_lite.rf_types import ReportType  # noqa: E402

PREDICTIONS = ["Small effusion. No edema.", "Clear lungs.", "A. B. C. A.", "Normal."]
REFERENCES = ["Small effusion. Edema.", "Clear lungs. Normal heart.", "B. D.", "Normal."]


def phrases(text):
    return [part.strip() + "." for part in text.split(".") if part.strip()]


def answer(content):
    """A judge that splits at full stops, and takes only equal phrases for entailed."""
    try:
        query = json.loads(content)
    except ValueError:
        return {"sentence_list": [{"orig": content, "new": phrases(content)}]}
    status = "entailment" if query["hypothesis"] in query["reference"] else "not_entailment"
    return {"phrase": query["hypothesis"], "status": status, "evidence": []}


def say(request):
    return json.dumps(answer(request["messages"][-1]["content"]))


class Client:
    def complete_json(self, messages, response_format):
        return answer(messages[-1].content)


def metric(server, *more):
    return make_metric(f"radfact[{','.join([f'base_url={server.url}', 'model=tiny', *more])}]")


def test_values_are_the_packages(server):
    server.answer = say
    theirs = pipeline.RadFactLitePipeline.__new__(pipeline.RadFactLitePipeline)
    theirs.report_type = ReportType.GENERAL
    theirs._parse_client = theirs._entailment_client = Client()
    numbered = [dict(enumerate(texts)) for texts in (PREDICTIONS, REFERENCES)]
    aggregate, samples = theirs.compute_radfact(*numbered)
    result = metric(server).score(PREDICTIONS, [[text] for text in REFERENCES])
    assert result.values["RadFact-precision"] == pytest.approx(100 * aggregate.logical_precision, abs=1e-9)
    assert result.values["RadFact-recall"] == pytest.approx(100 * aggregate.logical_recall, abs=1e-9)
    assert result.values["RadFact-F1"] == pytest.approx(100 * aggregate.logical_f1, abs=1e-9)
    assert result.samples["RadFact-F1"] == pytest.approx([100 * sample.logical_f1 for sample in samples])
    assert result.samples["RadFact-F1"][2] == pytest.approx(100 * 2 * 0.25 * 0.5 / 0.75)


def test_requests_are_the_packages(server):
    class Recorder(Client):
        requests: ClassVar[list] = []

        def complete_json(self, messages, response_format):
            self.requests.append(([{"role": m.role, "content": m.content} for m in messages], response_format))
            return super().complete_json(messages, response_format)

    server.answer = say
    metric(server, "concurrency=1").score(["A. B."], [["A."]])
    theirs = pipeline.RadFactLitePipeline.__new__(pipeline.RadFactLitePipeline)
    theirs.report_type = ReportType.GENERAL
    theirs._parse_client = theirs._entailment_client = Recorder()
    theirs.compute_radfact({1: "A. B."}, {1: "A."})
    ours = [(request["messages"], request["response_format"]) for request in server.requests]
    assert sorted(map(str, ours)) == sorted(map(str, Recorder.requests))


def test_an_entailment_that_cannot_be_read_is_none_and_counted(server):
    def odd(request):
        content = request["messages"][-1]["content"]
        return (
            '{"status": "perhaps", "phrase": "", "evidence": []}' if '"hypothesis": "A."' in content else say(request)
        )

    server.answer = odd
    result = metric(server).score(["A. B."], [["B. A."]])
    assert result.values["RadFact-precision"] == 50
    assert result.values["RadFact-unread-phrases"] == 200
    assert result.values["RadFact-unparsed"] == 0


def test_a_report_that_cannot_be_split_makes_the_pair_unread(server):
    server.answer = lambda request: "no JSON" if request["messages"][-1]["content"] == "Bad." else say(request)
    result = metric(server).score(["Bad.", "A."], [["A."], ["A."]])
    assert result.values["RadFact-unparsed"] == 50
    assert result.values["RadFact-F1"] == pytest.approx(50)


def test_empty_reports_and_reports_without_phrases(server):
    server.answer = lambda request: (
        '{"sentence_list": []}' if request["messages"][-1]["content"] == "Thanks." else say(request)
    )
    result = metric(server).score(["", "A.", "", "Thanks."], [["A."], [""], [""], ["A."]])
    assert result.values["RadFact-F1"] == 0
    assert result.values["RadFact-unparsed"] == 0
    assert result.details["remarks"]["no phrase in the prediction"] == 2
    assert len(server.requests) == 2  # one split each: nothing can be entailed by nothing


@pytest.mark.parametrize("reply", ['{"sentence_list": 3}', '{"sentences": []}', '{"sentence_list": [{"new": [1]}]}'])
def test_lists_of_another_shape(server, reply):
    server.answer = lambda request: reply if request["messages"][-1]["content"] == "Bad." else say(request)
    result = metric(server).score(["Bad.", "A."], [["A."], ["A."]])
    assert "sentence_list" in result.details["unparsed"]["examples"][0]
