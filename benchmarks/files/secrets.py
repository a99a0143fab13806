"""Keys and passwords among what is written down: taken out by their name, and wherever their value is repeated."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.files.json_text import shallow_json

HIDDEN = "***"
MIN_SECRET = 8
"""Characters of a secret that is taken out of other texts; shorter ones ("EMPTY") are words there."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS = frozenset(
    [
        "accesskey",
        "accesstoken",
        "apikey",
        "apitoken",
        "auth",
        "authorization",
        "authtoken",
        "bearer",
        "cookie",
        "credential",
        "credentials",
        "passphrase",
        "passwd",
        "password",
        "pwd",
        "secret",
        "secretkey",
        "secrets",
    ]
)
_KINDS = {
    "key": frozenset(
        {"access", "account", "api", "client", "encryption", "master", "private", "secret", "subscription"}
    ),
    "token": frozenset({"access", "api", "auth", "bearer", "hf", "hub", "id", "refresh", "security", "session"}),
}
_KNOWN_FORMS = re.compile(
    r"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{16,}|\bhf_[A-Za-z0-9]{16,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bAKIA[0-9A-Z]{16}\b"
    r"|\bAIza[0-9A-Za-z_-]{30,}|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
    r"|(?<=://)[^/@\s:]+:[^/@\s]+(?=@)|(?<=Bearer )\S{8,}"
)


def is_secret_name(name: str) -> bool:
    """Whether what has this name is a secret: `api_key`, `X-Api-Key`, `accessToken`; not `pad_token`."""
    words = [word.lower() for word in _WORD.findall(name)]
    if words in (["key"], ["token"]) or _SECRET_WORDS.intersection(words):
        return True
    return any(first in _KINDS.get(second, ()) for first, second in itertools.pairwise(words))


def secrets_in(*values: Any) -> set[str]:
    """The secrets in JSON values, by the names of their keys, and those of the environment."""
    names = {name for name in os.environ if is_secret_name(name)} - {"PWD", "OLDPWD"}  # the shell's folders
    found = {os.environ[name] for name in names}
    return {text.strip() for text in (*found, *_named(values)) if len(text.strip()) >= MIN_SECRET}


def without_secrets(value: Any, secrets: Iterable[str] = ()) -> Any:
    """A JSON value with `***` in place of what has a secret's name, is a secret or looks like one; keys stay.

    Args:
        value: mappings, lists, texts and numbers; anything else stays as it is.
        secrets: texts to take out wherever they occur, as `secrets_in` finds them.
    """
    longest_first = sorted(secrets, key=len, reverse=True)

    def clean(part: Any) -> Any:
        if isinstance(part, str):
            for secret in longest_first:
                part = part.replace(secret, HIDDEN)
            return _KNOWN_FORMS.sub(HIDDEN, part)
        if isinstance(part, Mapping):
            return {
                name: HIDDEN if is_secret_name(str(name)) and _is_kept_secret(one) else clean(one)
                for name, one in part.items()
            }
        if isinstance(part, list | tuple):
            return type(part)(map(clean, part)) if type(part) in (list, tuple) else part
        return part

    return clean(value)


def command_without_secrets(arguments: Sequence[str], secrets: Iterable[str] = ()) -> list[str]:
    """The words of a command, with `***` in place of what `--api-key`, `body={"api_key": ...}` and so on name."""
    found: list[str] = []
    for argument in arguments:
        named = found[-1].lstrip("-") if found and found[-1].startswith("--") and "=" not in found[-1] else ""
        if is_secret_name(named):
            found.append(HIDDEN)
            continue
        name, equals, value = argument.partition("=")
        if equals and is_secret_name(name):
            found.append(f"{name}={HIDDEN}")
            continue
        cleaned = without_secrets(_json_of(value), secrets)
        if cleaned != _json_of(value):
            argument = f"{name}={json.dumps(cleaned, ensure_ascii=False)}"
        found.append(without_secrets(argument, secrets))
    return found


def _is_kept_secret(value: Any) -> bool:
    return not isinstance(value, bool | int | float | None) and value not in ("", {}, [], ())


def _named(values: Any) -> Iterator[str]:
    """Every text under a secret's name, at any depth."""
    if isinstance(values, Mapping):
        for name, value in values.items():
            yield from _texts(value) if is_secret_name(str(name)) else _named(value)
    elif isinstance(values, list | tuple):
        for value in values:
            yield from _named(value)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield from {value, value.removeprefix("Bearer ")}
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)


def _json_of(text: str) -> Any:
    if not text.lstrip().startswith("{"):
        return None
    try:
        return shallow_json(text)
    except ValueError:
        return None
