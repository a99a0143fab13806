"""A checkpoint's chat template: code of strangers, which may raise anything."""

from __future__ import annotations

from collections.abc import Callable

from jinja2 import TemplateError

from benchmarks.wording import error_in_words


def worded(apply: Callable[[], object]) -> str:
    """What a template makes of messages.

    Raises:
        TemplateError: it refuses them, or fails.
    """
    try:
        return str(apply())
    except TemplateError:
        raise
    except Exception as error:
        raise TemplateError(error_in_words(error)) from error
