"""`serve`: a run's report and a page to try a model, over local HTTP."""

from __future__ import annotations

import dataclasses
import ipaddress
import secrets
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from libra_bench.cli import output
from libra_bench.cli.flags import arguments, run_options
from libra_bench.runs.options import DECODING, MODEL, RunOptions

if TYPE_CHECKING:
    from benchmarks.records.run import RecordedModel
    from libra_bench.serving.trial import Trial


GRACE_SECONDS = 3
"""How long an answer under way may take once the server is to end."""


@run_options("follow_links", MODEL, DECODING, without=["batch_size"])
def serve(
    target: Annotated[str, typer.Argument(metavar="RUN|MODEL", help="A run folder, or whatever --model takes.")],
    model: Annotated[
        str | None, typer.Option("--model", help="The model to try beside a report; default: the run's own.")
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="Address; any but loopback lets others on the network in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0: any free port.")] = 8765,
    suite: Annotated[Path | None, typer.Option("--suite", help="Where the suite file is now, if it moved.")] = None,
    image_root: Annotated[Path | None, typer.Option("--image-root", help="Where the images are now.")] = None,
    *,
    options: RunOptions,
) -> None:
    """Serve a run's report and a page to try its model, or only that page, on this machine; Ctrl-C ends it."""
    import tempfile

    from benchmarks.errors import InputError, LibraBenchError
    from libra_bench.runs.cautions import cautions
    from libra_bench.runs.plan import model_and_decoding
    from reports.load import load
    from reports.page import write_report

    try:
        from libra_bench.serving.app import LOOPBACK, create_app
        from libra_bench.serving.trial import Trial
    except ImportError as error:
        raise InputError(f"serve needs {error.name}", hint="pip install 'libra-bench[serve]'") from error

    def trial_of(name: str, base: str | None) -> Trial:
        chosen = dataclasses.replace(options, model_base=base)
        spec, protocol, _, overrides = model_and_decoding(name, chosen)
        words = arguments(dataclasses.replace(chosen, protocol=None), MODEL, DECODING)  # the page adds the protocol
        return Trial(spec, protocol, overrides, ["--model", name, *words])

    with tempfile.TemporaryDirectory(prefix="libra-bench-") as folder:
        report = trial = None
        if (Path(target) / "run.json").is_file():
            run = load(target)
            try:
                base = options.model_base or (None if model else run.record.model.model_base)
                trial = trial_of(model or _model_of(run.record.model), base)
            except LibraBenchError as error:
                if model is not None:
                    raise
                output.message(f"the model cannot be tried on a page: {error}")
            report = write_report(
                [run],
                Path(folder) / "report.html",
                images="serve",
                suite=suite,
                image_root=image_root,
                follow_links=options.follow_links,
                try_page=trial is not None,
            )
            for note in report.notes:
                output.message(note)
        else:
            trial = trial_of(model or target, options.model_base)
        for warning in cautions(trial.spec) if trial else ():
            output.message(f"warning: {warning}")
        loopback = _is_loopback(host)
        if not loopback:
            output.message(f"whoever reaches {host} and knows the address can read this report and use this model")
        uploads = Path(folder) / "uploads"
        uploads.mkdir()
        token = secrets.token_urlsafe(24)
        hosts = LOOPBACK if loopback else ("*",)
        _listen(create_app(report=report, trial=trial, uploads=uploads, token=token, hosts=hosts), host, port, token)


def _model_of(model: RecordedModel) -> str:
    """The model of a run, as `--model` takes it.

    Raises:
        InputError: its answers came from a file, so there is no model.
    """
    from benchmarks.errors import InputError

    if model.adapter == "replay":
        raise InputError("the run's answers came from a file", hint="name a model with --model")
    return model.name


def _is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address.

    Raises:
        InputError: not an address.
    """
    from benchmarks.errors import InputError

    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError as error:
        raise InputError(f"{host!r} is not an address", where="--host", hint="give one such as 127.0.0.1") from error


def _listen(app: Any, host: str, port: int, token: str) -> None:
    """Serve until interrupted or terminated; the address goes to stdout once it can be opened.

    Raises:
        InputError: the port is taken.
    """
    import uvicorn

    from benchmarks.errors import InputError

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise InputError(
            f"cannot listen on {host}:{port} ({error.strerror})", where="--port", hint="give another, or 0 for any"
        ) from error
    address = f"[{host}]" if ":" in host else host
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what is on disk is removed on the way out
    typer.echo(f"http://{address}:{listener.getsockname()[1]}/?token={token}")
    sys.stdout.flush()
    settings = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE_SECONDS)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(settings).run(sockets=[listener])
