"""RadFact (logical): is each phrase of one report entailed by the other?

A judge splits both reports into phrases, then says of each phrase whether the other report's phrases entail it.
Precision is the entailed share of the prediction's phrases, recall that of the reference's. The corpus values are the
means over reports, F1 is the F1 of the two means. A report without phrases counts 0 on its side, and is among `remarks`
in the details (the original RadFact leaves such reports out of its means).

Requests and their reading are those of the installed package `radfact-lite` 0.2.0 with its prompts for reports in
general, which is called for them. An entailment that cannot be read counts as none, as in the package, and is in
`RadFact-unread-phrases`; a report whose phrases cannot be read makes the pair unread.

Source: Bannur et al. 2024 (arXiv 2406.04449); the package radfact-lite 0.2.0 (MIT).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from typing import Any, ClassVar

import numpy as np

from benchmarks.errors import UnreadableReplyError
from benchmarks.packages import installed_version
from libra_bench.metrics.judges.judge_metric import JudgeMetric
from libra_bench.metrics.judges.questions import Outcome, Question, prompt_hash
from libra_bench.metrics.judges.replies import MAX_COUNT, json_in
from libra_bench.metrics.judges.verdicts import Judged, Verdict
from libra_bench.metrics.metric import Floats, Key, Missing, ratio
from libra_bench.metrics.statements.sentences import sentences

RELEASE = "0.2.0"
NOTHING_SAID: Mapping[str, Any] = {"sentence_list": [], "phrase": "", "status": "", "evidence": []}
ENTAILED, NOT_ENTAILED = "entailment", "not_entailment"


@dataclass(frozen=True, slots=True)
class _Side:
    """The entailments of one report's phrases."""

    entailed: int
    unread: int
    total: int

    @property
    def share(self) -> float:
        return self.entailed / self.total if self.total else 0.0


@dataclass(frozen=True)
class RadFact(JudgeMetric):
    """Logical precision, recall and F1."""

    id: ClassVar[str] = "radfact"
    summary: ClassVar[str] = "RadFact: phrases of one report that the other one entails, by a language model"
    needs: ClassVar[str] = "the package radfact-lite; a judge: a server (base_url, model) or a checkpoint"
    prefix: ClassVar[str] = "RadFact"
    score_keys: ClassVar = (Key("RadFact-precision"), Key("RadFact-recall"), Key("RadFact-F1"))
    count_names: ClassVar = ("unread-phrases",)
    both_blank: ClassVar[Verdict] = Verdict((0.0, 0.0), (0.0,))

    @property
    def implementation(self) -> str:
        """The package."""
        return f"radfact-lite-{installed_version('radfact-lite') or 'missing'}"

    @property
    def prompt_digest(self) -> str:
        """Hash of both requests of the package, without the reports."""
        return prompt_hash([{"parts": " ".join(self._prompts)}], None)

    @cached_property
    def _prompts(self) -> tuple[str, str]:
        """Hashes of the two requests."""
        split, entail = _split_request("<report>"), _entailment_request("<hypothesis>", ["<reference>"])
        return prompt_hash(*split), prompt_hash(*entail)

    def prompt_missing(self) -> Missing | None:
        """Whether the package is here, in the version that this was written for."""
        found = installed_version("radfact-lite")
        hint = f"pip install radfact-lite=={RELEASE}"
        if found != RELEASE or find_spec("radfact_lite") is None:
            reason = f"radfact-lite {found} is installed" if found else "the package radfact-lite is not installed"
            return Missing(f"{reason}, which has its prompts", hint)
        if find_spec("openai") is None:
            return Missing("the package openai, which radfact-lite imports, is not installed", hint)
        return None

    def final(self, scores_RM: Floats) -> Floats:
        """Precision, recall, and the F1 of the two."""
        product_R1 = scores_RM[:, :1] * scores_RM[:, 1:]
        f1_R1 = np.nan_to_num(ratio(2 * product_R1, scores_RM.sum(axis=1, keepdims=True)), nan=0.0)
        return np.column_stack([scores_RM, f1_R1])

    def question(self, prediction: str, reference: str) -> Question[Verdict]:
        """There is no single question; see `judge_pairs`."""
        raise NotImplementedError

    def planned(self, pairs: Sequence[tuple[str, str]]) -> tuple[list[Question[Any]], int]:
        """The reports are split; then each sentence of both is expected to be a phrase."""
        texts = list(dict.fromkeys(text for pair in pairs for text in pair if text.strip()))
        length = {text: len(list(sentences(text))) for text in texts}
        both = [pair for pair in pairs if all(text.strip() for text in pair)]
        return [self._split(text) for text in texts], sum(length[text] for pair in both for text in pair)

    def judge_pairs(self, pairs: Sequence[tuple[str, str]], repeat: int) -> list[Judged]:
        """Split the reports, then ask for each phrase."""
        texts = list(dict.fromkeys(text for pair in pairs for text in pair if text.strip()))
        split = dict(zip(texts, self.judge.ask([self._split(text) for text in texts], repeat), strict=True))
        wanted = list(dict.fromkeys(q for pair in pairs for side in _hypotheses(pair, split) for q in side))
        asked = self.judge.ask([self._entailment(*each) for each in wanted], repeat) if wanted else []
        entailed = dict(zip(wanted, asked, strict=True))
        return [self._pair(pair, split, entailed) for pair in pairs]

    def _pair(
        self,
        pair: tuple[str, str],
        split: Mapping[str, Outcome[list[str]]],
        entailed: Mapping[tuple[str, tuple[str, ...]], Outcome[bool]],
    ) -> Judged:
        own = [split[text] for text in pair if text in split]
        if failure := next((outcome.failure for outcome in own if outcome.failure is not None), None):
            return self.judged(own, None, failure)
        phrases = [split[text].verdict or [] if text in split else [] for text in pair]
        hypotheses = _hypotheses(pair, split)
        sides = [
            _Side(
                sum(bool(entailed[each].verdict) for each in asked),
                sum(entailed[each].verdict is None for each in asked),
                len(said),
            )
            for said, asked in zip(phrases, hypotheses, strict=True)
        ]
        names = ("prediction", "reference")
        remarks = tuple(f"no phrase in the {name}" for name, side in zip(names, sides, strict=True) if not side.total)
        scores = (sides[0].share, sides[1].share)
        verdict = Verdict(scores, (float(sum(side.unread for side in sides)),), remarks)
        return self.judged([*own, *(entailed[each] for asked in hypotheses for each in asked)], verdict, None)

    def _split(self, text: str) -> Question[list[str]]:
        messages, response_format = _split_request(text)
        return Question(tuple(messages), self._prompts[0], (text,), _phrases, response_format)

    def _entailment(self, phrase: str, others: Sequence[str]) -> Question[bool]:
        messages, response_format = _entailment_request(phrase, others)
        return Question(tuple(messages), self._prompts[1], (phrase, *others), _is_entailed, response_format)


