"""The pages over HTTP: the report and its images, the page that tries a model, and what that page asks for.

Meant for this machine and one user: other host names are refused (so a web page elsewhere cannot reach it by a name of
its own), so are posts from pages of another origin, and whoever does not know the token of the printed address.
"""

from __future__ import annotations

import json
import secrets
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, File, Form, Request, UploadFile
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

from benchmarks.errors import ImageError
from benchmarks.files.numbers import whole_number
from libra_bench.serving.trial import Trial
from reports.cases.pieces import PIECE_NAME, pieces_folder
from reports.cases.thumbnails import thumbnail
from reports.page import Report, try_model_page

MAX_UPLOAD_BYTES = 256 * 2**20
LARGE_PIXELS = 1024
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
TOKEN = "token"  # noqa: S105 - its name
"""The parameter of the address, and the beginning of the cookie that replaces it."""

Upload = Annotated[UploadFile | None, File()]
Text = Annotated[str | None, Form()]


def create_app(
    *, report: Report | None, trial: Trial | None, uploads: Path, token: str, hosts: tuple[str, ...] = LOOPBACK
) -> FastAPI:
    """The application.

    Args:
        report: a written report to show; its images are made small when they are asked for.
        trial: a model to try.
        uploads: where images that are uploaded stay while they are read; whoever owns it removes it at the end.
        token: what a request must know: `?token=...` in the first address, then a cookie.
        hosts: names under which it may be reached; ("*",) for any.
    """
    app = FastAPI(title="libra-bench", docs_url=None, redoc_url=None, openapi_url=None)
    app.middleware("http")(_guard)
    app.middleware("http")(_asks_for(token))
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))

    def home() -> Response:
        return RedirectResponse("report" if report else "try")

    def show_report() -> Response:
        if report is None:
            return JSONResponse({"error": "this server has no report"}, status_code=404)
        return HTMLResponse(report.path.read_text(encoding="utf-8"))

    def show_piece(version: str, name: str) -> Response:
        pieces = report.pieces if report else None
        if pieces is None or pieces.name != version or not PIECE_NAME.fullmatch(name) or not (pieces / name).is_file():
            return JSONResponse({"error": "no such part of a report"}, status_code=404)
        return FileResponse(pieces / name, media_type="text/javascript")

    def image(name: str) -> Response:
        from benchmarks.images import resolve_images

        if report is None or report.image_root is None or name not in report.image_names:
            return JSONResponse({"error": "no such image"}, status_code=404)
        try:
            (path,) = resolve_images([name], report.image_root, follow_links=report.follow_links)
            return Response(thumbnail(path, LARGE_PIXELS), media_type="image/webp")
        except ImageError as error:
            return JSONResponse({"error": error.what}, status_code=404)

    def try_model() -> Response:
        if trial is None:
            return JSONResponse({"error": "this server has no model; start it with --model"}, status_code=404)
        return HTMLResponse(try_model_page(trial.settings(), report=report is not None))

    def preview(image: Annotated[UploadFile, File()]) -> Response:
        with tempfile.TemporaryDirectory(dir=uploads) as folder:
            try:
                return Response(thumbnail(_keep(image, Path(folder), "image")), media_type="image/webp")
            except ImageError as error:
                return JSONResponse({"error": error.what}, status_code=422)

    def describe(
        current: Upload = None,
        prior: Upload = None,
        prompt: Text = None,
        protocol: Text = None,
        num_beams: Annotated[int | None, Form()] = None,
        max_new_tokens: Annotated[int | None, Form()] = None,
        temperature: Annotated[float | None, Form()] = None,
    ) -> Response:
        if trial is None:
            return JSONResponse({"error": "this server has no model"}, status_code=404)
        if prior is not None and current is None:
            return _lines(iter([{"error": "a prior image without a current one; give the current image, too"}]))
        folder = Path(tempfile.mkdtemp(dir=uploads))
        images = [_keep(upload, folder, name) for name, upload in (("current", current), ("prior", prior)) if upload]
        overrides = {"num_beams": num_beams, "max_new_tokens": max_new_tokens, "temperature": temperature}
        return _lines(trial.ask(images, prompt or "", protocol, overrides), folder)

    app.add_api_route("/", home)
    app.add_api_route("/report", show_report)
    if report is not None:
        app.add_api_route(f"/{pieces_folder(report.path).name}/{{version}}/{{name}}", show_piece)
    app.add_api_route("/image", image)
    app.add_api_route("/try", try_model)
    app.add_api_route("/preview", preview, methods=["POST"])
    app.add_api_route("/describe", describe, methods=["POST"])
    return app


def _asks_for(token: str) -> Callable[[Request, Callable[[Request], Awaitable[Response]]], Awaitable[Response]]:
    """Refuse who does not know the token; who does gets a cookie, so that links and posts of the pages work."""

    async def check(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        cookie = f"{TOKEN}-{request.url.port}"  # cookies of other servers on this machine come along
        given = request.query_params.get(TOKEN)
        known = [one for one in (given, request.cookies.get(cookie)) if one]
        if not any(secrets.compare_digest(one.encode(), token.encode()) for one in known):
            what = "open the address that libra-bench serve printed, with its token"
            return JSONResponse({"error": what}, status_code=403)
        response = await call_next(request)
        if given is not None:
            response.set_cookie(cookie, token, httponly=True, samesite="strict")
        return response

    return check


async def _guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Refuse posts from elsewhere and uploads that are too large; nothing is kept by the browser."""
    origin = request.headers.get("origin")
    if request.method == "POST":
        if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
            return JSONResponse({"error": "posts from other pages are refused"}, status_code=403)
        size = whole_number(request.headers.get("content-length", ""))
        if size is None or not 0 <= size <= MAX_UPLOAD_BYTES:
            return JSONResponse({"error": f"more than {MAX_UPLOAD_BYTES // 2**20} MB"}, status_code=413)
    response = await call_next(request)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _keep(upload: UploadFile, folder: Path, name: str) -> Path:
    """Write an upload under a name of ours; of its own only a DICOM ending is kept, since it decides the format."""
    suffix = Path(upload.filename or "").suffix.lower()
    path = folder / (name + (suffix if suffix in {".dcm", ".dicom"} else ""))
    with path.open("wb") as stream:
        shutil.copyfileobj(upload.file, stream)
    return path


class _Lines(StreamingResponse):
    """Messages as JSON lines; the folder of their images is removed when the last is sent or the browser has left."""

    def __init__(self, messages: Iterator[Any], folder: Path | None) -> None:
        super().__init__((json.dumps(message) + "\n" for message in messages), media_type="application/x-ndjson")
        self._messages, self._folder = messages, folder

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)


def _lines(messages: Iterator[Any], folder: Path | None = None) -> Response:
    return _Lines(messages, folder)
