"""`serve`: the pages over HTTP, what is refused, and the page that tries a model in a real browser."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from headless_browser import browser
from in_process import InProcess
from real_program import Program
from run_folders import DEMO, change_record, write_large_run, write_run

pytest.importorskip("fastapi", reason="needs the extra serve")

IMAGES = sorted(DEMO.glob("images/*/*.png"))
BOUNDARY = "----libra"
TOKENS: dict[str, str] = {}
"""Address -> the token of its server."""


@contextmanager
def served(program: Program, *arguments: object) -> Iterator[str]:
    """The address of a server that runs as long as the block, without its token; `get` and `post` know it."""
    command = program.command("serve", *arguments, "--port", 0)
    with subprocess.Popen(command, cwd=program.folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            root, _, token = process.stdout.readline().strip().partition("?token=")
            TOKENS[root] = token
            yield root
        finally:
            process.terminate()
            process.wait(30)


def with_token(address: str) -> dict[str, str]:
    parts = urllib.parse.urlsplit(address)
    return {"Cookie": f"token-{parts.port}={TOKENS[f'http://{parts.netloc}/']}"}


def get(address: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(address, headers=with_token(address) | headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def post(address: str, fields: dict[str, str | Path], **headers: str) -> tuple[int, str]:
    body = b""
    for name, value in fields.items():
        named = f'; filename="{value.name}"' if isinstance(value, Path) else ""
        content = value.read_bytes() if isinstance(value, Path) else value.encode()
        body += (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode() + content + b"\r\n"
        )
    kind = with_token(address) | {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    request = urllib.request.Request(address, body + f"--{BOUNDARY}--\r\n".encode(), headers=kind | headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return response.status, response.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def messages(answer: str) -> list[dict]:
    return [json.loads(line) for line in answer.splitlines()]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of a run of 5 cases whose model, echo, can be tried."""
    folder = tmp_path_factory.mktemp("served")
    change_record(write_large_run(folder / "run", 5, model="echo"), model={"adapter": "echo", "name": "echo"})
    with served(Program(folder), "run") as found:
        yield found


def test_the_address_is_on_this_machine(address: str) -> None:
    assert address.startswith("http://127.0.0.1:")


@pytest.mark.parametrize("path", ["", "report", "try", "image?name=a", "?token=wrong", "?token="])
def test_who_does_not_know_the_token_is_refused(path: str, address: str) -> None:
    status, said = get(address + path, Cookie="")
    assert (status, "with its token" in said) == (403, True)
    assert post(f"{address}describe", {"prompt": "Q"}, Cookie="")[0] == 403


def test_the_token_in_the_address_is_enough_for_a_browser(address: str) -> None:
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    with opener.open(f"{address}?token={TOKENS[address]}", timeout=60) as first:
        assert first.url == f"{address}report"  # the token doesn't stay in the address
    with opener.open(f"{address}try", timeout=60) as second:
        assert second.status == 200


def test_the_pieces_of_a_large_report_are_served_and_nothing_else(tmp_path: Path) -> None:
    from starlette.testclient import TestClient

    from libra_bench.serving.app import LOOPBACK, create_app
    from reports.page import write_report

    run = write_large_run(tmp_path / "run", 5)
    report = write_report([run], tmp_path / "report.html", images="serve", max_cases_in_page=1, drawn=dict)
    assert report.pieces is not None
    app = create_app(report=report, trial=None, uploads=tmp_path, token="known", hosts=LOOPBACK)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        folder = f"/report_cases/{report.pieces.name}"
        assert client.get(f"{folder}/index.js").status_code == 403
        page = client.get("/report?token=known")
        assert f"report_cases/{report.pieces.name}" in page.text
        piece = client.get(f"{folder}/0000.js")
        assert (piece.status_code, piece.text) == (200, (report.pieces / "0000.js").read_text())
        assert piece.headers["content-type"].startswith("text/javascript")
        assert "image?name=" in piece.text
        (report.pieces / "other.js").write_text("")
        for name in ("0001.js", "other.js", "..%2f..%2freport.html", "index.json"):
            assert client.get(f"{folder}/{name}").status_code == 404
        assert client.get(f"/report_cases/{'0' * 12}/index.js").status_code == 404


