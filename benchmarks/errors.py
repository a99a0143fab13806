"""The errors that libra-bench raises on purpose.

    LibraBenchError                 exit status 1: it failed
    ├── GenerationError             a study that cannot be generated
    │   └── RefusedError            a request that an endpoint refused for good
    ├── UnreadableReplyError        a judge's reply that says nothing that can be counted
    ├── TrainingError               a training that cannot continue
    ├── StorageError                an answer or a record that cannot be written (a full disk)
    ├── StoppedError                exit status 130: the user stopped it (Ctrl-C)
    └── InputError                  exit status 2: wrong usage or input
        ├── UnknownNameError        a suite, model, metric or option that does not exist
        ├── SuiteError              a suite file that cannot be used
        ├── ImageError              an image that cannot be read, or must not be
        ├── ModelError              a model, checkpoint or card that cannot be loaded
        │   └── WeightsError        weights that do not fit the model
        ├── HubError                a file that the model hub does not give
        ├── MetricUnavailableError  a metric that cannot run here
        ├── RewardError             a metric that cannot be the reward asked for, or gave none (also a ValueError)
        ├── MissingColumnError      a dataset's column that is not there (also a KeyError)
        └── RunConflictError        a run folder that belongs to another run, or is in use

    UserWarning
    ├── ImageWarning                an image that is read, but not in all that its file says
    └── RewardWarning               a reward that depends on more than the completion and its reference

The command line turns each into one line on stderr and the exit status above; `--debug` shows the traceback.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.wording import nearest

_IN_ONE_LINE = {code: repr(chr(code))[1:-1] for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}


class LibraBenchError(Exception):
    """Something went wrong; the message says what, where, and what to do next, in one line whatever it quotes.

    Args:
        what: what happened, without a full stop.
        where: file and line, or the name of the option.
        hint: what to do about it.
    """

    exit_status = 1

    def __init__(self, what: str, *, where: object | None = None, hint: str | None = None) -> None:
        self.what, self.where, self.hint = what, where, hint
        place = f"{where}: " if where is not None else ""
        advice = f"; {hint}" if hint else ""
        super().__init__(f"{place}{what}{advice}".translate(_IN_ONE_LINE))


class GenerationError(LibraBenchError):
    """A study could not be generated."""


class RefusedError(GenerationError):
    """A request to an endpoint that failed for good, after so many attempts."""

    def __init__(self, what: str, attempts: int) -> None:
        super().__init__(what)
        self.attempts = attempts


class UnreadableReplyError(LibraBenchError):
    """A reply of a judge (a language model as a metric) that says nothing that can be counted."""


class TrainingError(LibraBenchError):
    """Training cannot continue."""


class StorageError(LibraBenchError):
    """A file could not be written; what was written before is whole."""


class StoppedError(LibraBenchError):
    """The user stopped the program; only the command line raises it."""

    exit_status = 130


class InputError(LibraBenchError):
    """The user's input cannot be used as it is."""

    exit_status = 2


class UnknownNameError(InputError):
    """A name that is not known; the message suggests the nearest and lists what exists.

    Args:
        kind: what was asked for ("suite", "model", "metric").
        name: the name as given.
        available: the names that exist.
    """

    def __init__(self, kind: str, name: str, available: Iterable[str], *, hint: str | None = None) -> None:
        self.kind, self.name = kind, name
        known = sorted(available)
        near = nearest(name, known)
        guess = f"did you mean {near!r}? " if near else ""
        super().__init__(
            f"unknown {kind} {name!r}",
            hint=f"{guess}available: {', '.join(known) or 'none'}" + (f"; {hint}" if hint else ""),
        )


class SuiteError(InputError):
    """A suite, reference or prediction file that cannot be used."""


class ImageError(InputError):
    """An image that cannot be read, or that must not be."""


class ImageWarning(UserWarning):
    """An image file says something that is ignored, as in the original."""


class ModelError(InputError):
    """A model, checkpoint or model card that cannot be loaded."""


class WeightsError(ModelError):
    """Weights that do not fit; holds every key of them, where the message names a few."""

    def __init__(
        self, what: str, *, where: object, missing: Sequence[str], unexpected: Sequence[str], mismatched: Sequence[str]
    ) -> None:
        super().__init__(what, where=where, hint="config.json and weights must come from the same model")
        self.missing, self.unexpected, self.mismatched = tuple(missing), tuple(unexpected), tuple(mismatched)


class HubError(InputError):
    """A file is neither on this machine nor to be had from the Hugging Face hub."""


class MetricUnavailableError(InputError):
    """A metric that cannot run here; the hint says what to install or pass."""


class RewardError(InputError, ValueError):
    """A metric that cannot be the reward that was asked for, or a reward that is not finite."""


class MissingColumnError(InputError, KeyError):
    """A column that the dataset does not have."""

    def __str__(self) -> str:
        return Exception.__str__(self)  # a KeyError's would be quoted


class RewardWarning(UserWarning):
    """A reward depends on more than the completion and its reference."""


class RunConflictError(InputError):
    """A run folder that belongs to a different run, or that another process is writing."""
