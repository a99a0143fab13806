"""How text is decoded: the settings, what they may be, and which of them decide the answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from numbers import Integral, Real
from typing import Any

from benchmarks.errors import InputError

_BOUNDS: Mapping[str, tuple[type[int] | type[float], float, float]] = {
    "num_beams": (int, 1, 1_000),
    "length_penalty": (float, -5, 5),
    "no_repeat_ngram_size": (int, 0, 1_000),
    "num_return_sequences": (int, 1, 1_000),
    "max_new_tokens": (int, 1, 100_000),
    "temperature": (float, 0, 100),
    "top_p": (float, 0, 1),
    "seed": (int, -(2**63), 2**63 - 1),
}
"""Field -> kind of number, least and greatest value: far beyond what is used, within what memory allows."""
MIN_TEMPERATURE = 1e-4
"""Of sampling; smaller values overflow the softmax, and 0 means the same."""


@dataclass(frozen=True, slots=True)
class Decoding:
    """How text is decoded. Part of a run's fingerprint.

    Raises:
        InputError: a value that makes no sense, or values that contradict each other; names the flag.
    """

    num_beams: int = 1
    """How many beams beam search keeps; 1: greedy."""
    length_penalty: float = 1.0
    """A beam's summed log-probability is divided by (generated tokens ** length penalty)."""
    no_repeat_ngram_size: int = 0
    """n-grams of this size never occur twice in prompt and output together; 0 is off."""
    num_return_sequences: int = 1
    """How many sequences `metadata.alternatives` keeps; the first is the answer."""
    max_new_tokens: int = 1024
    """The maximum number of new tokens; longer texts are cut off."""
    temperature: float = 0.0
    """0: no sampling (greedy with one beam, else beam search). Beam search does not sample at any temperature."""
    top_p: float | None = None
    """Sample only from the most likely tokens that have this share of the probability; (0, 1]."""
    seed: int = 0
    """Decides the answers only when sampling."""

    def __post_init__(self) -> None:
        for name, (kind, least, greatest) in _BOUNDS.items():
            value = getattr(self, name)
            if value is not None or name != "top_p":
                # 1 and 1.0 are the same setting, and the same run
                object.__setattr__(self, name, _checked(_flag(name), value, kind, least, greatest))
        if 0 < self.temperature < MIN_TEMPERATURE:
            raise InputError(
                f"must be 0 or at least {MIN_TEMPERATURE}, not {self.temperature}",
                where=_flag("temperature"),
                hint="0 takes the most likely token",
            )
        if self.top_p == 0:
            raise InputError("must be above 0, and at most 1", where=_flag("top_p"))
        if not self.is_sampling and self.num_return_sequences > self.num_beams:
            raise InputError(
                f"{self.num_return_sequences} sequences cannot come from {_count(self.num_beams, 'beam')}",
                where=_flag("num_return_sequences"),
                hint=f"add --num-beams {self.num_return_sequences}, or keep fewer sequences",
            )

    @property
    def is_sampling(self) -> bool:
        """Whether tokens are drawn at random. Beam search never samples, at any temperature."""
        return self.temperature > 0 and self.num_beams == 1

    @property
    def without_effect(self) -> tuple[str, ...]:
        """The sampling settings that have no effect, since nothing is sampled."""
        if self.is_sampling:
            return ()
        given = {"temperature": self.temperature > 0, "top_p": self.top_p is not None}
        return tuple(name for name, is_given in given.items() if is_given)

    def deciding(self) -> dict[str, Any]:
        """The settings that decide the answers, by field: what does nothing is at its default, the seed left out."""
        settings = asdict(self)
        if not self.is_sampling:
            settings |= {"temperature": 0.0, "top_p": None}
            del settings["seed"]
        return settings

    def __str__(self) -> str:
        """In words: "beam search, 10 beams, length penalty 2.0, no repeated 3-grams, at most 1024 new tokens"."""
        if self.is_sampling:
            top_p = "" if self.top_p is None else f", top-p {self.top_p}"
            how = f"sampling at temperature {self.temperature}{top_p}, seed {self.seed}"
        elif self.num_beams > 1:
            how = f"beam search, {self.num_beams} beams, length penalty {self.length_penalty}"
        else:
            how = "greedy"
        ngrams = f", no repeated {self.no_repeat_ngram_size}-grams" if self.no_repeat_ngram_size else ""
        return f"{how}{ngrams}, at most {_count(self.max_new_tokens, 'new token')}"


def _checked(flag: str, value: Any, kind: type[int] | type[float], least: float, greatest: float) -> int | float:
    """The value as this kind of number.

    Raises:
        InputError: it is none, or out of bounds.
    """
    is_number = isinstance(value, Integral if kind is int else Real) and not isinstance(value, bool)
    if not is_number or value != value:
        words = "a whole number" if kind is int else "a number"
        raise InputError(f"must be {words}, not {value!r}", where=flag)
    if value < least:
        raise InputError(f"must be at least {least}", where=flag)
    if value > greatest:
        raise InputError(f"must be at most {greatest:,}", where=flag)
    return kind(value)


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + "s" * (number != 1)
