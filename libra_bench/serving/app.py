"""The pages over HTTP: the report and its images, the page that tries a model, and what that page asks for.

Meant for this machine: other host names are refused (so a web page elsewhere cannot reach it by a name of its own), and
so are posts from pages of another origin.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, File, Form, Request, UploadFile
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

from benchmarks.errors import ImageError
from libra_bench.serving.trial import Trial
from reports.page import Report, try_model_page
from reports.thumbnails import thumbnail

MAX_UPLOAD_BYTES = 256 * 2**20
LARGE_PIXELS = 1024
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

Upload = Annotated[UploadFile | None, File()]
Text = Annotated[str | None, Form()]


def create_app(*, report: Report | None, trial: Trial | None, hosts: tuple[str, ...] = LOOPBACK) -> FastAPI:
    """The application.

    Args:
        report: a written report to show; its images are made small when they are asked for.
        trial: a model to try.
        hosts: names under which it may be reached; ("*",) for any.
    """
    app = FastAPI(title="libra-bench", docs_url=None, redoc_url=None, openapi_url=None)
    app.middleware("http")(_guard)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))

    def home() -> Response:
        return RedirectResponse("report" if report else "try")

    def show_report() -> Response:
        if report is None:
            return JSONResponse({"error": "this server has no report"}, status_code=404)
        return HTMLResponse(report.path.read_text(encoding="utf-8"))

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
        with tempfile.TemporaryDirectory() as folder:
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
        folder = Path(tempfile.mkdtemp(prefix="libra-bench-"))
        images = [_keep(upload, folder, name) for name, upload in (("current", current), ("prior", prior)) if upload]
        overrides = {"num_beams": num_beams, "max_new_tokens": max_new_tokens, "temperature": temperature}

        def messages() -> Iterator[Any]:
            try:
                yield from trial.ask(images, prompt or "", protocol, overrides)
            finally:
                shutil.rmtree(folder, ignore_errors=True)

        return _lines(messages())

    app.add_api_route("/", home)
    app.add_api_route("/report", show_report)
    app.add_api_route("/image", image)
    app.add_api_route("/try", try_model)
    app.add_api_route("/preview", preview, methods=["POST"])
    app.add_api_route("/describe", describe, methods=["POST"])
    return app


async def _guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Refuse posts from elsewhere and uploads that are too large; nothing is kept by the browser."""
    origin = request.headers.get("origin")
    if request.method == "POST":
        if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
            return JSONResponse({"error": "posts from other pages are refused"}, status_code=403)
        size = request.headers.get("content-length", "")
        if not size.isdigit() or int(size) > MAX_UPLOAD_BYTES:
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


def _lines(messages: Iterator[Any]) -> Response:
    return StreamingResponse((json.dumps(message) + "\n" for message in messages), media_type="application/x-ndjson")
