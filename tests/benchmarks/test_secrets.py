"""Keys and passwords are taken out by name and by value, wherever they would be written down."""

from __future__ import annotations

import pytest
from every_case import every_case

from benchmarks.files.secrets import HIDDEN, command_without_secrets, is_secret_name, secrets_in, without_secrets

SECRET = "correct-horse-battery"


@pytest.mark.parametrize(
    "name",
    ["api_key", "apiKey", "X-Api-Key", "OPENAI_API_KEY", "Authorization", "password", "access_token", "HF_TOKEN",
     "token", "client-secret", "key"],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@every_case("name", ["max_tokens", "pad_token", "new_tokens", "tokenizer", "keys", "monkey", "author"])
def test_names_of_other_things(name: str) -> None:
    assert not is_secret_name(name)


def test_by_name_at_any_depth_and_by_value_anywhere() -> None:
    body = {"extra": [{"api_key": SECRET, "headers": {"Authorization": f"Bearer {SECRET}"}}], "max_tokens": 5}
    found = without_secrets({"body": body, "said": f"400: {SECRET} is unknown"}, secrets_in(body))
    assert SECRET not in str(found)
    assert found["body"]["max_tokens"] == 5
    assert found["said"] == f"400: {HIDDEN} is unknown"


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", SECRET)
    assert without_secrets(f"it said {SECRET}", secrets_in()) == f"it said {HIDDEN}"


@pytest.mark.parametrize("text", ["sk-" + "a1" * 12, "hf_" + "Ab" * 12, "http://me:my-password@host/v1"])
def test_what_looks_like_a_secret(text: str) -> None:
    assert HIDDEN in without_secrets(text)


@pytest.mark.parametrize(
    "words",
    [["--option", f'body={{"api_key": "{SECRET}"}}'], ["--option", r'body={"api_key": "\u0063orrect-horse-battery"}'],
     ["--api-key", SECRET], [f"--api-key={SECRET}"], ["--option", f"api_key={SECRET}"]],
)  # fmt: skip
def test_commands(words: list[str]) -> None:
    cleaned = " ".join(command_without_secrets(["run", *words, "--limit", "3"]))
    assert "horse" not in cleaned
    assert HIDDEN in cleaned
    assert cleaned.startswith("run ")
    assert cleaned.endswith("--limit 3")


def test_other_words_stay_as_they_are() -> None:
    words = ["run", "--option", 'body={"a":  1}', "--suite", "x=y", "--max-new-tokens", "5"]
    assert command_without_secrets(words) == words
