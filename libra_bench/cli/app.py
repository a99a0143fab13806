"""The command line: every command in one list, and the one place where errors become messages."""

from __future__ import annotations

import atexit
import errno
import gc
import sys
from collections.abc import Iterable
from typing import Any

import typer
from typer.core import TyperGroup

from benchmarks.errors import InputError, LibraBenchError, StoppedError
from benchmarks.machine import share_cores
from benchmarks.values import has_surrogates
from libra_bench.cli import output, streams
from libra_bench.cli.commands import COMMANDS, EXIT_STATUS, LazyCommands
from libra_bench.cli.repeats import refuse_repeated


class Commands(TyperGroup):
    """The commands; what Typer would end in its own way is an error of ours."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = LazyCommands(self.commands)

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in the order of the table; no command is made for it."""
        return list(self.commands)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The overview: commands under headings, options, exit statuses. It imports no command and no rich."""
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        for heading in dict.fromkeys(listed.heading for listed in COMMANDS.values()):
            rows = [(name, listed.summary) for name, listed in COMMANDS.items() if listed.heading == heading]
            _section(formatter, heading, rows)
        _section(formatter, "Options", [row for one in self.get_params(ctx) if (row := one.get_help_record(ctx))])
        _section(formatter, "Exit status", EXIT_STATUS.items())
        formatter.write("\n`libra-bench COMMAND --help` says more.\n")

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The overview, where nothing is asked for.

        Raises:
            Exit: with the status of wrong usage.
        """
        if not args and not ctx.resilient_parsing:
            typer.echo(ctx.get_help())
            raise typer.Exit(InputError.exit_status)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for.

        Raises:
            StoppedError: Ctrl-C. RuntimeError: a file ended unexpectedly. InputError: a value of the wrong type.
        """
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            from pydantic import ValidationError

            from benchmarks.records.json_record import first_fault

            if error.param is None or not isinstance(error.__cause__, ValidationError):
                raise
            raise InputError(first_fault(error.__cause__), where=error.param.opts[0]) from error
        except KeyboardInterrupt as stop:
            raise StoppedError("stopped", hint=str(stop) or "run the same command to continue") from stop
        except EOFError as error:
            raise RuntimeError("a file or stream ended early") from error


def _section(formatter: Any, heading: str, rows: Iterable[tuple[str, str]]) -> None:
    with formatter.section(heading):
        formatter.write_dl(list(rows))


app = typer.Typer(
    name="libra-bench",
    cls=Commands,
    help="Measure models that write radiology reports from chest X-rays.",
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _version(show: bool) -> None:
    if show:
        from libra_bench import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False,
        "--version",
        "-V",
        callback=_version,
        is_eager=True,
        help="Print the version. Works after a command, too.",
    ),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error. Works after a command, too."),
) -> None:
    pass


OF_PATHS = frozenset(
    {errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR}
)
"""What is wrong with a path that the user gave, whichever step first touches it."""


def main() -> None:
    """Run the command line; the exit status is one of `EXIT_STATUS`."""
    debug = "--debug" in sys.argv[1:]
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    if arguments[-1:] in (["-V"], ["--version"]):
        arguments = arguments[-1:]
    streams.prepare()
    share_cores()
    atexit.register(gc.freeze)  # or Python looks through all that was imported for garbage once more: half a second
    try:
        try:
            _refuse_bytes(arguments)
            command = typer.main.get_command(app)
            refuse_repeated(command, arguments)
            command(arguments)
        finally:
            streams.end()
    except LibraBenchError as error:
        if debug:
            raise
        if isinstance(error, StoppedError):
            output.message(str(error))
        else:
            output.error(str(error))
        sys.exit(error.exit_status)
    except Exception as error:
        if debug:
            raise
        if isinstance(error, OSError) and error.errno in OF_PATHS and error.filename is not None:
            output.error(
                str(InputError(f"cannot be used ({error.strerror})", where=error.filename, hint="give another path"))
            )
            sys.exit(InputError.exit_status)
        from libra_bench.cli import crash

        output.error(crash.in_one_sentence(error, arguments))
        sys.exit(1)


def _refuse_bytes(arguments: list[str]) -> None:
    """An argument that is no text cannot be written into any record."""
    for argument in arguments:
        if has_surrogates(argument):
            raise InputError(f"the argument {argument!r} is not UTF-8 text", hint="rename the file, or type it again")
