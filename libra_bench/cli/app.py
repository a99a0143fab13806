"""The command line: every command in one list, and the one place where errors become messages."""

from __future__ import annotations

import sys

import typer

from benchmarks.errors import LibraBenchError
from libra_bench.cli import (
    batching,
    compare,
    data,
    experiments,
    listings,
    metrics,
    models,
    output,
    report,
    run,
    score,
    serve,
    train,
)
from libra_bench.cli.repeats import refuse_repeated

app = typer.Typer(
    name="libra-bench",
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
app.command("stability")(experiments.stability)
app.add_typer(data.app, name="data")
app.add_typer(train.app, name="train")
app.command("suites")(listings.suites)
app.add_typer(models.app, name="models")
app.add_typer(metrics.app, name="metrics")
app.command("doctor")(listings.doctor)


def main() -> None:
    """Run the command line; the exit status is 0 done, 1 failed, 2 wrong usage or input, 3 done with failed samples."""
    debug = "--debug" in sys.argv[1:]
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    output.show_warnings_as_lines()
    try:
        command = typer.main.get_command(app)
        refuse_repeated(command, arguments)
        command(arguments)
    except LibraBenchError as error:
        if debug:
            raise
        output.error(str(error))
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        output.error("interrupted; what was finished is kept, the same command continues")
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output left (`| head`): nothing to say, and nobody to say it to
        sys.exit(1)
