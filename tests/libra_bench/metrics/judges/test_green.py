"""GREEN: its prompt comes from a file, its replies are read as its own program reads them."""

from __future__ import annotations

import pytest
from every_case import every_case

from benchmarks.errors import InputError, MetricUnavailableError, UnreadableReplyError
from libra_bench.metrics.choice import choose_metrics
from libra_bench.metrics.green import read_verdict
from libra_bench.metrics.registry import make_metric

REPLY = """\
[Explanation]:
The candidate is partly right.

[Clinically Significant Errors]:
(a) False report of a finding in the candidate: 2. A nodule; a line
(b) Missing a finding present in the reference: 1. Effusion
(c) Misidentification of a finding's anatomic location/position: 0.
(e) Mentioning a comparison that isn't in the reference: 1. Stable

[Clinically Insignificant Errors]:
(d) Misassessment of the severity of a finding: 3. mild; small; large

[Matched Findings]:
4. Cardiomegaly; edema; a tube; a line
"""


@pytest.fixture
def prompt(tmp_path):
    path = tmp_path / "prompt.txt"
    path.write_text("Compare.\nR: {reference}\nC: {candidate}\n")
    return path


def metric(server, prompt, *more):
    return make_metric(f"green[{','.join([f'base_url={server.url}', 'model=tiny', f'prompt={prompt}', *more])}]")


def test_a_reply_worked_by_hand():
    verdict = read_verdict(REPLY)
    assert verdict.scores == (4 / (4 + 4),)
    assert verdict.counts == (2, 1, 0, 0, 1, 0, 3)


@pytest.mark.parametrize(
    ("significant", "matched", "score", "counts"),
    [
        ("No significant errors.", "2. A; B", 1.0, [0] * 6),
        ("(1) False: 1. A\n(6) Omitting: 2. B; C", "1. A", 0.25, [1, 0, 0, 0, 0, 2]),
        ("(a) False: 1. A", "No matched findings", 0.0, [1, 0, 0, 0, 0, 0]),
        ("(a) False: none\n(b) Missing: 3. A", "3. A", 0.5, [0, 3, 0, 0, 0, 0]),
        ("(b) Missing: 1. A\n\n(c) Location: 5. B", "1. A", 0.5, [0, 1, 0, 0, 0, 0]),  # GREEN stops at a blank line
    ],
)
def test_forms_of_replies(significant, matched, score, counts):
    verdict = read_verdict(f"[Clinically Significant Errors]:\n{significant}\n\n[Matched Findings]:\n{matched}")
    assert verdict.scores == (score,)
    assert list(verdict.counts[:6]) == counts


@every_case(
    "reply",
    [
        "The reports agree.",
        "[Matched Findings]:\n2. A; B",
        "[Clinically Significant Errors]:\nNo errors",
        "[Clinically Significant Errors]:\nNone\n\n[Matched Findings]:\nedema",
        "[Clinically Significant Errors]:\nNone\n\n[Matched Findings]:\n99999999999999999999. edema",
        "[Clinically Significant Errors]:\n(a) False: 1001. x\n\n[Matched Findings]:\n1. edema",
        "",
    ],
)
def test_what_cannot_be_read(reply):
    with pytest.raises(UnreadableReplyError):
        read_verdict(reply)


def test_columns_and_request(server, prompt):
    server.answer = lambda _: REPLY
    result = metric(server, prompt).score(["{reference} said."], [["word " * 400]])
    assert result.values["GREEN"] == 50
    assert result.values["GREEN-false-finding"] == 200
    assert result.values["GREEN-insignificant"] == 300
    (request,) = server.requests
    truncated = " ".join(["word"] * 300)
    assert request["messages"] == [{"role": "user", "content": f"Compare.\nR: {truncated}\nC: {{reference}} said.\n"}]
    assert request["max_tokens"] == 2048
    assert "response_format" not in request


def test_the_prompt_is_in_the_signature_by_content_not_by_place(server, prompt, tmp_path):
    before = metric(server, prompt).signature
    moved = tmp_path / "elsewhere.txt"
    moved.write_text(prompt.read_text())
    assert metric(server, moved).signature == before
    moved.write_text(prompt.read_text() + "!")
    assert metric(server, moved).signature != before
    assert str(tmp_path) not in before


def test_without_a_prompt_it_says_what_to_give(server, prompt, tmp_path):
    with pytest.raises(MetricUnavailableError, match="prompt=FILE"):
        choose_metrics(f"green[base_url={server.url},model=tiny]")
    with pytest.raises(MetricUnavailableError, match="is not a file"):
        choose_metrics(f"green[prompt={tmp_path / 'none.txt'},base_url={server.url},model=tiny]")
    prompt.write_text("Only {reference}.")
    with pytest.raises(InputError, match=r"needs \{reference\} and \{candidate\}"):
        choose_metrics(f"green[prompt={prompt},base_url={server.url},model=tiny]")