def uploads_of(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "report.html"]


@pytest.mark.parametrize("end", ["the client leaves", "SIGTERM"])
def test_no_upload_stays(end: str, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with served(program, program.slow_model(seconds=1.0)) as address:
        parts = urllib.parse.urlsplit(address)
        body = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="current"; filename="a.png"\r\n\r\n'.encode()
        body += IMAGES[0].read_bytes()
        body += f"\r\n--{BOUNDARY}--\r\n".encode()
        cookie = with_token(address)["Cookie"]
        head = f"POST /describe HTTP/1.1\r\nHost: {parts.netloc}\r\nCookie: {cookie}\r\nContent-Length: {len(body)}\r\n"
        head += f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
        with socket.create_connection((parts.hostname, parts.port)) as client:
            client.sendall(head.encode() + body)
            wait_for(lambda: bool(uploads_of(tmp_path / "temporary")))
            if end == "the client leaves":
                client.close()
                wait_for(lambda: not uploads_of(tmp_path / "temporary"))
    assert list((tmp_path / "temporary").iterdir()) == []


def wait_for(happened: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_report_and_its_images(address: str) -> None:
    status, page = get(address)
    assert status == 200
    assert "<title>echo on demo</title>" in page
    assert 'href="try"' in page
    name = json.loads((DEMO / "demo.jsonl").read_text().splitlines()[0])["image"][0]
    status, picture = get(f"{address}image?name={name}")
    assert (status, picture[:4]) == (200, "RIFF")


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "demo.jsonl", "images", "", "train"])
def test_only_images_of_the_cases_are_served(name: str, address: str) -> None:
    assert get(f"{address}image?name={name}")[0] == 404


def test_other_host_names_are_refused(address: str) -> None:
    assert get(f"{address}report", Host="evil.example")[0] == 400


def test_posts_from_other_pages_are_refused(address: str) -> None:
    fields: dict[str, str | Path] = {"prompt": "Hello?"}
    assert post(f"{address}describe", fields, Origin="http://evil.example")[0] == 403
    assert post(f"{address}describe", fields, Origin="null")[0] == 403
    assert post(f"{address}describe", fields, Origin=address.rstrip("/"))[0] == 200


def test_a_model_answers_message_by_message(address: str) -> None:
    status, answer = post(f"{address}describe", {"current": IMAGES[0], "prompt": "What is new?"})
    assert status == 200
    *_, last = messages(answer)
    assert (last["text"], last["done"]) == ("What is new?", "done")


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"prior": IMAGES[0], "prompt": "Q"}, "a prior image without a current one"),
        ({"prompt": "Q", "protocol": "libra-v9"}, "unknown protocol 'libra-v9'; did you mean"),
        ({"prompt": "Q", "num_beams": "0"}, "--num-beams: must be at least 1"),
        ({"prompt": "Q", "num_beams": "100000000"}, "--num-beams: must be at most 1,000"),
        ({"prompt": "Q", "max_new_tokens": "100000000"}, "--max-new-tokens: must be at most"),
        ({"prompt": "Q", "temperature": "nan"}, "--temperature: must be a number"),
        ({"prompt": "Q", "temperature": "inf"}, "--temperature: must be at most"),
    ],
)
def test_what_cannot_be_asked_is_said(fields: dict[str, str | Path], error: str, address: str) -> None:
    (message,) = messages(post(f"{address}describe", fields)[1])
    assert error in message["error"]


