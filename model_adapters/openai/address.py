"""Where an OpenAI-compatible server is, and the key that it takes."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import httpx2

from benchmarks.errors import ModelError

KEY_VARIABLE = "OPENAI_API_KEY"
URL_VARIABLE = "OPENAI_BASE_URL"


def checked_address(given: str | None, where: str = "--base-url") -> str:
    """The address of an endpoint: as given, else that of the environment variable OPENAI_BASE_URL.

    Args:
        given: by the user.
        where: how the user gives it, for the error.

    Raises:
        ModelError: there is none, it is no address, or it holds what must not be written down.
    """
    url = given or os.environ.get(URL_VARIABLE) or ""
    if not url:
        raise ModelError(
            "no endpoint given", where=where, hint="add --base-url URL: the images of the suite are sent there"
        )
    try:
        parts = urlsplit(url)
        httpx2.URL(url)
    except (ValueError, httpx2.InvalidURL) as error:
        raise ModelError(f"not an address ({error})", where=where, hint="http://HOST:PORT/v1") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ModelError(f"{url!r} is not an address", where=where, hint="write it as http://HOST:PORT/v1")
    if parts.username or parts.password or parts.query:
        raise ModelError(
            "holds a name, a key or a query, which would be written down",
            where=where,
            hint=f"put the key into {KEY_VARIABLE}",
        )
    return url.rstrip("/")


def key_of_environment() -> str | None:
    """The key in OPENAI_API_KEY; the only place that it is taken from.

    Raises:
        ModelError: it is no key.
    """
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ModelError("holds characters that no key has", where=KEY_VARIABLE, hint="set it again")
    return key or None
