"""Named protocols: the decoding settings that papers and leaderboards used, so that a row says which.

Three settings of the same model are in the wild and give different scores (without beam search BLEU-1 of
libra-v1.0-7b falls from 51.3 to 43.4); a number without its protocol cannot be compared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.errors import InputError, UnknownNameError
from model_adapters.adapter import Decoding


@dataclass(frozen=True, slots=True)
class Protocol:
    """A named way to generate."""

    name: str
    decoding: Decoding
    source: str


_LIBRA = Decoding(num_beams=10, length_penalty=2.0, no_repeat_ngram_size=3, max_new_tokens=1024)

PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("libra-v1", _LIBRA, "the published evaluation of Libra (arXiv 2411.19378)"),
        Protocol(
            "libra-script",
            dataclasses.replace(_LIBRA, num_beams=5, max_new_tokens=128),
            "the evaluation script in Libra's repository",
        ),
        Protocol(
            "rexrank",
            dataclasses.replace(_LIBRA, num_beams=5, max_new_tokens=256),
            "Libra's submission to ReXrank",
        ),
        Protocol("greedy", Decoding(num_beams=1, max_new_tokens=1024), "one beam, no sampling, no n-gram filter"),
        Protocol("phantom", Decoding(num_beams=3, max_new_tokens=96), "the small default of libra-tiny"),
    )
}
DEFAULT_PROTOCOL = "greedy"
CARD_PROTOCOL = "card"
"""Each model as its authors decode it: the settings of its card, on top of greedy decoding."""


def protocol_named(name: str, card: Mapping[str, Any] | None = None) -> Protocol:
    """The protocol of this name.

    Args:
        name: one of `PROTOCOLS`, or `card`.
        card: the model card's fields; None: there is no card.

    Raises:
        UnknownNameError: there is none. InputError: the card has no decoding of its own.
    """
    if name == CARD_PROTOCOL:
        if not card or not card.get("decoding"):
            raise InputError(
                "this model has no card with decoding settings",
                where="--protocol card",
                hint=f"name another: {', '.join(PROTOCOLS)}",
            )
        settings = decoding_with(PROTOCOLS[DEFAULT_PROTOCOL], card["decoding"])[0]
        return Protocol(CARD_PROTOCOL, settings, f"the card of {card.get('id')}")
    if name not in PROTOCOLS:
        raise UnknownNameError("protocol", name, [*PROTOCOLS, CARD_PROTOCOL])
    return PROTOCOLS[name]


def decoding_with(protocol: Protocol, overrides: Mapping[str, Any]) -> tuple[Decoding, dict[str, Any]]:
    """A protocol's decoding with the user's flags on top, and the flags that really changed something.

    Args:
        protocol: where to start.
        overrides: Decoding field -> value; None means "not given".

    Raises:
        InputError: a value that makes no sense, or values that contradict each other.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    known = [item.name for item in dataclasses.fields(Decoding)]
    for name in given:
        if name not in known:
            raise UnknownNameError("decoding setting", name, known)
    decoding = dataclasses.replace(protocol.decoding, **given)
    changed = {name: value for name, value in given.items() if value != getattr(protocol.decoding, name)}
    return decoding, changed
