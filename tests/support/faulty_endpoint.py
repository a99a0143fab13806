"""An OpenAI-compatible endpoint on this machine that answers, or goes wrong, as it is told to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from model_adapters.openai import endpoint as client

Fault = Callable[["Handler"], None]


def refuse(status: int, message: str = "not now", **headers: str) -> Fault:
    """An error reply."""

    def fault(handler: Handler) -> None:
        handler.reply(status, json.dumps({"error": {"message": message}}), **headers)

    return fault


def hang(seconds: float) -> Fault:
    """Says nothing for a while, then cuts the connection."""

    def fault(handler: Handler) -> None:
        time.sleep(seconds)
        handler.close_connection = True

    return fault


def cut(handler: Handler) -> None:
    """Ends in the middle of a reply."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "5000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')
    handler.close_connection = True


def rubbish(text: str) -> Fault:
    """A reply that is no chat completion."""
    return lambda handler: handler.reply(200, text)


def drip(handler: Handler) -> None:
    """A byte now and then, and never all of them."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    handler.server.hanging.set()
    try:
        for _ in range(600):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.1)
    except OSError:  # the other side has hung up
        handler.server.hung_up.set()
    handler.close_connection = True


def flood(status: int = 200, megabytes: int = 256) -> Fault:
    """A reply without end, nearly; counts how much of it was taken."""

    def fault(handler: Handler) -> None:
        handler.send_response(status)
        handler.send_header("Connection", "close")
        handler.end_headers()
        try:
            for _ in range(megabytes):
                handler.wfile.write(b" " * 2**20)
                handler.server.megabytes_taken += 1
        except OSError:
            pass
        handler.close_connection = True

    return fault


def bomb(handler: Handler) -> None:
    """The beginning of a compressed reply, which was not asked for."""
    handler.reply(200, " " * 32, Content_Encoding="gzip")
    handler.close_connection = True


def completion(**changes: Any) -> Fault:
    """A chat completion with odd parts."""
    whole = {"model": "odd", "choices": [{"message": {"content": "odd"}, "finish_reason": "stop"}], "usage": {}}
    return lambda handler: handler.reply(200, json.dumps(whole | changes))


class Endpoint(ThreadingHTTPServer):
    """Answers "words of N images" unless a fault is next; keeps every request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults: list[Fault | None] = []
        self.always: Fault | None = None
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.times: list[float] = []
        self.at_once = self.most_at_once = 0
        self.finish_reason = "stop"
        self.models: list[str] | None = ["tiny"]
        """What it lists; None: it has no list."""
        self.knows: Callable[[str], bool] = lambda name: True
        """Whether it answers for a model of this name."""
        self.answer: Callable[[dict[str, Any]], str] | None = None
        """What is said to a request; None: "words of N images"."""
        self.together: threading.Barrier | None = None
        """Where requests wait until so many are there."""
        self.megabytes_taken = 0
        self.hanging, self.hung_up = threading.Event(), threading.Event()
        self.lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing is printed: the other side has hung up, as it should where it stops early."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Endpoint
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None: ...

    def reply(self, status: int, text: str, **headers: str) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if self.server.always is not None:
            self.server.always(self)
        elif self.server.models is None:
            refuse(404, "Not Found")(self)
        else:
            self.reply(200, json.dumps({"object": "list", "data": [{"id": name} for name in self.server.models]}))

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.requests.append(request)
            self.server.keys.append(self.headers.get("Authorization"))
            self.server.times.append(time.monotonic())
            fault = self.server.always or (self.server.faults.pop(0) if self.server.faults else None)
            self.server.at_once += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.at_once)
        if self.server.together is not None:
            self.server.together.wait(60)
        with self.server.lock:
            self.server.at_once -= 1
        if fault is not None:
            fault(self)
        elif not self.server.knows(request["model"]):
            refuse(404, f"The model `{request['model']}` does not exist.")(self)
        else:
            self.reply(200, json.dumps(self._completion(request)))

    def _completion(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.server.answer is not None:
            said = self.server.answer(request)
        else:
            content = request["messages"][-1]["content"]
            words = " ".join(part["text"] for part in content if part["type"] == "text")
            said = f" {words}: {sum(part['type'] == 'image_url' for part in content)} images. "
        return {
            "model": "tiny-2026",
            "choices": [
                {
                    "message": {"role": "assistant", "content": said},
                    "finish_reason": self.server.finish_reason,
                }
            ],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10},
        }


@contextmanager
def endpoint() -> Iterator[Endpoint]:
    """One that runs while it is used; who asks it waits a tenth of the usual time before asking again."""
    server = Endpoint()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(client, "FIRST_PAUSE_SECONDS", client.FIRST_PAUSE_SECONDS / 10)
            yield server
    finally:
        server.shutdown()
        server.server_close()
