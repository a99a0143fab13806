"""Files of the Hugging Face hub: from its cache on this machine, or fetched."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.errors import HubError
from benchmarks.wording import first_line

ANSWER_SECONDS = 4.0
"""Time limit for the hub to say whether it has a file."""


def cached_file(repository: str, filename: str, *, cache: Path | None = None) -> Path | None:
    """A file of a repository, if it is in the local cache."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(repository, filename, cache_dir=cache)
    except HFValidationError:  # no repository can have such a name
        return None
    return Path(found) if isinstance(found, str) else None


def fetch_file(repository: str, filename: str, *, hint: str | None = None) -> Path:
    """A file of a repository; fetched if it is not in the cache and the hub may be used.

    Raises:
        HubError: the hub is switched off, does not answer, or does not have it; `hint` replaces the usual advice.
    """
    from huggingface_hub import hf_hub_download

    with _asking_for(f"{filename} of {repository}", repository, hint):
        return Path(hf_hub_download(repository, filename))


def fetch_files(repository: str, patterns: Sequence[str], *, hint: str | None = None) -> Path:
    """The folder of a repository with the files whose names match; what is in the cache is not fetched again.

    Raises:
        HubError: see `fetch_file`.
    """
    from huggingface_hub import snapshot_download

    with _asking_for(repository, repository, hint):
        return Path(snapshot_download(repository, allow_patterns=list(patterns)))


@contextmanager
def _asking_for(what: str, repository: str, hint: str | None) -> Iterator[None]:
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
    )

    try:
        yield
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise HubError(
            f"{what!r} is neither a folder here nor in the cache, and the hub cannot be reached",
            hint=hint or f"fetch it where there is internet (hf download {repository}) and give the folder",
        ) from error
    except (HfHubHTTPError, HFValidationError, EntryNotFoundError, OSError) as error:
        raise HubError(
            f"{what!r} cannot be fetched from the hub ({first_line(error)})",
            hint=hint or "check the name, your access and the network",
        ) from error


def why_not(repository: str, filename: str) -> str | None:
    """Why the hub would not give a file, as a verb phrase after "the hub", or None. Takes a few seconds at most."""
    from huggingface_hub.constants import HF_HUB_OFFLINE

    return "is switched off (HF_HUB_OFFLINE)" if HF_HUB_OFFLINE else _refusal(repository, filename)


@functools.cache
def _answers() -> bool:
    """Whether the hub can be reached at all; asked once per process."""
    from huggingface_hub import constants, get_session

    answers: list[object] = []

    def ask() -> None:
        try:
            answers.append(get_session().head(constants.ENDPOINT, timeout=ANSWER_SECONDS))
        except Exception:  # noqa: BLE001  # whatever went wrong in there, it is no answer
            return

    # In a thread, since no timeout bounds the resolution of a name.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(ANSWER_SECONDS)
    return bool(answers)


@functools.cache
def _refusal(repository: str, filename: str) -> str | None:
    if not _answers():
        return "does not answer"
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, HFValidationError

    try:
        get_hf_file_metadata(hf_hub_url(repository, filename), timeout=ANSWER_SECONDS)
    except GatedRepoError:
        return "wants you to accept its terms first (then `hf auth login`)"
    except (HfHubHTTPError, HFValidationError, OSError) as error:
        return f"does not give it ({type(error).__name__})"
    return None
