"""A table of small cases as one test: what pytest does around a test of its own costs more than such a case."""

from __future__ import annotations

import functools
import inspect
import textwrap
from collections.abc import Callable, Iterable
from typing import Any

import pytest

Test = Callable[..., None]


def every_case(names: str | tuple[str, ...], cases: Iterable[Any]) -> Callable[[Test], Test]:
    """Written like `pytest.mark.parametrize`, but one test, which tries all the cases and names every one that fails.

    The fixtures are made once for all cases: not for cases that change what they are given.
    """
    keys = (names,) if isinstance(names, str) else names
    rows = [dict(zip(keys, (case,) if isinstance(names, str) else case, strict=True)) for case in cases]
    assert rows, f"no cases of {names}"

    def decorate(test: Test) -> Test:
        @functools.wraps(test)
        def tested(**fixtures: Any) -> None:
            failed = []
            for row in rows:
                try:
                    test(**row, **fixtures)
                except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:  # noqa: BLE001 - of any kind
                    failed.append((row, error))
            if failed:
                said = [f"{_short(row)}: {type(error).__name__}: {error}" for row, error in failed]
                raise AssertionError("\n".join([f"{len(failed)} of {len(rows)} cases fail", *said])) from failed[0][1]

        given = inspect.signature(test)
        fixtures = [parameter for name, parameter in given.parameters.items() if name not in keys]
        tested.__signature__ = given.replace(parameters=fixtures)
        return tested

    return decorate


def _short(row: dict[str, Any]) -> str:
    return ", ".join(f"{name}={textwrap.shorten(repr(value), 200)}" for name, value in row.items())