def test_what_has_no_effect_is_said(address: str) -> None:
    *_, last = messages(post(f"{address}describe", {"prompt": "Q", "num_beams": "3", "temperature": "0.5"})[1])
    assert last["done"] == "done, temperature without effect, since nothing is sampled"


def test_an_image_that_is_none_is_said(address: str, tmp_path: Path) -> None:
    (tmp_path / "words.png").write_text("words")
    status, answer = post(f"{address}preview", {"image": tmp_path / "words.png"})
    assert (status, json.loads(answer)["error"]) == (422, "is no image that can be read")


def test_bad_targets(cli: InProcess) -> None:
    for target, words in (("libra-tinny", "did you mean 'libra-tiny'"), ("nowhere/at/all", "unknown model")):
        done = cli("serve", target, "--port", 0)
        assert done.returncode == 2
        assert words in done.stderr
        assert done.stderr.count("\n") == 1


def test_a_port_that_is_taken(cli: InProcess) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = cli("serve", "echo", "--port", taken.getsockname()[1])
    assert done.returncode == 2
    assert "give another, or 0 for any" in done.stderr


def test_options_of_decoding_hold_for_every_protocol(program: Program) -> None:
    with served(program, "constant", "--option", "text=Clear.", "--num-beams", 7, "--seed", 5) as address:
        page = get(f"{address}try")[1]
        (message,) = messages(post(f"{address}describe", {"prompt": "Q", "num_beams": "0"})[1])
    assert page.count("7 beams") >= 4
    words = ["--model", "constant", "--option", "text=Clear.", "--num-beams", "7", "--seed", "5"]
    assert json.dumps(words, separators=(",", ":")) in page
    assert "must be at least 1" in message["error"]


def test_a_replayed_run_has_no_model_to_try(program: Program) -> None:
    change_record(write_run(program.folder / "run"), model={"adapter": "replay"})
    with served(program, "run") as address:
        assert 'href="try"' not in get(address)[1]
        assert get(f"{address}try")[0] == 404


@pytest.mark.slow
def test_the_try_page_answers_with_libra_tiny(program: Program, tmp_path: Path) -> None:
    options = ("--max-new-tokens", 5, "--seed", 3)
    with served(program, "libra-tiny", *options) as address, browser(tmp_path / "profile") as driver:
        driver.get(f"{address}?token={TOKENS[address]}")
        assert driver.current_url.endswith("/try")
        driver.find_element("id", "current").send_keys(str(IMAGES[1]))
        driver.find_element("id", "prior").send_keys(str(IMAGES[0]))
        driver.find_element("id", "max_new_tokens").send_keys("8")
        driver.find_element("id", "go").click()
        deadline = time.monotonic() + 90
        while not (state := driver.find_element("id", "state").text).startswith("done"):
            assert time.monotonic() < deadline, state
            time.sleep(0.1)
        answer, command = (driver.find_element("id", name).text for name in ("answer", "command"))
        assert driver.execute_script("return document.querySelectorAll('.drop img').length") == 2
        assert driver.get_log("browser") == []
        asked = {"current": IMAGES[1], "prior": IMAGES[0], "prompt": "Describe.", "max_new_tokens": "8"}
        streamed = [message["text"] for message in messages(post(f"{address}describe", asked)[1]) if "text" in message]
    assert answer
    print(f"\nthe try page: {state}; {len(streamed)} texts while it was written")
    assert len(streamed) > 3
    images = f"{IMAGES[1].name} {IMAGES[0].name}"
    assert command.startswith(f"libra-bench describe {images} --model libra-tiny --seed 3 --prompt '")
    assert command.count("--max-new-tokens") == 1
    assert command.endswith("--protocol phantom --max-new-tokens 8")
    again = command.replace("libra-bench describe", "", 1).replace(IMAGES[1].name, str(IMAGES[1]), 1)
    import shlex

    words = shlex.split(again)
    words[1] = str(IMAGES[0])
    assert program("describe", *words).stdout.strip() == answer.strip()
