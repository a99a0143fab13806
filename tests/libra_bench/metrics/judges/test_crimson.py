"""CRIMSON against its own package, on canned replies."""

from __future__ import annotations

import json
import random
import sys
from importlib.metadata import PackageNotFoundError

import pytest

from benchmarks.errors import UnreadableReplyError
from libra_bench.metrics import crimson as crimson_module
from libra_bench.metrics.registry import make_metric

package = pytest.importorskip("CRIMSON.generate_score", reason="crimson-score is not installed")
LEVELS = ["urgent", "actionable_not_urgent", "not_actionable_not_urgent", "benign_expected", "unheard of"]
KINDS = [
    "location",
    "severity",
    "descriptor",
    "measurement",
    "certainty",
    "unspecific",
    "overinterpretation",
    "temporal",
]


def evaluation(*, reference=(), predicted=(), matched=(), false=(), missing=(), attributes=()):
    return {
        "reference_findings": [{"id": f"R{i}", "finding": "x", "clinical_significance": s} for i, s in reference],
        "predicted_findings": [{"id": f"P{i}", "finding": "x", "clinical_significance": s} for i, s in predicted],
        "matched_findings": [{"ref_id": f"R{r}", "pred_id": f"P{p}"} for r, p in matched],
        "errors": {
            "false_findings": [f"P{i}" for i in false],
            "missing_findings": [f"R{i}" for i in missing],
            "attribute_errors": [
                {"ref_id": f"R{r}", "pred_id": f"P{p}", "severity": s, "error_types": kinds, "explanation": "y"}
                for r, p, s, kinds in attributes
            ],
        },
    }


def random_evaluation(generator):
    reference = [(i, generator.choice(LEVELS)) for i in range(generator.randrange(5))]
    predicted = [(i, generator.choice(LEVELS)) for i in range(generator.randrange(5))]
    some = [(r, p) for r, _ in reference for p, _ in predicted if generator.random() < 0.3]
    return evaluation(
        reference=reference,
        predicted=predicted,
        matched=some,
        false=[i for i, _ in predicted if generator.random() < 0.4],
        missing=[i for i, _ in reference if generator.random() < 0.4],
        attributes=[
            (
                *generator.choice(some),
                generator.choice(["significant", "negligible", "odd"]),
                generator.sample(KINDS, 2),
            )
            for _ in range(generator.randrange(4))
            if some
        ],
    )


def test_scores_and_counts_are_the_packages_on_a_thousand_replies():
    generator, scorer = random.Random(1), crimson_module._scorer()
    unrounded = 0
    for _ in range(1000):
        content = random_evaluation(generator)
        theirs = scorer._calculate_crimson(content)
        ours = crimson_module._verdict(json.dumps(content))
        assert round(ours.scores[0], 4) == theirs["crimson_score"]
        assert list(ours.counts) == list(theirs["error_counts"].values())
        unrounded += ours.scores[0] != theirs["crimson_score"]
    assert unrounded > 100


@pytest.mark.parametrize(
    ("content", "score"),
    [
        (evaluation(), 1.0),
        (evaluation(reference=[(1, "urgent")], missing=[1]), 0.0),
        (evaluation(predicted=[(1, "urgent")], false=[1]), -0.5),
        (evaluation(reference=[(1, "urgent")], predicted=[(1, "urgent")], matched=[(1, 1)]), 1.0),
        (
            evaluation(
                reference=[(1, "urgent")],
                predicted=[(1, "urgent")],
                matched=[(1, 1)],
                attributes=[(1, 1, "significant", ["location"])],
            ),
            1 / 1.5,
        ),
    ],
)
def test_worked_by_hand(content, score):
    assert crimson_module._verdict(json.dumps(content)).scores[0] == pytest.approx(score, abs=1e-12)


def test_the_request_is_the_packages(server):
    server.answer = lambda _: json.dumps(evaluation())
    make_metric(f"crimson[base_url={server.url},model=tiny]").score(["Candidate."], [["Truth."]])
    (request,) = server.requests
    prompts = sys.modules["CRIMSON.prompt_parts"]
    assert request["messages"][1]["content"] == prompts.build_prompt("Truth.", "Candidate.")
    assert request["response_format"] == {"type": "json_object"}
    assert (request["seed"], request["temperature"]) == (42, 0)


def test_its_own_model_is_asked_without_guidelines(server):
    server.answer = lambda _: json.dumps(evaluation())
    metric = make_metric(f"crimson[base_url={server.url},model=tiny,guidelines=no]")
    metric.score(["Candidate."], [["Truth."]])
    expected = sys.modules["CRIMSON.prompt_parts"].build_prompt("Truth.", "Candidate.", None, False, False, False)
    assert server.requests[0]["messages"][1]["content"] == expected
    assert metric.prompt_digest != make_metric("crimson").prompt_digest


@pytest.mark.parametrize(
    "reply", ["{}", '{"reference_findings": []}', "[]", json.dumps(evaluation() | {"errors": {"false_findings": 3}})]
)
def test_a_reply_that_lacks_parts_is_no_perfect_report(reply):
    with pytest.raises(UnreadableReplyError):
        crimson_module._verdict(reply)


def test_what_the_package_can_repair_is_read():
    broken = json.dumps(evaluation(reference=[(1, "urgent")], missing=[1])).replace(
        '"finding": "x"', '"finding": "a \\_ b"'
    )
    with pytest.raises(json.JSONDecodeError):
        json.loads(broken)
    assert crimson_module._verdict(broken).scores == (0.0,)


def test_findings_given_whole_instead_of_by_id_count():
    content = evaluation(predicted=[(1, "urgent")])
    content["errors"]["false_findings"] = [{"id": "P1", "finding": "x"}]
    assert crimson_module._verdict(json.dumps(content)).scores == (-0.5,)


def test_fewer_findings_than_asked_are_named(server):
    server.answer = lambda _: json.dumps(evaluation(reference=[(1, "urgent"), (2, "urgent")], missing=[1, 9]))
    result = make_metric(f"crimson[base_url={server.url},model=tiny]").score(["A."], [["B."]])
    assert result.details["remarks"] == {
        "a finding of the reference is neither matched nor missing": 1,
        "an id that is in no list of findings": 1,
    }


def test_without_the_package_it_says_how_to_get_it(monkeypatch):
    def version(_):
        raise PackageNotFoundError

    monkeypatch.setattr("benchmarks.packages.version", version)
    missing = make_metric("crimson[base_url=http://h/v1,model=m]").missing()
    assert missing.hint == "pip install crimson-score==0.2.0"
    assert "prompt:missing" in make_metric("crimson").signature
