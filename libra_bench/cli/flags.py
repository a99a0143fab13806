"""Flags from the typed fields of a dataclass: its docstrings are the help, its types and metadata the rest."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import itertools
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from libra_bench.cli import completion
from libra_bench.runs.options import RunOptions, flag_of
from libra_bench.runs.options import types as option_types

Command = Callable[..., None]


def run_options(*chosen: str, without: Collection[str] = ()) -> Callable[[Command], Command]:
    """Give a command the flags of `RunOptions`, and its parameter `options` what they say.

    Args:
        *chosen: whole panels (SUITE, MODEL, DECODING, RUN) or single fields.
        without: fields of these panels that the command has no use for.
    """
    items = [item for item in dataclasses.fields(RunOptions) if {item.name, flag_of(item).panel} & {*chosen}]
    flags = [_run_flag(item) for item in items if item.name not in without]
    return with_flags("options", flags, lambda given: RunOptions(**given))


def with_flags(
    parameter: str, flags: Sequence[inspect.Parameter], value: Callable[[dict[str, Any]], Any]
) -> Callable[[Command], Command]:
    """Replace a parameter of a command by flags; the command gets `value` of those that were given."""
    names = [flag.name for flag in flags]

    def give(function: Command) -> Command:
        @functools.wraps(function)
        def command(**given: Any) -> None:
            found = {name: given.pop(name) for name in names}
            function(**given, **{parameter: value({name: said for name, said in found.items() if _was_said(said)})})

        own = inspect.signature(function, eval_str=True).parameters
        before = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for name, one in own.items() if name != parameter]
        command.__signature__ = inspect.Signature([*before, *flags])  # type: ignore[attr-defined]
        command.__annotations__ = {one.name: one.annotation for one in (*before, *flags)}
        return command

    return give


def _was_said(value: Any) -> bool:
    return value is not None and value != []


def text_flag(name: str, kind: Any, help_text: str, **settings: Any) -> inspect.Parameter:
    """A flag that takes text; whoever gets it converts it (`benchmarks.values`)."""
    option = typer.Option(settings.pop("flag", _spelled(name)), help=help_text, **settings)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[_shell_type(kind), option]
    )


def _run_flag(item: dataclasses.Field[Any]) -> inspect.Parameter:
    flag, kind = flag_of(item), option_types()[item.name]
    words = docstrings(flag.documented_in or RunOptions)[item.name]
    if kind is bool:
        names = f"{flag.name}/--no-{flag.name.removeprefix('--')}" if item.default else flag.name
        option = typer.Option(names, help=words, rich_help_panel=flag.panel)
        annotation = Annotated[bool, option]
        return inspect.Parameter(item.name, inspect.Parameter.KEYWORD_ONLY, default=item.default, annotation=annotation)
    if isinstance(item.default, str):
        words += f" Default: {item.default}."
    metavar = flag.metavar or _metavar(kind)
    completes = completion.OF_OPTIONS.get(item.name)
    return text_flag(
        item.name, kind, words, flag=flag.name, metavar=metavar, rich_help_panel=flag.panel, autocompletion=completes
    )


def arguments(options: RunOptions, *panels: str) -> list[str]:
    """The command-line words for these options.

    >>> arguments(RunOptions(device="cpu", num_beams=3), MODEL, DECODING)
    ['--device', 'cpu', '--num-beams', '3']
    """
    words: list[str] = []
    for item in dataclasses.fields(options):
        value, flag = getattr(options, item.name), flag_of(item)
        if flag.panel not in panels or not _was_said(value) or value == item.default:
            continue
        if isinstance(value, bool):
            words.append(flag.name if value else f"--no-{flag.name.removeprefix('--')}")
            continue
        words += [word for one in _texts(value, item.name) for word in (flag.name, one)]
    return words


def _texts(value: Any, name: str) -> list[str]:
    """What is typed for a value: once per entry of a mapping or a list, where the flag may be repeated."""
    if isinstance(value, Mapping):
        return [f"{key}={one}" for key, one in value.items()]
    if isinstance(value, str) or not isinstance(value, Sequence):
        return [str(value)]
    return list(value) if _shell_type(option_types()[name]) == list[str] | None else [",".join(value)]


@functools.cache
def docstrings(owner: type) -> Mapping[str, str]:
    """Field -> the docstring under it, in one line; "" where there is none."""
    tree = ast.parse(inspect.getsource(owner)).body[0]
    body = tree.body if isinstance(tree, ast.ClassDef) else []
    found: dict[str, str] = {}
    for statement, following in itertools.pairwise([*body, ast.Pass()]):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            value = following.value if isinstance(following, ast.Expr) else None
            found[statement.target.id] = " ".join(ast.literal_eval(value).split()) if value is not None else ""
    return found


def _spelled(name: str) -> str:
    return "--" + name.replace("_", "-")


def _base_types(kind: Any) -> list[Any]:
    plain = [one for one in typing.get_args(kind) if one is not type(None)] if _is_union(kind) else [kind]
    return [typing.get_args(one)[0] if typing.get_origin(one) is Annotated else one for one in plain]


def _is_union(kind: Any) -> bool:
    return type(None) in typing.get_args(kind)


def _shell_type(kind: Any) -> Any:
    """What Typer is told: a path is completed by the shell, a sequence may be given several times; all else is text."""
    bases = _base_types(kind)
    if str not in bases and any(typing.get_origin(base) in (Sequence, Mapping) for base in bases):
        return list[str] | None
    return Path | None if Path in bases else str | None


def _metavar(kind: Any) -> str:
    for base in _base_types(kind):
        if typing.get_origin(base) is Literal:
            return "|".join(map(str, typing.get_args(base)))
    names = {int: "N", float: "NUMBER", Path: "PATH"}
    return next((names[base] for base in _base_types(kind) if base in names), "TEXT")
