"""How the published code finds the replies of a conversation: by counting the tokens of its rounds."""

from __future__ import annotations

from dataclasses import dataclass

from model_adapters.templates import Style, Template

MPT_MODES = frozenset({"mpt", "mistral_direct"})
"""Templates whose rounds the original counts the way it counts MPT's."""


@dataclass(frozen=True, slots=True)
class CountingRule:
    """How the original cuts a text into rounds (question and reply) and corrects the length of each."""

    reply_mark: str
    """Between question and reply."""
    mark: str
    """Between rounds."""
    start: int = 1
    """Tokens before the first round: the BOS."""
    question: int = 0
    """Added to the length of a question."""
    round: int = 0
    """Added to the length of a round."""
    later: int = 0
    """Added to both from the second round on."""
    joined: bool = False
    """Whether the mark is between question and reply as well."""

    def rounds(self, text: str) -> list[str]:
        """The rounds of a conversation."""
        pieces = text.split(self.mark)
        if not self.joined:
            return pieces
        starts = [0, *range(3, len(pieces), 2)]  # system, question and reply; then question and reply
        return [self.mark.join(pieces[start : (start + 2) if start else 3]) for start in starts]


def counting_rule(mode: str, form: Template, *, legacy: bool) -> CountingRule:
    """The original's rule for a template."""
    end = form.answer_separator or form.separator
    reply_mark = f"{form.separator}{form.roles[1]}"
    if mode in MPT_MODES:
        return CountingRule(reply_mark, end, start=0, question=-1, later=int(legacy), joined=True)
    match form.style:
        case Style.TWO_SEPARATORS:
            return CountingRule(f"{reply_mark}: ", end, question=-2, later=-int(not legacy))
        case Style.INSTRUCTION:
            return CountingRule("[/INST] ", end, question=-2)
        case Style.LLAMA_3:
            header = "\n<|start_header_id|>{}<|end_header_id|>"
            return CountingRule(
                f"{end}{header.format('assistant')}\n\n", f"{end}{header.format('user')}", question=-1, round=-1
            )
        case Style.CHATML:
            reply_mark = f"{form.separator}\n{form.roles[1]}\n"
            return CountingRule(reply_mark, end, question=-1, later=-1 - int(not legacy), joined=True)
        case _:
            return CountingRule(reply_mark, end, question=-1, later=-1 - int(not legacy), joined=True)
