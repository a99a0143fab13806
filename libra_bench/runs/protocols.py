"""Named protocols: the decoding settings that papers and leaderboards used, so that a row says which.

Three settings of the same model are in the wild and give different scores (without beam search BLEU-1 of
libra-v1.0-7b falls from 51.3 to 43.4); a number without its protocol cannot be compared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.errors import UnknownNameError
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
DEFAULT_PROTOCOL = "libra-v1"


def protocol_named(name: str) -> Protocol:
    """The protocol of this name.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in PROTOCOLS:
        raise UnknownNameError("protocol", name, PROTOCOLS)
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
    decoding = dataclasses.replace(protocol.decoding, **given)
    changed = {name: value for name, value in given.items() if value != getattr(protocol.decoding, name)}
    return decoding, changed
