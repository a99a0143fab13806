"""The command line: every command in one list, and the one place where errors become messages."""

from __future__ import annotations

import errno
import re
import sys
from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from benchmarks.errors import InputError, LibraBenchError, StoppedError
from benchmarks.values import has_surrogates
from libra_bench.cli import (
    batching,
    compare,
    crash,
    data,
    doctor,
    experiments,
    metrics,
    models,
    output,
    report,
    run,
    score,
    serve,
    streams,
    suites,
    train,
)
from libra_bench.cli.repeats import refuse_repeated


class Commands(TyperGroup):
    """The commands; what Typer would end in its own way is an error of ours."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for.

        Raises:
            StoppedError: Ctrl-C. RuntimeError: a file ended unexpectedly.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            raise StoppedError("stopped", hint=str(stop) or "run the same command to continue") from stop
        except EOFError as error:
            raise RuntimeError("a file or stream ended early") from error


app = typer.Typer(
    name="libra-bench",
    cls=Commands,
    help="Measure models that write radiology reports from chest X-rays.",
    no_args_is_help=True,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _version(show: bool) -> None:
    if show:
        from importlib.metadata import version

        typer.echo(version("libra-bench"))
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error. Works after a command, too."),
) -> None:
    pass


app.command("run")(run.run)
app.command("generate")(run.generate)
app.command("score")(score.score)
app.command("report")(report.report)
app.command("plot")(report.plot)
app.command("leaderboard")(report.leaderboard)
app.command("serve")(serve.serve)
app.command("describe")(run.describe)
app.command("verify-batching")(batching.verify_batching)
app.command("compare")(compare.compare)
app.command("audit")(experiments.audit)
app.command("stability")(experiments.stability)
app.command("reproduce")(experiments.reproduce)
app.add_typer(data.app, name="data")
app.add_typer(train.app, name="train")
app.add_typer(suites.app, name="suites")
app.add_typer(models.app, name="models")
app.add_typer(metrics.app, name="metrics")
app.command("doctor")(doctor.doctor)


OF_PATHS = frozenset({errno.ENAMETOOLONG, errno.ELOOP, errno.EACCES, errno.EROFS, errno.ENOTDIR})
"""What is wrong with a path that the user gave, whichever step first touches it."""


def program() -> TyperGroup:
    """The command line, with every help text as it is written: its brackets are no markup, but for `[bold]`."""
    group = typer.main.get_group(app)
    _keep_brackets(group)
    return group


def _keep_brackets(command: TyperCommand | TyperGroup) -> None:
    command.help = _with_brackets(command.help)
    for parameter in command.params:
        if isinstance(parameter, TyperOption | TyperArgument):
            parameter.help = _with_brackets(parameter.help)
    if isinstance(command, TyperGroup):
        for one in command.commands.values():
            if isinstance(one, TyperCommand | TyperGroup):
                _keep_brackets(one)


def _with_brackets(text: str | None) -> str | None:
    return text and re.sub(r"\[(?=[a-z#/@])(?!/?bold\])", r"\\[", text)


def main() -> None:
    """Run the command line; the exit status is 0 done, 1 failed, 2 wrong usage or input, 3 done with failed samples."""
    debug = "--debug" in sys.argv[1:]
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    streams.prepare()
    try:
        try:
            _refuse_bytes(arguments)
            command = program()
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
        output.error(crash.in_one_sentence(error, arguments))
        sys.exit(1)


def _refuse_bytes(arguments: list[str]) -> None:
    """An argument that is no text cannot be written into any record."""
    for argument in arguments:
        if has_surrogates(argument):
            raise InputError(f"the argument {argument!r} is not UTF-8 text", hint="rename the file, or type it again")
