"""GREEN: matched findings, and clinically significant errors of six categories, as a language model lists them.

    score = 100 x matched / (matched + significant errors), 0 where nothing is matched

The prompt is not part of this package: give it as a file with `{reference}` and `{candidate}` where the reports go.
Both reports are cut to 300 words, replies to 2,048 tokens, as GREEN does. Its checkpoint
(StanfordAIMI/GREEN-RadLlama2-7b) can be loaded (`checkpoint=`) or served; where it brings no chat template, prompts are
worded as GREEN does: `<|user|>`, the prompt and the end token, then `<|assistant|>`, each on a line. Counts are read as
GREEN reads them: the number between ": " and "." of each line "(a)" to "(f)" (or "(1)" to "(6)") up to the first blank
line, and the number that [Matched Findings] begins with. One rule differs: a reply without these two sections, or
without a number of matched findings, is unread (GREEN counts 0 matched findings in it).

Source: Ostmeier et al. 2024 (arXiv 2405.03595), the repository Stanford-AIMI/GREEN.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_types import Ge, Le

from benchmarks.errors import InputError, UnreadableReplyError
from libra_bench.metrics.error_counts import CATEGORIES
from libra_bench.metrics.judges.judge_metric import JudgeMetric
from libra_bench.metrics.judges.parameters import JUDGE, SERVER
from libra_bench.metrics.judges.questions import Question, prompt_hash
from libra_bench.metrics.judges.replies import MAX_COUNT, answer_in
from libra_bench.metrics.judges.verdicts import Verdict
from libra_bench.metrics.metric import WITHOUT_EFFECT, Key, Missing

REFERENCE, CANDIDATE = "{reference}", "{candidate}"
SIGNIFICANT, INSIGNIFICANT, MATCHED = (
    "Clinically Significant Errors", "Clinically Insignificant Errors", "Matched Findings",
)  # fmt: skip
CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>\n{{ message['content'] }}{{ eos_token }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
_MARKS = re.compile(f"{re.escape(REFERENCE)}|{re.escape(CANDIDATE)}")
_LINE = re.compile(r"\(([a-f])\) .*")
_NUMBERED_LINE = re.compile(r"\(([1-6])\) .*")
_COUNT = re.compile(r"(?<=: )\d+(?=\.)")
_LEADING_COUNT = re.compile(r"\d+(?=\.)")


@dataclass(frozen=True)
class Green(JudgeMetric):
    """GREEN, and its errors per 100 reports."""

    prompt: str | None = field(default=None, metadata=WITHOUT_EFFECT)
    """A text file with {reference} and {candidate}; its content is in the signature."""
    max_words: Annotated[int, Ge(1)] | None = 300
    """Of each report; None: whole reports."""
    max_tokens: Annotated[int, Ge(1), Le(1_000_000)] = 2048
    """Of a reply."""

    id: ClassVar[str] = "green"
    summary: ClassVar[str] = "GREEN: matched findings and significant errors, as a language model lists them"
    needs: ClassVar[str] = "GREEN's prompt as a file; a judge: a server (base_url, model) or a checkpoint"
    prefix: ClassVar[str] = "GREEN"
    chat_template: ClassVar[str | None] = CHAT_TEMPLATE
    score_keys: ClassVar = (Key("GREEN"),)
    count_names: ClassVar = (*CATEGORIES, "insignificant")
    both_blank: ClassVar[Verdict] = Verdict((0.0,), (0.0,) * (len(CATEGORIES) + 1))

    @property
    def implementation(self) -> str:
        """Ours, after theirs."""
        return "libra-bench"

    @property
    def prompt_digest(self) -> str:
        """Hash of the file's content.

        Raises:
            InputError: it cannot be used.
        """
        return prompt_hash([{"role": "user", "content": self._template}], None)

    @cached_property
    def _template(self) -> str:
        try:
            text = Path(self.prompt or "").expanduser().read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise InputError(f"the prompt cannot be read ({error})", where=f"green, {self.prompt}") from error
        if sorted(_MARKS.findall(text)) != sorted([REFERENCE, CANDIDATE]):
            raise InputError(
                f"the prompt needs {REFERENCE} and {CANDIDATE} where the reports go, once each",
                where=f"green, {self.prompt}",
            )
        return text

    def prompt_missing(self) -> Missing | None:
        """Whether a file is given.

        Raises:
            InputError: it cannot be used.
        """
        if self.prompt is None:
            return Missing("no prompt is given", f"pass prompt=FILE,{JUDGE} of {SERVER}", f"prompt=FILE,{JUDGE}")
        if not Path(self.prompt).expanduser().is_file():
            return Missing(f"{self.prompt} is not a file", f"give GREEN's prompt, with {REFERENCE} and {CANDIDATE}")
        _ = self._template
        return None

    def question(self, prediction: str, reference: str) -> Question[Verdict]:
        """The prompt with both reports in it."""
        texts = {CANDIDATE: self._cut(prediction), REFERENCE: self._cut(reference)}
        filled = _MARKS.sub(lambda mark: texts[mark.group()], self._template)
        message = {"role": "user", "content": filled}
        return Question((message,), self.prompt_digest, (texts[CANDIDATE], texts[REFERENCE]), read_verdict)

    def _cut(self, report: str) -> str:
        """The first words of a report; runs of white space become one space, as GREEN does."""
        return report if self.max_words is None else " ".join(report.split()[: self.max_words])


def read_verdict(reply: str) -> Verdict:
    """GREEN, its six counts and the number of insignificant errors.

    Raises:
        UnreadableReplyError: a section or the number of matched findings is missing.
    """
    said = answer_in(reply)
    significant, matched_part = _section(said, SIGNIFICANT), _section(said, MATCHED)
    for name, part in ((SIGNIFICANT, significant), (MATCHED, matched_part)):
        if part is None:
            raise UnreadableReplyError(f"the reply has no section [{name}]")
    errors = _errors(significant or "")
    matched = _matched(matched_part or "")
    score = matched / (matched + sum(errors)) if matched else 0.0
    return Verdict((score,), (*map(float, errors), float(sum(_errors(_section(said, INSIGNIFICANT) or "")))))


def _section(text: str, name: str) -> str | None:
    """The text below a heading, up to the first blank line; None: there is no such heading."""
    found = re.search(rf"\[{re.escape(name)}\]:\s*(.*?)(?:\n\s*\n|\Z)", text, re.DOTALL)
    return found.group(1) if found else None


def _errors(section: str) -> list[int]:
    """The six counts; the last line of a category counts, as in GREEN's sorted lines."""
    counts = [0] * len(CATEGORIES)
    if section.startswith("No"):
        return counts
    letters = "abcdef" if _LINE.search(section) else "123456"
    lines = _LINE if letters == "abcdef" else _NUMBERED_LINE
    for line in sorted(lines.finditer(section), key=lambda line: line.group()):
        if found := _COUNT.search(line.group()):
            counts[letters.index(line.group(1))] = _bounded(found.group())
    return counts


def _matched(section: str) -> int:
    if section.startswith("No"):
        return 0
    found = _LEADING_COUNT.match(section)
    if found is None:
        raise UnreadableReplyError(f"[{MATCHED}] begins with no number")
    return _bounded(found.group())


def _bounded(digits: str) -> int:
    """A count.

    Raises:
        UnreadableReplyError: it is absurd.
    """
    if len(digits) > len(str(MAX_COUNT)) or int(digits) > MAX_COUNT:
        raise UnreadableReplyError(f"a count is above {MAX_COUNT:,}")
    return int(digits)