def _hypotheses(
    pair: tuple[str, str], split: Mapping[str, Outcome[list[str]]]
) -> tuple[list[tuple[str, tuple[str, ...]]], list[tuple[str, tuple[str, ...]]]]:
    """(phrase, phrases of the other report) to ask about: of the prediction, of the reference.

    None where the other report has no phrase (nothing entails it), or where one cannot be read.
    """
    found = [split[text].verdict if text in split else [] for text in pair]
    if found[0] is None or found[1] is None:
        return [], []
    said, true = tuple(found[0]), tuple(found[1])
    return [(phrase, true) for phrase in said if true], [(phrase, said) for phrase in true if said]


class _Client:
    """Replaces the package's client: keeps what it would send, and replies what it is given."""

    def __init__(self, reply: Mapping[str, Any] = NOTHING_SAID) -> None:
        self.reply = reply
        self.messages: list[dict[str, str]] = []
        self.response_format: Mapping[str, Any] | None = None

    def complete_json(self, messages: Sequence[Any], response_format: Mapping[str, Any]) -> Mapping[str, Any]:
        self.messages = [{"role": message.role, "content": message.content} for message in messages]
        self.response_format = response_format
        return self.reply


Request = tuple[list[dict[str, str]], Mapping[str, Any] | None]


def _call_split(client: _Client, report: str) -> list[str]:
    from radfact_lite.phrase_parser import parse_report_to_phrases
    from radfact_lite.rf_types import ReportType

    phrases: list[str] = parse_report_to_phrases(client, report, ReportType.GENERAL)
    return phrases


def _call_entailment(client: _Client, phrase: str, others: Sequence[str]) -> str:
    from radfact_lite.entailment import assess_entailment
    from radfact_lite.rf_types import ReportType

    return str(assess_entailment(client, list(others), phrase, ReportType.GENERAL).status)


def _split_request(report: str) -> Request:
    client = _Client()
    _call_split(client, report)
    return client.messages, client.response_format


def _entailment_request(phrase: str, others: Sequence[str]) -> Request:
    client = _Client()
    _call_entailment(client, phrase, others)
    return client.messages, client.response_format


def _phrases(reply: str) -> list[str]:
    content = json_in(reply)
    found: list[str] = _read(lambda: _call_split(_Client(content), ""), "sentence_list")
    if len(found) > MAX_COUNT:
        raise UnreadableReplyError(f"the reply lists more than {MAX_COUNT:,} phrases")
    return found


def _is_entailed(reply: str) -> bool:
    content = json_in(reply)
    status: str = _read(lambda: _call_entailment(_Client({**NOTHING_SAID, **content}), "", []), "status")
    if status not in (ENTAILED, NOT_ENTAILED):
        raise UnreadableReplyError(f"status is neither {ENTAILED} nor {NOT_ENTAILED}")
    return status == ENTAILED


def _read(call: Callable[[], Any], part: str) -> Any:
    """What the package makes of a reply.

    Raises:
        UnreadableReplyError: it fails on it.
    """
    try:
        return call()
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UnreadableReplyError(f"{part} is missing or of another shape ({type(error).__name__})") from error
